//! The only place that names the Kafka client library. No type of it leaves this folder.
mod admin;
mod client;
mod embedded;
mod errors;
mod fetched;
mod ffi;
mod member;
mod names;
mod positions;
mod probe;
mod producer;
mod reader;
mod rebalances;
mod tail;
mod watch;

pub use admin::{Admin, NotCreated, TopicState};
pub use embedded::{EmbeddedBroker, Kept};
pub use errors::KafkaError;
pub(crate) use ffi::{Headers, Message};
pub(crate) use member::{Member, MemberEvents, MemberSettings, Round, Unread};
pub(crate) use positions::Assigned;
pub use probe::{GroupLag, Probe};
pub(crate) use producer::{Delivered, DeliveryError, Producer, ProducerSettings};
pub(crate) use reader::{Read, Reader, ReaderOrders};
pub use tail::Tail;
pub(crate) use watch::{KAFKA, Suspicion, Watch};
