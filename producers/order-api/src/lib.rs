#![doc = include_str!("../README.md")]

mod connect;
mod serve;
mod settings;

mod routes;

mod guards;
mod problem;

mod order;

mod caller;
mod idempotency;
mod placing;

mod history;
mod prefer;

mod accept;
mod events;
mod trace;

pub use connect::{ConnectError, connect};
pub use history::{OrderDetails, OrderDetailsLine, OrderPage, OrderSummary, TimelineEntry};
pub use order::{ContactRequest, OrderRequest, OrderRequestLine};
pub use placing::{OrderAccepted, OrderReceipt};
pub use problem::{FieldProblem, ProblemBody};
pub use routes::openapi_json;
pub use serve::{ServeError, serve};
pub use settings::{Admission, Settings, declares, emit_settings};
