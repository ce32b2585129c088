//! Becoming the owner of a partition's parked keys: a takeover mark with an epoch higher than any
//! found, everything up to it, and what comes behind it.
//!
//! A member reads the partitions of `<group>.parked` whose numbers it owns by plain assignment,
//! outside the group: no assignor keeps two topics' partitions together.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use orderly_core::{Epoch, Mark, Marks};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Failure, Scope,
    engine::{Ended, Engine},
    letters::Letters,
    mailbox::Inbound,
    marks,
};
use crate::{
    Config,
    kafka::{KAFKA, KafkaError, Read, Reader, ReaderOrders},
    record::TopicPartition,
};

/// What an owner begins with.
#[derive(Default)]
pub(super) struct TakenOver {
    pub(super) epoch: Epoch,
    pub(super) marks: Marks,
    /// Offset behind the last dead letter.
    pub(super) letters_end: i64,
}

/// A member's view of `<group>.parked`.
#[derive(Clone)]
pub(super) struct ParkedLog {
    shared: Arc<Shared>,
    orders: ReaderOrders,
}

struct Shared {
    known: Mutex<Known>,
    /// Counts what was read, for those who wait.
    turns: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    /// By number, partitions of `<group>.parked` that are read.
    partitions: HashMap<i32, Log>,
    /// Why the reader can't go on.
    failed: Option<String>,
}

#[derive(Default)]
struct Log {
    /// Offset behind the last record that was read; and whether that was all there was, once.
    next: i64,
    has_ended: bool,
    /// By source topic.
    marks: HashMap<String, Marks>,
    /// Source topics whose owner is this member: it hears of every further mark.
    owned: Vec<TopicPartition>,
}

/// With nothing read for so long, what is waited for is asked for again.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

impl ParkedLog {
    /// Reads nothing yet.
    pub(super) fn of(config: &Config, group: &str) -> Result<(Self, ParkedReader), KafkaError> {
        let reader = Reader::of(config, &marks::topic_of(group))?;
        let (turns, _) = watch::channel(0);
        let shared = Arc::new(Shared { known: Mutex::default(), turns });
        let log = Self { shared: Arc::clone(&shared), orders: reader.orders() };
        Ok((log, ParkedReader { shared, reader }))
    }

    /// Takes over the parked keys of a partition. Waits for brokers that are away.
    pub(super) async fn take_over<S: Scope>(
        &self,
        at: &TopicPartition,
        engine: &Engine<S>,
        stop: &CancellationToken,
    ) -> Result<TakenOver, Ended> {
        self.want(at.partition);
        let letters = TopicPartition {
            topic: Letters::topic_of(&engine.group).into(),
            partition: at.partition,
        };
        self.read_until(at, stop, |log| log.has_ended).await?;
        loop {
            let epoch = self.lock().marks_of(at).epoch + 1;
            let mark = marks::to_record(&engine.group, at, &Mark::Takeover(epoch));
            let what = format!("taking over {at}");
            let offset = engine.insist(&what, stop, || engine.letters.mark(&mark)).await?;
            let (_, letters_end) = engine
                .insist(&what, stop, || async {
                    let ends = engine.probe.ends(&letters).await;
                    ends.map_err(|e| Failure::unavailable(KAFKA, e))
                })
                .await?;
            self.read_until(at, stop, |log| log.next > offset).await?;
            let mut known = self.lock();
            let marks = known.marks_of(at).clone();
            // Somebody else took it over at the same time, and is ahead.
            if marks.epoch > epoch {
                continue;
            }
            if let Some(log) = known.partitions.get_mut(&at.partition) {
                log.owned.push(at.clone());
            }
            return Ok(TakenOver { epoch, marks, letters_end });
        }
    }

    /// It isn't this member's any more. It is read on: it may come back, and little is in it.
    pub(super) fn leave(&self, at: &TopicPartition) {
        if let Some(log) = self.lock().partitions.get_mut(&at.partition) {
            log.owned.retain(|other| other != at);
        }
    }

    fn want(&self, partition: i32) {
        if let Entry::Vacant(new) = self.lock().partitions.entry(partition) {
            new.insert(Log::default());
            self.orders.read(partition, None);
        }
    }

    async fn read_until(
        &self,
        at: &TopicPartition,
        stop: &CancellationToken,
        is_enough: impl Fn(&Log) -> bool,
    ) -> Result<(), Ended> {
        let mut turns = self.shared.turns.subscribe();
        let (mut moved, mut reached) = (Instant::now(), None);
        loop {
            turns.mark_unchanged();
            {
                let known = self.lock();
                let next = known.partitions.get(&at.partition).map(|log| log.next);
                if next != reached {
                    (moved, reached) = (Instant::now(), next);
                }
                if let Some(why) = &known.failed {
                    return Err(Ended::Stopped(ConsumeError::Thread(why.clone())));
                }
                if known.partitions.get(&at.partition).is_some_and(&is_enough) {
                    return Ok(());
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Interrupted),
                // The sender is in what this has a share of.
                _ = turns.changed() => {}
                () = tokio::time::sleep_until(moved + LONGEST_SILENCE) => {
                    moved = Instant::now();
                    tracing::warn!(%at, "waits for its parked keys; they are read anew");
                    self.orders.read(at.partition, None);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.shared.lock()
    }
}

impl Known {
    fn marks_of(&mut self, at: &TopicPartition) -> &Marks {
        let log = self.partitions.entry(at.partition).or_default();
        log.marks.entry(at.topic.to_string()).or_default()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What feeds a [`ParkedLog`].
pub(super) struct ParkedReader {
    shared: Arc<Shared>,
    reader: Reader,
}

impl ParkedReader {
    /// Reads until it is dropped; tells the mailbox of marks behind a takeover.
    pub(super) async fn run(mut self, post: impl Fn(Inbound) + Send) {
        while let Some(read) = self.reader.next().await {
            let mut known = self.shared.lock();
            match read {
                Ok(Read::Record(record)) => {
                    let (partition, offset) = (record.at().partition.partition, record.at().offset);
                    let Some(log) = known.partitions.get_mut(&partition) else { continue };
                    log.next = offset + 1;
                    if let Some((topic, mark)) = marks::from_record(&record) {
                        let owned = log.owned.iter().find(|at| *at.topic == *topic);
                        if let Some(at) = owned {
                            post(Inbound::MarkRead(at.clone(), mark.clone()));
                        }
                        log.marks.entry(topic).or_default().read(mark);
                    }
                }
                Ok(Read::End(partition, next)) => {
                    let Some(log) = known.partitions.get_mut(&partition) else { continue };
                    log.next = log.next.max(next);
                    log.has_ended = true;
                }
                Err(error) => known.failed = Some(error.to_string()),
            }
            drop(known);
            self.shared.turns.send_modify(|turns| *turns += 1);
        }
    }
}
