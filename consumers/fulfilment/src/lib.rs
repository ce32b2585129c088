//! Takes orders on (discounts, stock, payment) and walks each through its stages to the customer who
//! collects it; cancels and pays back what can be.
//!
//! The only writer of its tables. What it decides and what it tells (`order-status`, through the
//! outbox) are one transaction, in which each status gets its place in the order's sequence: so
//! every status of an order is told once, in order. A stage and when it ends lie in the table:
//! whoever runs next goes on from there.
//!
//! What may surprise:
//! - An order keeps the stages that it was confirmed with. Stages configured anew are for the
//!   orders confirmed from then on; what a customer was told of an order stays true.
//! - A stage ends at the time that was set for it, however late anybody looks. After an outage the
//!   statuses that were missed are told one after the other, each stamped with its own time.
//! - An order of the past (`historic`) takes no time and no place: all is told at once, stamped from its
//!   time.
//! - The stations are the kitchen's, not the order's: how many there are is what is configured now, and
//!   an order that was confirmed for a stage without stations takes none.

mod service;
mod settings;
mod stages;
mod tables;

mod asked;
mod rows;
mod take_orders;
mod work;

mod on_order_cancellation_requested;
mod on_order_collected;
mod on_order_placed;
mod on_order_returned;

mod cancelled_early;
mod counts;
mod coupons;
mod customers;
mod first_ends;
mod kitchen;
mod order;
mod order_row;
mod payments;
mod stock;
mod tell;
mod walk_stages;
mod words;

mod books;

pub use books::{Books, KeptHold, KeptPayment, KeptStock};
pub use service::{FulfilmentError, declares, run};
pub use settings::{Rules, Settings, StockRule};
pub use stages::{Stage, Stages, StagesError, Stations, parse_duration};

/// The group's name.
pub const NAME: &str = "fulfilment";
