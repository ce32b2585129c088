//! What surrounds a handler: opened before it, closed when it returned Ok, dropped otherwise.
//!
//! The scope decides what "done" means. [`Direct`] sends what the handler emitted and waits for
//! the acknowledgements. A database's scope puts effect, inbox row or position, and outbox into
//! one transaction.

use std::future::Future;

use super::{Failure, Ledger, Position};
use crate::{EventId, OutRecord, record::TopicPartition};

/// Surrounds each unit of work of a consumer.
pub trait Scope: Send + Sync + 'static {
    /// What the handler works in, as a database transaction. Dropped without
    /// [`commit`](Scope::commit), it leaves nothing behind.
    type Tx: Send;

    /// Whether what a handler emits becomes final together with its effect, once. Where it
    /// doesn't, a handler that runs again emits under the same event ids, so that readers know
    /// the repeats.
    const EMITS_ONCE: bool = false;

    /// Whether it asks for [`Unit::events`]; where not, they are left out.
    const KNOWS_EVENTS: bool = true;

    /// Whether what is emitted isn't sent by the scope, but by the member in its transaction: of an
    /// exactly-once consumer's only.
    #[doc(hidden)]
    const HANDS_OVER: bool = false;

    /// Whether the scope keeps how far a partition is done, and moves it together with the effect.
    /// Then a partition's units come one after the other, each with the ledger before it.
    fn keeps_position(&self, _partition: &TopicPartition) -> bool {
        false
    }

    /// Where the group begins in a partition. Called at every assignment.
    fn start(
        &self,
        _group: &str,
        _partition: &TopicPartition,
    ) -> impl Future<Output = Result<Start, Failure>> + Send {
        async { Ok(Start::Committed) }
    }

    /// Opens the unit, or says that its effect is already there.
    fn begin(
        &self,
        unit: &Unit<'_>,
    ) -> impl Future<Output = Result<Begun<Self::Tx>, Failure>> + Send;

    /// Makes the effect, and what the handler emitted, last. Only then may the offset move.
    fn commit(
        &self,
        tx: Self::Tx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Moves past a unit without events: its records were dead-lettered or are nobody's. Only a
    /// scope that keeps the position has something to do.
    fn pass(&self, _unit: &Unit<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// What one run of a handler covers: a record, or a batch of one partition.
#[derive(Clone, Debug)]
pub struct Unit<'a> {
    /// The group it is done for.
    pub group: &'a str,
    /// Where its records are.
    pub partition: &'a TopicPartition,
    /// Their offsets, rising. Records that are only passed over are among them.
    pub offsets: &'a [i64],
    /// Ids of the events in it, in order. None where its records only have to be passed over:
    /// dead-lettered, or of types that nobody handles.
    pub events: &'a [EventId],
    /// Where the scope keeps the position ([`Scope::keeps_position`]): what was done before it.
    pub ledger: Option<&'a Ledger>,
    /// It comes from the dead letters: its offset was passed when it went there, so the position
    /// stays, and that it is done has to be kept elsewhere.
    pub is_redriven: bool,
}

/// Whether a unit is to be done.
pub enum Begun<T> {
    /// Not done yet: go on in this.
    Fresh(T),
    /// Its effect is there already: a known repeat.
    Repeat,
}

/// Where a group begins in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the offset committed in Kafka, else at the oldest record kept.
    Committed,
    /// There: the scope keeps the position itself.
    At(Position),
    /// At the oldest record kept, whatever is committed: the scope keeps the position, and has
    /// none yet.
    Oldest,
}
