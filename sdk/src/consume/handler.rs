//! What a service implements: a handler per event type, or one for batches of several.

use std::future::Future;

use super::{BatchContext, Context, Direct, Failure, Scope};
use crate::{
    Event, Meta,
    codec::{DecodeError, Schema},
    record::Coordinates,
};

/// Does one event. Runs again after a failure or a crash before its commit; what it does within
/// its context's transaction happens once.
pub trait Handler<E: Event, S: Scope = Direct>: Send + Sync + 'static {
    /// Ok: done, the offset may move. The failure decides what else.
    fn handle(
        &self,
        cx: &mut Context<'_, S>,
        event: E,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Does the deletion of what a key stands for, in a compacted topic.
pub trait DeletionHandler<E: Event, S: Scope = Direct>: Send + Sync + 'static {
    /// As [`Handler::handle`]; a deletion carries nothing but its key.
    fn handle_deletion(
        &self,
        cx: &mut Context<'_, S>,
        key: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Does many events of one partition at a time, in their order.
pub trait BatchHandler<Set: EventSet, S: Scope = Direct>: Send + Sync + 'static {
    /// Ok: all are done. Rejected: the batch is done again one by one, and only what is then
    /// rejected goes to the dead letters.
    fn handle(
        &self,
        cx: &mut BatchContext<'_, S>,
        events: &[Received<Set>],
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// An event with what travelled beside it.
#[derive(Clone, Debug)]
pub struct Received<T> {
    /// The event.
    pub event: T,
    /// Id, source, time, trace.
    pub meta: Meta,
    /// Where its record lies.
    pub at: Coordinates,
}

/// The event types that a batch handler takes, as an enum: see [`event_set!`](crate::event_set).
pub trait EventSet: Sized + Send + Sync + 'static {
    /// Full name and topic of each.
    const TYPES: &'static [(&'static str, &'static str)];

    /// Decodes a datum; `None` where the schema's type isn't in the set.
    fn decode(schema: &Schema, datum: &[u8]) -> Option<Result<Self, DecodeError>>;
}

/// Declares an enum of event types for a batch handler, with one variant named as each type:
/// `event_set! { /// Docs. pub enum Happened { OrderPlaced, OrderConfirmed } }`.
#[macro_export]
macro_rules! event_set {
    ($(#[$attr:meta])* $vis:vis enum $name:ident { $($event:ident),+ $(,)? }) => {
        $(#[$attr])*
        #[derive(Clone, Debug)]
        $vis enum $name {
            $(
                #[doc = concat!("`", stringify!($event), "`")]
                $event($event),
            )+
        }

        impl $crate::consume::EventSet for $name {
            const TYPES: &'static [(&'static str, &'static str)] =
                &[$((<$event as $crate::Event>::TYPE, <$event as $crate::Event>::TOPIC)),+];

            fn decode(
                schema: &$crate::codec::Schema,
                datum: &[u8],
            ) -> Option<Result<Self, $crate::codec::DecodeError>> {
                let name = schema.name();
                $(
                    if name == <$event as $crate::Event>::TYPE {
                        return Some(schema.decode(datum).map(Self::$event));
                    }
                )+
                None
            }
        }
    };
}
