//! What is said: every event, as an Avro schema per version and the Rust type beside it.
//!
//! A schema that was ever written with is never edited: a change is a new file with the next
//! version number, which reads the one before, and [`Event::SCHEMA`](orderly_sdk::Event::SCHEMA)
//! points at the newest. What it adds has a default, here and in the type.
//!
//! Money is decimal: unit prices of scale 4, totals of scale 2 ([`money`]). Times are UTC, to the
//! millisecond: what is finer is cut off when written.

pub mod catalogue;
pub mod contacts;
pub mod money;
pub mod notifications;
pub mod order_status;
pub mod orders;
pub mod payment_token;
pub mod stock;
pub mod users;

mod every_schema;

pub use catalogue::{ProductChanged, ProductState};
pub use contacts::ContactGiven;
pub use every_schema::{SchemaFile, every_schema};
pub use notifications::{Channel, DeliveryOutcome, NotificationSent};
pub use order_status::{
    Discount, OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed,
    OrderRefunded, OrderRejected, ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
pub use orders::{
    OrderCancellationRequested, OrderCollected, OrderLine, OrderPlaced, OrderReturned, RequestedBy,
};
pub use stock::StockCounted;
pub use users::UserChanged;
