//! The only place that names the Kafka client library. No type of it leaves this folder.
mod admin;
mod answer;
mod bootstrap;
mod client;
mod embedded;
mod errors;
mod fetched;
mod ffi;
mod member;
mod member_events;
mod names;
mod partition_of_key;
mod positions;
mod probe;
mod producer;
mod reader;
mod rebalances;
mod tail;
mod transactions;
mod watch;

pub use admin::{Admin, NotCreated, TopicState};
pub(crate) use answer::Answer;
pub use embedded::{EmbeddedBroker, Kept};
pub use errors::KafkaError;
pub(crate) use ffi::{Headers, Message};
pub(crate) use member::{Member, MemberSettings};
pub(crate) use member_events::{Group, MemberEvents, Round, Unread};
pub use partition_of_key::partition_of_key;
pub(crate) use positions::Assigned;
pub use probe::{GroupLag, Probe};
pub(crate) use producer::{Delivered, DeliveryError, Producer, ProducerSettings};
pub(crate) use reader::{Read, Reader, ReaderOrders};
pub use tail::Tail;
pub(crate) use transactions::{
    Ended, Generation, NotSent, Open, Ready, Refused, Sent, TransactionSettings,
};
pub(crate) use watch::{KAFKA, Suspicion, Watch};
