//! Which handler takes which type, with the types erased.

use std::{collections::HashMap, future::Future, marker::PhantomData, pin::Pin};

use metrics::{Histogram, histogram};

use super::{
    BatchContext, BatchHandler, Context, DeletionHandler, EventSet, Failure, Handler,
    OrReject as _, Received, Scope,
};
use crate::{Event, Meta, codec::Schema, record::Coordinates};

/// Everything that a consumer handles.
pub(super) enum Routes<S: Scope> {
    /// A handler per type.
    Each {
        by_type: Vec<(&'static str, Timed<dyn EachRoute<S>>)>,
        /// By topic, since a deletion has no type of its own.
        deletions: HashMap<&'static str, Timed<dyn DeletionRoute<S>>>,
    },
    /// One for batches of several types.
    Batch { types: &'static [(&'static str, &'static str)], route: Timed<dyn BatchRoute<S>> },
}

/// A handler, and how long it takes.
pub(super) struct Timed<R: ?Sized> {
    pub(super) route: Box<R>,
    pub(super) seconds: Histogram,
}

impl<R: ?Sized> Timed<R> {
    /// What it takes isn't told yet.
    pub(super) fn of(route: Box<R>) -> Self {
        Self { route, seconds: Histogram::noop() }
    }
}

impl<S: Scope> Routes<S> {
    pub(super) fn takes(&self, event_type: &str) -> bool {
        match self {
            Self::Each { by_type, .. } => of_type(by_type, event_type).is_some(),
            Self::Batch { types, .. } => types.iter().any(|(name, _)| *name == event_type),
        }
    }

    /// Tells from now on how long handlers take: by event type; a deletion's is `deletion`, that of
    /// a batch `batch`.
    pub(super) fn tell_times(&mut self, group: &str) {
        let of = |event: &'static str| histogram!("orderly_handler_seconds", "group" => group.to_owned(), "type" => event);
        match self {
            Self::Each { by_type, deletions } => {
                by_type.iter_mut().for_each(|(name, timed)| timed.seconds = of(name));
                deletions.values_mut().for_each(|timed| timed.seconds = of("deletion"));
            }
            Self::Batch { route, .. } => route.seconds = of("batch"),
        }
    }
}

/// The handler of a type. There are few: looking through them is quicker than hashing a name.
pub(super) fn of_type<'r, S: Scope>(
    by_type: &'r [(&'static str, Timed<dyn EachRoute<S>>)],
    event_type: &str,
) -> Option<&'r Timed<dyn EachRoute<S>>> {
    by_type.iter().find(|(name, _)| *name == event_type).map(|(_, route)| route)
}

type Handling<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

pub(super) trait EachRoute<S: Scope>: Send + Sync {
    fn handle<'a>(
        &'a self,
        cx: &'a mut Context<'_, S>,
        schema: &Schema,
        datum: &[u8],
    ) -> Handling<'a>;
}

pub(super) struct TypedRoute<E, H>(pub(super) H, pub(super) PhantomData<fn(E)>);

impl<E: Event, S: Scope, H: Handler<E, S>> EachRoute<S> for TypedRoute<E, H> {
    fn handle<'a>(
        &'a self,
        cx: &'a mut Context<'_, S>,
        schema: &Schema,
        datum: &[u8],
    ) -> Handling<'a> {
        match schema.decode::<E>(datum).or_reject("undecodable") {
            Ok(event) => Box::pin(self.0.handle(cx, event)),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

pub(super) trait DeletionRoute<S: Scope>: Send + Sync {
    fn handle<'a>(&'a self, cx: &'a mut Context<'_, S>, key: &'a str) -> Handling<'a>;
}

impl<E: Event, S: Scope, H: DeletionHandler<E, S>> DeletionRoute<S> for TypedRoute<E, H> {
    fn handle<'a>(&'a self, cx: &'a mut Context<'_, S>, key: &'a str) -> Handling<'a> {
        Box::pin(self.0.handle_deletion(cx, key))
    }
}

/// Batches are decoded once and run as often as it takes; so decoding is a step of its own.
pub(super) trait BatchRoute<S: Scope>: Send + Sync {
    fn begin(&self) -> Box<dyn DecodedBatch<S> + '_>;
}

/// Events of a batch, decoded.
pub(super) trait DecodedBatch<S: Scope>: Send + Sync {
    fn add(
        &mut self,
        schema: &Schema,
        datum: &[u8],
        meta: Meta,
        at: Coordinates,
    ) -> Result<(), Failure>;

    /// Runs the handler on `range` of the events, by their order in the batch.
    fn handle<'a>(
        &'a self,
        cx: &'a mut BatchContext<'_, S>,
        range: std::ops::Range<usize>,
    ) -> Handling<'a>;
}

pub(super) struct TypedBatch<Set, H>(pub(super) H, pub(super) PhantomData<fn(Set)>);

impl<Set: EventSet, S: Scope, H: BatchHandler<Set, S>> BatchRoute<S> for TypedBatch<Set, H> {
    fn begin(&self) -> Box<dyn DecodedBatch<S> + '_> {
        Box::new(Decoded { handler: &self.0, events: Vec::<Received<Set>>::new() })
    }
}

struct Decoded<'h, Set, H> {
    handler: &'h H,
    events: Vec<Received<Set>>,
}

impl<Set: EventSet, S: Scope, H: BatchHandler<Set, S>> DecodedBatch<S> for Decoded<'_, Set, H> {
    fn add(
        &mut self,
        schema: &Schema,
        datum: &[u8],
        meta: Meta,
        at: Coordinates,
    ) -> Result<(), Failure> {
        let event = Set::decode(schema, datum)
            .or_reject("a type that this batch doesn't take")?
            .or_reject("undecodable")?;
        self.events.push(Received { event, meta, at });
        Ok(())
    }

    fn handle<'a>(
        &'a self,
        cx: &'a mut BatchContext<'_, S>,
        range: std::ops::Range<usize>,
    ) -> Handling<'a> {
        Box::pin(self.handler.handle(cx, &self.events[range]))
    }
}
