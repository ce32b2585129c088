//! A group member: one thread owns the consumer, polls it without pause, and alone commits.
//!
//! What is read, assigned and revoked goes to [`MemberEvents`], on that thread. Backpressure is by
//! leaving what was fetched of a partition where it is, never by not polling: the library fetches no
//! more of it then. (Pausing a partition throws away what was fetched, and takes up to a second to
//! undo.)

use std::{
    collections::HashMap,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError as Native, KafkaResult},
    message::BorrowedMessage,
    types::RDKafkaErrorCode as Code,
};

use super::{
    Generation, KafkaError, MemberEvents, Suspicion, Unread,
    bootstrap::Bootstrap,
    client, errors,
    fetched::Fetched,
    ffi::{self, PartitionQueue},
    names::Names,
    positions::{commit, commit_list, log_failed_commit, to_list},
    rebalances::{Rebalances, assign},
};
use crate::{Config, consume::Start, faults, record::TopicPartition};

/// How a member behaves.
#[derive(Clone, Debug)]
pub(crate) struct MemberSettings {
    pub(crate) group: String,
    pub(crate) topics: Vec<String>,
    pub(crate) commit_interval: Duration,
    /// Fetched ahead of each partition before any of it is taken: so many records, and so many bytes
    /// of their values.
    pub(crate) ahead_records: usize,
    pub(crate) ahead_bytes: usize,
    /// With nothing of a partition for so long although there is room, it is asked whether there is
    /// anything to read.
    pub(crate) silence: Duration,
}

/// The member; runs on a thread of its own.
pub(crate) struct Member {
    // Before the consumer, so that they are dropped before it.
    commits: ffi::Commits,
    /// The partitions that are read.
    fetched: HashMap<TopicPartition, Fetched>,
    consumer: Arc<BaseConsumer<Rebalances>>,
    wake: mpsc::SyncSender<()>,
    wakes: mpsc::Receiver<()>,
    is_stopping: Arc<AtomicBool>,
    settings: MemberSettings,
    names: Names,
    bootstrap: String,
    known: Bootstrap,
}

/// Longest wait for a call; the client wants to be polled even when nothing comes.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// From one round to the next where much is in flight: a round costs about as much for one end of a
/// handler as for many, and what waits in Kafka waits no longer for it.
const CROWDED: Duration = Duration::from_micros(200);
/// How often the ends of partitions are told.
const LOOK_AT_ENDS: Duration = Duration::from_secs(1);
/// How long a member that leaves tries to commit. What it can't commit, its successor does again.
const LAST_COMMIT: Duration = Duration::from_secs(1);
/// Longest that the client library may take to leave the group.
const LONGEST_CLOSE: Duration = Duration::from_secs(6);
/// Properties that the promises rest on.
const FIXED: [(&str, &str); 3] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // A start is always given; a position that is gone must not be silently replaced.
    ("auto.offset.reset", "error"),
];
/// And this in a group whose members assign (`group.protocol=classic`): partitions are taken one by
/// one, each once it is known where it begins. Under KIP-848 the broker assigns, in that way too.
const STRATEGY: (&str, &str) = ("partition.assignment.strategy", "cooperative-sticky");

impl Member {
    /// Creates and subscribes. `wake` is what `wakes` receives from: sent to when there may be work
    /// for the thread. Once `is_stopping` is set and it woke, it drains, commits and leaves.
    pub(crate) fn join(
        config: &Config,
        settings: MemberSettings,
        events: Box<dyn MemberEvents>,
        (wake, wakes): (mpsc::SyncSender<()>, mpsc::Receiver<()>),
        is_stopping: Arc<AtomicBool>,
        suspicion: Suspicion,
    ) -> Result<Self, KafkaError> {
        let mut names = Names::of(config);
        for topic in &settings.topics {
            names.add(topic);
        }
        let mut native = client::base(config, &settings.group);
        native
            .set("group.id", names.there(&settings.group))
            // All for each partition. Of bytes the library counts values only: no keys, no headers, nothing
            // of its own, which for small records is several times as much. So their number counts, too.
            .set("queued.min.messages", settings.ahead_records.clamp(1, 10_000_000).to_string())
            .set("queued.max.messages.kbytes", kbytes(settings.ahead_bytes))
            // By so much, compressed, it goes beyond both.
            .set("fetch.message.max.bytes", one_fetch(settings.ahead_bytes))
            // One request is on its way at a time: a partition whose queue has room again must not
            // wait long for one that asks for others, which have nothing.
            .set("fetch.wait.max.ms", "50")
            // Once that is full, not a whole second until the next fetch.
            .set("fetch.queue.backoff.ms", "10");
        for (name, value) in &config.consumer_properties {
            native.set(name, value);
        }
        let mut said = config.consumer_properties.iter().chain(&config.properties).rev();
        let protocol = said.find(|(name, _)| name == "group.protocol");
        let is_classic = protocol.is_none_or(|(_, protocol)| protocol == "classic");
        let strategy = is_classic.then_some(STRATEGY);
        let fixed: Vec<_> = FIXED.into_iter().chain(strategy).collect();
        let native = client::finish(native, config, &fixed)?;
        let known = Bootstrap::of(&native);
        let context =
            Rebalances::of(config, &settings.group, &names, events, &is_stopping, suspicion);
        let mut consumer: BaseConsumer<Rebalances> = native
            .create_with_context(context)
            .map_err(|e| KafkaError::failed("creating a consumer", &e))?;
        consumer.set_nonempty_callback(waking(&wake));
        let topics: Vec<_> = settings.topics.iter().map(|topic| names.there(topic)).collect();
        consumer
            .subscribe(&topics.iter().map(|topic| &**topic).collect::<Vec<_>>())
            .map_err(|e| KafkaError::failed(format!("subscribing to {topics:?}"), &e))?;
        let commits = ffi::Commits::of(consumer.client());
        Ok(Self {
            commits,
            fetched: HashMap::new(),
            consumer: Arc::new(consumer),
            wake,
            wakes,
            is_stopping,
            settings,
            names,
            bootstrap: config.bootstrap.clone(),
            known,
        })
    }

    /// Polls, hands over and commits until told to stop, or until it can't go on. Leaves the
    /// group in either case; blocks while it does.
    pub(crate) fn run(mut self) -> Result<(), KafkaError> {
        let (mut last_commit, mut last_ends) = (Instant::now(), Instant::now());
        let mut is_committing = false;
        let mut wait = LONGEST_WAIT;
        let mut last_round = Instant::now();
        let ended = loop {
            if self.is_stopping.load(Ordering::Acquire) {
                break Ok(());
            }
            if !wait.is_zero() {
                // Timed out or woken, the work is the same.
                let _ = self.wakes.recv_timeout(wait);
            }
            wait = match self.take() {
                Ok(true) => Duration::ZERO,
                Ok(false) => LONGEST_WAIT,
                Err(error) => break Err(error),
            };
            if last_ends.elapsed() >= LOOK_AT_ENDS {
                last_ends = Instant::now();
                self.known.look(self.consumer.client());
                self.look_at_ends();
                self.look_at_silence();
            }
            let round = self.events().round(&|| Generation::of(&self.consumer));
            wait = wait.min(round.wait.unwrap_or(LONGEST_WAIT));
            if round.is_crowded {
                std::thread::sleep(CROWDED.saturating_sub(last_round.elapsed()));
            }
            last_round = Instant::now();
            let begun = self
                .stop_reading(&round.stale)
                .and_then(|()| self.begin(round.begin))
                .and_then(|()| self.read_again(round.unread));
            if let Err(error) = begun {
                break Err(error);
            }
            is_committing &= !self.hear_of_commit();
            if !is_committing && last_commit.elapsed() >= self.settings.commit_interval {
                last_commit = Instant::now();
                is_committing = self.commit();
            }
        };
        self.leave();
        ended
    }

    /// Hands over what there is room for; whether there may be more.
    fn take(&mut self) -> Result<bool, KafkaError> {
        // What happens to the member; records come by partition, but for those that were on their way.
        while let Some(message) = self.poll(|zero| self.consumer.poll(zero))? {
            let record = self.names.take(&message);
            let at = record.at().partition.clone();
            self.events().records(&at, vec![record]);
        }
        let may_be_paused = self.consumer.context().take_may_be_paused();
        let mut may_be_more = false;
        let mut fetched = std::mem::take(&mut self.fetched);
        let mut judged = Ok(());
        fetched.retain(|at, partition| {
            let Some(room) = self.events().room(at) else { return false };
            let taken = partition.take(at, room);
            may_be_more |= taken.may_be_more;
            if let Some(code) = taken.error
                && judged.is_ok()
            {
                judged = self.judge(&Native::MessageConsumption(code));
            }
            if !taken.records.is_empty() {
                self.events().records(at, taken.records);
            }
            true
        });
        self.fetched = fetched;
        judged?;
        if may_be_paused {
            let all = self.fetched.keys().cloned().collect::<Vec<_>>();
            self.restart(&all)?;
        }
        Ok(may_be_more)
    }

    /// The next message that is there. An event that was no message looks like none: it is asked again
    /// before that is believed.
    fn poll<'m>(
        &self,
        poll: impl Fn(Duration) -> Option<KafkaResult<BorrowedMessage<'m>>>,
    ) -> Result<Option<BorrowedMessage<'m>>, KafkaError> {
        let mut empty = 0;
        while empty < 2 {
            match poll(Duration::ZERO) {
                Some(Ok(message)) => return Ok(Some(message)),
                Some(Err(error)) => self.judge(&error)?,
                None => empty += 1,
            }
        }
        Ok(None)
    }

    fn look_at_ends(&self) {
        let end_of = |at: &TopicPartition| {
            let name = self.names.there(&at.topic);
            let end = ffi::known_end(self.consumer.client(), &name, at.partition)?;
            Some((at.clone(), end))
        };
        let ends = self.fetched.keys().filter_map(end_of).collect();
        self.events().ends(ends);
    }

    fn judge(&self, error: &Native) -> Result<(), KafkaError> {
        let group = &self.settings.group;
        if errors::is_out_of_range(error) {
            return Err(KafkaError::Failed {
                doing: format!("group `{group}` reading {:?}", self.settings.topics),
                why: format!(
                    "the next record to do was removed by retention before it was done ({error}); \
                     reset the group's offset deliberately to go on"
                ),
            });
        }
        if errors::is_transient(error) {
            self.consumer.context().suspicion.weigh(error);
            tracing::warn!(%group, %error, bootstrap = %self.bootstrap, "consumer");
            return Ok(());
        }
        Err(KafkaError::failed(format!("group `{group}` consuming"), error))
    }

    /// Reads the partitions from their start, and those whose start couldn't be asked for before.
    fn begin(&mut self, partitions: Vec<(TopicPartition, Start)>) -> Result<(), KafkaError> {
        let failed = |e| {
            KafkaError::failed(format!("group `{}` beginning partitions", self.settings.group), &e)
        };
        let context = self.consumer.context();
        let Some(starting) = context.begin(&self.consumer, partitions).map_err(failed)? else {
            return Ok(());
        };
        // Before anything is fetched: all of a partition's messages go one way.
        for element in starting.elements() {
            let (name, partition) = (element.topic(), element.partition());
            let at = TopicPartition { topic: self.names.here(name), partition };
            // One of before would take the new one's callback away when it is dropped.
            self.fetched.remove(&at);
            let consumer: Arc<BaseConsumer<Rebalances>> = Arc::clone(&self.consumer);
            let (client, wake) = (self.consumer.client(), self.wake.clone());
            let queue = PartitionQueue::split(client, consumer, name, partition, wake);
            if let Some(queue) = queue {
                self.fetched.insert(at, Fetched::beginning(queue, element.offset()));
            }
        }
        assign(&self.consumer, &starting).map_err(failed)?;
        context.note_begun();
        Ok(())
    }

    /// Partitions are begun anew, when it is known from where.
    fn stop_reading(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.consumer.context().forget(partitions);
        let mut ending = TopicPartitionList::new();
        for at in partitions {
            if self.fetched.remove(at).is_some() {
                ending.add_partition(&self.names.there(&at.topic), at.partition);
            }
        }
        if ending.count() == 0 {
            return Ok(());
        }
        self.consumer.incremental_unassign(&ending).map_err(|e| {
            KafkaError::failed(format!("group `{}` beginning anew", self.settings.group), &e)
        })
    }

    /// Partitions of which it is known that there is something to read, and of which nothing came.
    fn read_again(&mut self, partitions: Vec<Unread>) -> Result<(), KafkaError> {
        let group = &self.settings.group;
        let fetched = &mut self.fetched;
        let stalled = partitions.into_iter().filter_map(|Unread { partition: at, next, end }| {
            fetched.get_mut(&at)?.reading.may_restart(next).then(|| {
                tracing::warn!(%group, %at, next, end, "nothing is fetched of it: reads it anew");
                at
            })
        });
        let stalled: Vec<_> = stalled.collect();
        self.restart(&stalled)
    }

    /// Reads partitions anew, from behind what was taken.
    fn restart(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let (mut ending, mut starting) = (TopicPartitionList::new(), TopicPartitionList::new());
        for at in partitions {
            let Some(fetched) = self.fetched.get(at) else { continue };
            let topic = self.names.there(&at.topic);
            ending.add_partition(&topic, at.partition);
            // An offset that the library gave, or that it was given.
            let _ = starting.add_partition_offset(&topic, at.partition, fetched.reading.next());
        }
        if ending.count() == 0 {
            return Ok(());
        }
        self.consumer
            .incremental_unassign(&ending)
            .and_then(|()| self.consumer.incremental_assign(&starting))
            .map_err(|e| {
                KafkaError::failed(format!("group `{}` reading anew", self.settings.group), &e)
            })
    }

    fn look_at_silence(&mut self) {
        let (now, longest) = (Instant::now(), self.settings.silence);
        let silent: Vec<_> = self
            .fetched
            .iter_mut()
            .filter_map(|(at, Fetched { reading, .. })| {
                let is_silent = reading.is_silent(now, longest);
                is_silent.then(|| (at.clone(), reading.next_offset()))
            })
            .collect();
        if !silent.is_empty() {
            self.events().silent(silent);
        }
    }

    /// Puts on its way what is done; whether there was anything.
    fn commit(&self) -> bool {
        let offsets = self.events().to_commit();
        let Some(list) = to_list(&self.names, &offsets) else { return false };
        if faults::is_planted(faults::COMMIT_BEFORE_EFFECT) {
            let is_committed = commit_list(&self.consumer, &list).is_ok();
            faults::committed(&offsets);
            self.events().commit_ended(is_committed);
            return false;
        }
        match self.commits.send(self.consumer.client(), &list) {
            Ok(()) => true,
            Err(code) => {
                self.refused(code);
                false
            }
        }
    }

    /// Whether the commit on its way came to its end.
    fn hear_of_commit(&self) -> bool {
        let answer = self.commits.answer(Duration::ZERO);
        match answer {
            None => {}
            Some(Ok(())) => self.events().commit_ended(true),
            Some(Err(code)) => self.refused(code),
        }
        answer.is_some()
    }

    fn refused(&self, code: Code) {
        let error = Native::ConsumerCommit(code);
        self.consumer.context().suspicion.weigh(&error);
        log_failed_commit(&self.settings.group, &error, &[]);
        self.events().commit_ended(false);
    }

    fn leave(self) {
        let is_lost = self.consumer.assignment_lost();
        let done = self.events().left(is_lost, &|| Generation::of(&self.consumer));
        if !is_lost {
            // While the group rebalances, a commit may be refused; that passes by itself.
            let deadline = Instant::now() + LAST_COMMIT;
            while let Err(error) = commit(&self.consumer, &self.names, &done) {
                if Instant::now() >= deadline {
                    let group = &self.settings.group;
                    tracing::info!(%group, %error, ?done, "left without a last commit");
                    break;
                }
                std::thread::sleep(LONGEST_WAIT);
            }
        }
        self.close();
    }

    /// Drops the consumer, which blocks until the group has been left. The library sets no bound to
    /// that; beyond ours it is left to a thread of its own, and the group is rid of the member once
    /// its session has timed out.
    fn close(self) {
        let group = self.settings.group.clone();
        self.consumer.context().note_closing();
        let (ending, ended) = mpsc::sync_channel(1);
        let closing = move || {
            drop(self);
            let _ = ending.send(());
        };
        let name = "orderly-closing".to_owned();
        // Not begun, it was dropped here, in its thread's stead.
        if std::thread::Builder::new().name(name).spawn(closing).is_ok()
            && ended.recv_timeout(LONGEST_CLOSE).is_err()
        {
            tracing::warn!(%group, "not left within {LONGEST_CLOSE:?}; left behind");
        }
    }

    fn events(&self) -> MutexGuard<'_, Box<dyn MemberEvents>> {
        self.consumer.context().events()
    }
}

/// Wakes the thread.
fn waking(wake: &mpsc::SyncSender<()>) -> impl Fn() + Send + Sync + 'static {
    let wake = wake.clone();
    move || {
        // Full means that a wake-up is waiting already.
        let _ = wake.try_send(());
    }
}

/// In the library's unit and bounds.
fn kbytes(bytes: usize) -> String {
    bytes.div_ceil(1024).clamp(1, 2_097_151).to_string()
}

/// A quarter of what is fetched ahead, and no more than the library asks for by itself. A record that is
/// larger comes all the same.
fn one_fetch(ahead_bytes: usize) -> String {
    (ahead_bytes / 4).clamp(16 * 1024, 1024 * 1024).to_string()
}
