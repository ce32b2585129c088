//! Orders followed live: what happened, then what happens.
//!
//! One reader of `orders` and `order-status`, without a group, however many follow; none while nobody
//! does. Who follows an order is registered first, then told what history has kept, until history has
//! read as far as the reader had when they were registered; then what came in the meantime, and what
//! comes. What was told is known by its offsets, one for each topic, as an order is in one partition of
//! both: so nothing is told twice, and nothing passed over, whoever tells it and in whatever sequence
//! the two topics come in. These two offsets are an event's id ([`Place`]), from which every replica
//! can go on.

mod bounds;
mod follow;
mod happening;
mod hub;
mod joined;
mod kitchen_stream;
mod order_stream;
mod place;
mod status;
mod subscription;

pub use bounds::LiveBounds;
pub(crate) use follow::Full;
pub use follow::{Live, LiveError};
pub(crate) use happening::{Happening, Topic};
pub(crate) use kitchen_stream::KitchenStream;
pub(crate) use order_stream::{OrderStream, Start};
pub(crate) use place::Place;
