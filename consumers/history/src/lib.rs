//! What happened to every order, kept in the store and read from there.
//!
//! Group `history` folds `orders` and `order-status`, whichever comes first, in batches: effect and
//! position commit in one transaction, so each event takes effect once. What it keeps depends on
//! the events alone, not on how the two topics came in between each other.
//!
//! - [`run`]: the service: members of the group, and the read API over HTTP ([`routes`]).
//! - [`fold()`]: events to rows, within a transaction; what the members' handler does.
//! - [`ReadModel`]: what is kept, one order or page at a time.

mod fold;
mod happened;
mod list_kitchen_orders;
mod list_user_orders;
mod page_through;
mod read_events;
mod read_model;
mod read_order;
mod read_returns;
mod record_batch;
mod routes;
mod service;
mod show_values;
mod statuses;
mod sum_lines;
mod tables;
mod waiting;

pub use fold::fold;
pub use happened::Happened;
pub use list_kitchen_orders::{KitchenOrder, KitchenOrders};
pub use list_user_orders::{Cursor, ListedOrder, OrderList};
pub use page_through::{KeptEvent, KeptOrder};
pub use read_events::{KeptHappening, OrderEvents, Partitions};
pub use read_model::{Counts, ReadModel};
pub use read_order::{Line, Order, TimelineEntry};
pub use read_returns::Return;
pub use record_batch::RecordBatch;
pub use routes::routes;
pub use service::{Error, Settings, run};
pub use sum_lines::{SumError, Sums};
pub use waiting::Waiting;
