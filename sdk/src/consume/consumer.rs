//! A member of a consumer group, with typed handlers.

use std::{
    collections::HashMap,
    future::Future,
    marker::PhantomData,
    pin::pin,
    sync::{Arc, PoisonError, atomic::AtomicBool, mpsc},
    time::Duration,
};

use orderly_core::{Bounds, Settings};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::{
    BatchHandler, DeletionHandler, Direct, EventSet, ExactlyOnce, Handler, RetryPolicy, Scope,
    Transactional,
    crew::Crew,
    engine::Engine,
    execute::Executor,
    letters::Letters,
    look::Looks,
    mailbox::Mailbox,
    marks,
    pace::{LARGEST_BUNDLE, Pace},
    routes::{Routes, Timed, TypedBatch, TypedRoute},
    shell::{Shell, Stop},
    take_over::ParkedLog,
    unwritable::Unwritable,
    window::Windows,
};
use crate::{
    Config, Event, EventId, Health,
    codec::{Encoders, Registry, RegistryError},
    kafka::{KafkaError, Member, MemberSettings, Probe, Watch},
    record::Coordinates,
    wait_out,
};

/// Bounds of a consumer.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Handlers that run at once, over all partitions of the member, each on another key.
    pub concurrency: usize,
    /// Records of one partition that wait or are being done; then no more are taken of it. Twice as
    /// many more are fetched ahead (`queued.min.messages`, unless that is set).
    pub partition_records: usize,
    /// Their bytes. Half as many more are fetched ahead, those of their values counted
    /// (`queued.max.messages.kbytes`, unless that is set), an eighth of them at a time
    /// (`fetch.message.max.bytes`).
    pub partition_bytes: usize,
    /// Offsets from the first record that isn't done to the last one that is taken up: how far a
    /// partition goes on beside a record that is stuck. At most two million.
    pub partition_span: u32,
    /// Keys of a partition that may be parked; with more it stops until some are redriven.
    pub parked_keys: usize,
    /// Most records a batch handler gets at once.
    pub batch_records: usize,
    /// Longest that a handler may take; then it is cancelled, which counts as a failure. `None`: as
    /// long as it likes.
    pub handler_timeout: Option<Duration>,
    /// How long a handler may go on after its partition was revoked or the consumer is to stop;
    /// then it is cancelled. Must be well below the group's session timeout.
    pub drain: Duration,
    /// How often finished offsets are committed. After a crash, what finished since runs again.
    pub commit_interval: Duration,
    /// With nothing of a partition for so long, although it isn't paused, its broker is asked whether
    /// there is more; if so, it is read anew from there.
    pub silence: Duration,
}

impl Limits {
    /// For handlers that each wait for a database: a group that is behind holds 500 records of a
    /// partition, more than its handlers can begin, where the default holds 10,000.
    pub fn small() -> Self {
        Self { partition_records: 500, partition_bytes: 512 * 1024, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 16,
            partition_records: 10_000,
            partition_bytes: 8 * 1024 * 1024,
            partition_span: 1_000_000,
            parked_keys: 1_000,
            batch_records: 500,
            handler_timeout: None,
            drain: Duration::from_secs(3),
            commit_interval: Duration::from_millis(500),
            silence: Duration::from_secs(15),
        }
    }
}

/// One member of a group, before it runs: handlers by event type, and what surrounds them.
///
/// At least once: an offset is committed after the effect. Records of one key in one topic are done
/// one after the other; different keys side by side, so that a slow one delays only itself. Types
/// without a handler are passed over and counted; what can't be decoded is a failure like others.
pub struct Consumer<S: Scope = Direct> {
    group: Arc<str>,
    config: Config,
    scope: S,
    routes: Routes<S>,
    topics: Vec<String>,
    encoders: Option<Encoders>,
    retry: RetryPolicy,
    limits: Limits,
    personal: Vec<String>,
    health: Health,
    exactly_once: Option<ExactlyOnce>,
}

impl Consumer<Transactional> {
    /// A member of `group` that works exactly once, from topics to topics: what its handlers emit by their
    /// contexts, how far its partitions are done, dead letters and parked marks are committed in transactions.
    /// A reader of what is committed (`isolation.level=read_committed`, the default of this SDK's readers)
    /// sees what each record comes to once, in the order of its key; keys run side by side as always, and one
    /// that fails is tried again, parked or skipped without undoing what others did.
    ///
    /// A handler may still run again, after a crash or an abort, so what it does outside of Kafka isn't covered:
    /// see docs/exactly-once.md.
    pub fn exactly_once(group: &str, config: &Config, settings: ExactlyOnce) -> Self {
        let mut consumer = Consumer::new(group, config).within(Transactional(()));
        consumer.exactly_once = Some(settings);
        consumer
    }
}

impl Consumer<Direct> {
    /// A member of `group`.
    pub fn new(group: &str, config: &Config) -> Self {
        Self {
            group: group.into(),
            config: config.clone(),
            scope: Direct::default(),
            routes: Routes::Each { by_type: Vec::new(), deletions: HashMap::new() },
            topics: Vec::new(),
            encoders: None,
            retry: RetryPolicy::default(),
            limits: Limits::default(),
            personal: Vec::new(),
            health: Health::of(group),
            exactly_once: None,
        }
    }

    /// Surrounds each handler with `scope`, as a database transaction. To be called before the
    /// handlers are added: it forgets those added before.
    pub fn within<S: Scope>(self, scope: S) -> Consumer<S> {
        Consumer {
            group: self.group,
            config: self.config,
            scope,
            routes: Routes::Each { by_type: Vec::new(), deletions: HashMap::new() },
            topics: Vec::new(),
            encoders: self.encoders,
            retry: self.retry,
            limits: self.limits,
            personal: self.personal,
            health: self.health,
            exactly_once: None,
        }
    }
}

impl<S: Scope> Consumer<S> {
    /// Hands events of type `E` to `handler`.
    #[must_use]
    pub fn on<E: Event>(mut self, handler: impl Handler<E, S>) -> Self {
        self.subscribe(E::TOPIC);
        if let Routes::Each { by_type, .. } = &mut self.routes {
            by_type.retain(|(name, _)| *name != E::TYPE);
            by_type.push((E::TYPE, Timed::of(Box::new(TypedRoute(handler, PhantomData)))));
        }
        self
    }

    /// Hands deletions (tombstones) in the topic of `E` to `handler`.
    #[must_use]
    pub fn on_deletion<E: Event>(mut self, handler: impl DeletionHandler<E, S>) -> Self {
        self.subscribe(E::TOPIC);
        if let Routes::Each { deletions, .. } = &mut self.routes {
            deletions.insert(E::TOPIC, Timed::of(Box::new(TypedRoute(handler, PhantomData))));
        }
        self
    }

    /// Hands the events of a set, many at a time, to `handler`; instead of handlers per type.
    #[must_use]
    pub fn in_batches<Set: EventSet>(mut self, handler: impl BatchHandler<Set, S>) -> Self {
        for (_, topic) in Set::TYPES {
            self.subscribe(topic);
        }
        let route = Timed::of(Box::new(TypedBatch(handler, PhantomData)) as Box<_>);
        self.routes = Routes::Batch { types: Set::TYPES, route };
        self
    }

    /// What the handlers may emit.
    #[must_use]
    pub fn emitting(mut self, encoders: Encoders) -> Self {
        self.encoders = Some(encoders);
        self
    }

    /// How failed records are tried again.
    #[must_use]
    pub fn retrying(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Its bounds.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Topics with personal data (`personal: true` in topics.yaml): a dead letter from one keeps
    /// coordinates and a hash, not the value.
    #[must_use]
    pub fn keeping_private(mut self, topics: impl IntoIterator<Item = String>) -> Self {
        self.personal.extend(topics);
        self
    }

    /// Where it reports which parts are away, and that it has joined.
    #[must_use]
    pub fn reporting(mut self, health: &Health) -> Self {
        self.health = health.clone();
        self
    }

    /// Joins the group and works until `shutdown` resolves; then drains, commits and leaves.
    /// Dropping the returned future does the same without waiting for it.
    ///
    /// A part that is away is waited for, also at the start: brokers that don't answer, a registry
    /// or a store. A topic that isn't there is an error at once.
    pub async fn run_until(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ConsumeError> {
        self.routes.tell_times(&self.group);
        let config = &self.config;
        let times_out = self.exactly_once.as_ref().map(|settings| settings.timeout(config));
        let times_out = times_out.transpose()?;
        let mut shutdown = pin!(shutdown);
        let membership = self.health.member();
        let watch = Watch::start(&self.config, &self.health);
        // Asked at once, so that brokers that are away are known to be before the first try ends.
        watch.suspicion().raise();
        let probe = Probe::new(&self.config)?;
        tokio::select! {
            found = wait_out(&self.health, || find_topics(&probe, &self.topics, &self.group, self.retry.gives_up())) => found?,
            () = &mut shutdown => return Ok(()),
        }
        let (wake, wakes) = mpsc::sync_channel(1);
        let stop = Stop {
            wake: wake.clone(),
            is_stopping: Arc::new(AtomicBool::new(false)),
            error: Arc::default(),
        };
        let settings = MemberSettings {
            group: self.group.to_string(),
            topics: self.topics,
            commit_interval: self.limits.commit_interval,
            ahead_records: self.limits.partition_records.saturating_mul(2),
            ahead_bytes: self.limits.partition_bytes / 2,
            silence: self.limits.silence,
        };
        let suspicion = watch.suspicion().clone();
        let windows = self.exactly_once.zip(times_out).map(|(settings, timeout)| {
            Windows::of(settings, timeout, &self.config, &self.group, suspicion.clone())
        });
        let letters = Letters::of(&self.config, &self.group, self.personal, suspicion.clone());
        let is_batch = matches!(self.routes, Routes::Batch { .. });
        let core = core_settings(&self.limits, &self.retry, is_batch);
        let (parked, parked_reader) = match self.retry.gives_up() {
            true => Some(ParkedLog::of(&self.config, &self.group)?).unzip(),
            false => (None, None),
        };
        let seed = EventId::new().as_uuid().as_u64_pair().1;
        let executor = Arc::new(Executor {
            looks: Looks::of(&self.config, Letters::topic_of(&self.group)),
            engine: Engine {
                registry: Registry::new(&self.config)?,
                letters,
                group: self.group,
                scope: self.scope,
                routes: self.routes,
                encoders: self.encoders,
                retry: self.retry,
                health: self.health,
                probe,
                unwritable: Unwritable::default(),
            },
            mailbox: Mailbox::waking(wake.clone()),
            stop: stop.clone(),
            runtime: tokio::runtime::Handle::current(),
            handlers: Semaphore::new(self.limits.concurrency.max(1)),
            crew: Crew::new(),
            timeout: self.limits.handler_timeout,
            pace: Pace::default(),
        });
        // Ends with this future, and its reader's thread with it.
        let _marks_are_read = parked_reader.map(|reader| {
            let executor = Arc::downgrade(&executor);
            AbortOnDropHandle::new(tokio::spawn(reader.run(move |inbound| {
                if let Some(executor) = executor.upgrade() {
                    executor.mailbox.post(inbound);
                }
            })))
        });
        let drain = self.limits.drain;
        let shell = Shell::new(executor, core, parked, drain, membership, seed, windows);
        let (config, is_stopping) = (self.config, Arc::clone(&stop.is_stopping));
        let (ended, mut end) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("orderly-{}", settings.group))
            .spawn(move || {
                let events = Box::new(shell);
                let joined =
                    Member::join(&config, settings, events, (wake, wakes), is_stopping, suspicion);
                // Nobody waits any more if this can't be sent.
                let _ = ended.send(joined.and_then(Member::run));
            })
            .map_err(|e| ConsumeError::Thread(e.to_string()))?;
        let stop_when_dropped = StopWhenDropped(stop.clone());
        let ended = tokio::select! {
            ended = &mut end => ended,
            () = &mut shutdown => {
                stop.stop();
                end.await
            }
        };
        drop(stop_when_dropped);
        let first = stop.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (first, ended) {
            (Some(error), _) => Err(error),
            (None, Ok(ended)) => Ok(ended?),
            (None, Err(_)) => Err(ConsumeError::Thread("it panicked".into())),
        }
    }

    fn subscribe(&mut self, topic: &str) {
        if !self.topics.iter().any(|known| known == topic) {
            self.topics.push(topic.to_owned());
        }
    }
}

/// What a member's core is to keep to.
fn core_settings(limits: &Limits, retry: &RetryPolicy, is_batch: bool) -> Settings {
    Settings {
        bounds: Bounds {
            // Handlers are counted where they run; beyond them whole bundles may stand ready.
            concurrency: limits.concurrency.max(1) + 2 * LARGEST_BUNDLE,
            records: limits.partition_records.max(1),
            bytes: limits.partition_bytes,
            span: limits.partition_span.into(),
        },
        retry: retry.clone(),
        most_parked: limits.parked_keys,
        batch: is_batch.then_some(limits.batch_records.max(1)),
    }
}

/// Those that are read, and the group's own: missing, they would hold up the first record that needs
/// them.
async fn find_topics(
    probe: &Probe,
    topics: &[String],
    group: &str,
    gives_up: bool,
) -> Result<(), KafkaError> {
    let parked = gives_up.then(|| marks::topic_of(group));
    for topic in topics.iter().chain([&Letters::topic_of(group)]).chain(&parked) {
        probe.partitions(topic).await?;
    }
    Ok(())
}

struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Why a consumer couldn't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry's address.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A record's attempts are used up, and its consumer's policy is to stop.
    #[error(
        "group `{group}` stopped at {at} after {attempts} attempts: {error}; nothing was passed \
         over: mend the cause and start it again"
    )]
    Exhausted {
        /// The group.
        group: String,
        /// The record.
        at: Coordinates,
        /// Runs of its handler.
        attempts: u32,
        /// The last failure.
        error: String,
    },
    /// What may not be given up can't be done.
    #[error("group `{group}` stopped: {what} can't be done: {why}")]
    Impossible {
        /// The group.
        group: String,
        /// What.
        what: String,
        /// The last failure.
        why: String,
    },
    /// Its transactional producers are fenced, one after the other.
    #[error(
        "group `{group}` stopped: other producers take over its transactional id `{id}` again and again ({why}); \
         give each member of the group a name of its own (ExactlyOnce::as_member)"
    )]
    Fenced {
        /// The group.
        group: String,
        /// The id.
        id: String,
        /// What the brokers said.
        why: String,
    },
    /// The member's thread, or what runs beside it.
    #[error("a thread or task ended: {0}")]
    Thread(String),
}
