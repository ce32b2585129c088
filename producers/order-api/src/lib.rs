#![doc = include_str!("../README.md")]

mod connect;
mod serve;
mod settings;

mod routes;

mod problem;

mod order;

mod menu;
mod pages;

mod caller;
mod idempotency;
mod placing;

mod cache;
mod history;
mod live;
mod notifications;
mod prefer;

mod events;

use orderly_web::trace;

pub use cache::{Redis, RedisError};
pub use connect::{ConnectError, connect};
pub use history::{
    KitchenOrder, KitchenOrders, OrderDetails, OrderDetailsLine, OrderDiscount, OrderPage,
    OrderReturn, OrderSummary, TimelineEntry, Waiting,
};
pub use live::{Live, LiveBounds, LiveError};
pub use menu::{MenuPage, MenuProduct};
pub use notifications::{Delivery, OrderNotifications};
pub use order::{
    CancellationRequest, ContactRequest, OrderRequest, OrderRequestLine, Prices, ReturnRequest,
    ReturnRequestLine,
};
pub use placing::{OrderAccepted, OrderReceipt, ReturnAccepted};
pub use problem::{FieldProblem, ProblemBody};
pub use routes::openapi_json;
pub use serve::{ServeError, serve};
pub use settings::{Admission, Settings, declares, emit_settings};
