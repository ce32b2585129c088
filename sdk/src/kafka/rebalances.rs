//! What happens to a member when its group rebalances: which partitions are taken up, from where, and
//! how they are given away.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError as Native, KafkaResult},
    types::RDKafkaRespErr,
};

use super::{
    Generation, MemberEvents, Suspicion, client,
    names::Names,
    positions::{commit, log_failed_commit, position_of},
};
use crate::{
    Config,
    consume::{Position, Start},
    record::TopicPartition,
};

/// Longest that the group's coordinator is waited for when it is asked where partitions begin, and
/// how long until it is asked again.
const LONGEST_QUESTION: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What the client library calls when partitions come and go.
pub(super) struct Rebalances {
    events: Mutex<Box<dyn MemberEvents>>,
    group: String,
    is_stopping: Arc<AtomicBool>,
    oldest: Offset,
    names: Names,
    unbegun: Mutex<Unbegun>,
    /// Partitions were begun since what happened to the member was looked at last.
    has_begun: AtomicBool,
    /// The library may have taken those for the answer to a rebalance.
    may_be_paused: AtomicBool,
    is_closing: AtomicBool,
    /// A rebalance was answered since then.
    is_answered: AtomicBool,
    pub(super) suspicion: Suspicion,
}

/// Partitions whose committed offset couldn't be asked for yet.
#[derive(Default)]
struct Unbegun {
    partitions: Vec<(TopicPartition, Start)>,
    ask_at: Option<Instant>,
}

impl Rebalances {
    pub(super) fn of(
        config: &Config,
        group: &str,
        names: &Names,
        events: Box<dyn MemberEvents>,
        is_stopping: &Arc<AtomicBool>,
        suspicion: Suspicion,
    ) -> Self {
        Self {
            events: Mutex::new(events),
            group: group.to_owned(),
            is_stopping: Arc::clone(is_stopping),
            oldest: client::oldest(config),
            names: names.clone(),
            unbegun: Mutex::default(),
            has_begun: AtomicBool::new(false),
            may_be_paused: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            suspicion,
        }
    }

    pub(super) fn events(&self) -> MutexGuard<'_, Box<dyn MemberEvents>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unbegun(&self) -> MutexGuard<'_, Unbegun> {
        self.unbegun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Partitions were begun.
    pub(super) fn note_begun(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// Partitions are begun anew: those whose start couldn't be asked for before are asked for again.
    pub(super) fn forget(&self, partitions: &[TopicPartition]) {
        self.unbegun().partitions.retain(|(at, _)| !partitions.contains(at));
    }

    /// Whether what is read must be read anew. The library pauses all partitions at a rebalance until
    /// they are assigned. What we assign later, it takes for that answer if it comes in between; and
    /// if it comes before they are paused, they stay so. To be asked when everything that happened
    /// to the member was looked at: what is begun after that can't be in between any more.
    pub(super) fn take_may_be_paused(&self) -> bool {
        self.has_begun.store(false, Ordering::Relaxed);
        self.may_be_paused.swap(false, Ordering::Relaxed)
    }

    /// The consumer is about to be closed: everything is given away.
    pub(super) fn note_closing(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        // A consumer that closes is still told of assignments, and asking the group's coordinator
        // would only time out.
        if self.is_stopping.load(Ordering::Acquire) {
            return assign(consumer, &TopicPartitionList::new());
        }
        let is_in_between = self.has_begun.load(Ordering::Relaxed);
        self.may_be_paused.fetch_or(is_in_between, Ordering::Relaxed);
        let assigned = partitions(&self.names, list);
        self.events().assigned(&assigned);
        assign(consumer, &TopicPartitionList::new())
    }

    /// Tells the library that everything is given away, once: it takes any answer of a consumer that
    /// closes for that. If a rebalance was under way, it asks twice, and may be through with the
    /// group when the second answer comes; it then drops that, and whoever gave it waits for ever.
    fn close(&self, consumer: &BaseConsumer<Self>) -> KafkaResult<()> {
        if self.is_answered.swap(true, Ordering::Relaxed) { Ok(()) } else { consumer.unassign() }
    }

    /// The partitions with where they start, and those whose start couldn't be asked for before; to
    /// be assigned now.
    pub(super) fn begin(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: Vec<(TopicPartition, Start)>,
    ) -> KafkaResult<Option<TopicPartitionList>> {
        let mut unbegun = self.unbegun();
        unbegun.partitions.extend(partitions);
        let is_early = unbegun.ask_at.is_some_and(|at| Instant::now() < at);
        // Lost, they are about to be revoked.
        if unbegun.partitions.is_empty() || is_early || consumer.assignment_lost() {
            return Ok(None);
        }
        let wanted = std::mem::take(&mut unbegun.partitions);
        unbegun.ask_at = None;
        drop(unbegun);
        let (starting, positions) = self.starting(consumer, wanted)?;
        for (partition, position) in positions {
            self.events().begun(&partition, position);
        }
        Ok(Some(starting))
    }

    /// The partitions with their offsets, and what is known to be done of them. Those whose committed
    /// offset can't be asked for now are kept for later.
    fn starting(
        &self,
        consumer: &BaseConsumer<Self>,
        wanted: Vec<(TopicPartition, Start)>,
    ) -> KafkaResult<(TopicPartitionList, Begun)> {
        let mut asked = TopicPartitionList::new();
        for (at, _) in wanted.iter().filter(|(_, start)| *start == Start::Committed) {
            asked.add_partition(&self.names.there(&at.topic), at.partition);
        }
        let committed =
            if asked.count() == 0 { Some(asked) } else { self.committed(consumer, asked) };
        let (mut starting, mut begun, mut later) =
            (TopicPartitionList::new(), Vec::new(), Vec::new());
        for (at, start) in wanted {
            let topic = self.names.there(&at.topic);
            let position = match (start, &committed) {
                (Start::At(position), _) => Some(position),
                (Start::Oldest, _) => None,
                (Start::Committed, None) => {
                    later.push((at, Start::Committed));
                    continue;
                }
                (Start::Committed, Some(committed)) => position_of(committed, &topic, at.partition),
            };
            let next = position.as_ref().map_or(self.oldest, |it| Offset::Offset(it.next));
            starting.add_partition_offset(&topic, at.partition, next)?;
            begun.push((at, position));
        }
        if !later.is_empty() {
            let mut unbegun = self.unbegun();
            unbegun.partitions.extend(later);
            unbegun.ask_at = Some(Instant::now() + ASK_AGAIN);
        }
        Ok((starting, begun))
    }

    /// Committed offsets; `None` if the group's coordinator didn't answer.
    fn committed(
        &self,
        consumer: &BaseConsumer<Self>,
        asked: TopicPartitionList,
    ) -> Option<TopicPartitionList> {
        match consumer.committed_offsets(asked, LONGEST_QUESTION) {
            Ok(found) => Some(found),
            Err(error) => {
                self.suspicion.weigh(&error);
                tracing::warn!(group = %self.group, %error, "asking for committed offsets");
                None
            }
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let is_lost = consumer.assignment_lost();
        if is_lost {
            self.suspicion.raise();
        }
        let leaving = partitions(&self.names, list);
        self.forget(&leaving);
        let done = self.events().revoked(&leaving, is_lost, &|| Generation::of(consumer));
        if !is_lost && let Err(error) = commit(consumer, &self.names, &done) {
            log_failed_commit(&self.group, &error, &done);
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => {
                // Some may not have begun yet: the client doesn't have those.
                let read = consumer.assignment()?;
                let mut ending = TopicPartitionList::new();
                for element in list.elements() {
                    let (topic, number) = (element.topic(), element.partition());
                    if read.find_partition(topic, number).is_some() {
                        ending.add_partition(topic, number);
                    }
                }
                consumer.incremental_unassign(&ending)
            }
            _ => consumer.unassign(),
        }
    }
}

impl ClientContext for Rebalances {
    fn error(&self, error: Native, reason: &str) {
        client::log_client_error(&error, reason);
        self.suspicion.weigh(&error);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for Rebalances {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let (doing, done) = match what {
            _ if self.is_closing.load(Ordering::Relaxed) => ("closing", self.close(consumer)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                ("assigning", self.assign(consumer, list))
            }
            _ => ("revoking", self.revoke(consumer, list)),
        };
        if let Err(error) = done {
            tracing::error!(group = %self.group, %error, doing, "rebalance");
        }
    }
}

/// Partitions that begin, with their positions.
type Begun = Vec<(TopicPartition, Option<Position>)>;

/// Adds partitions to those that are read.
pub(super) fn assign(
    consumer: &BaseConsumer<Rebalances>,
    starting: &TopicPartitionList,
) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(starting),
        _ => consumer.assign(starting),
    }
}

fn partitions(names: &Names, list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition {
            topic: names.here(element.topic()),
            partition: element.partition(),
        })
        .collect()
}
