//! The partitions that a member owns: each has a queue and one task that works it off in order.
//!
//! Where the store that knows a partition's start is away, its task asks until it is told; until
//! then the partition isn't read, and others go on.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    time::Duration,
};

use futures::{FutureExt as _, future::join_all};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Limits, Scope,
    counters::Counters,
    engine::{Ended, Engine, panic_text},
};
use crate::{
    consume::Start,
    health::Membership,
    kafka::{Assigned, MemberEvents, Round},
    record::{InRecord, TopicPartition},
};

/// How long the thread that polls waits for a store to say where partitions begin.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// What a member's thread and its partitions' tasks tell each other.
#[derive(Clone)]
pub(super) struct Signals {
    pub(super) wake: SyncSender<()>,
    pub(super) is_stopping: Arc<AtomicBool>,
    pub(super) error: Arc<Mutex<Option<ConsumeError>>>,
}

impl Signals {
    pub(super) fn wake(&self) {
        // Full means that a wake-up is waiting already.
        let _ = self.wake.try_send(());
    }

    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake();
    }

    fn fail(&self, error: ConsumeError) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        drop(first);
        self.stop();
    }
}

pub(super) struct Partitions<S: Scope> {
    engine: Arc<Engine<S>>,
    limits: Limits,
    runtime: Handle,
    signals: Signals,
    owned: HashMap<TopicPartition, Owned>,
    membership: Membership,
}

/// A partition that is ours.
struct Owned {
    queue: mpsc::UnboundedSender<Vec<InRecord>>,
    progress: Arc<Progress>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    is_begun: bool,
    is_paused: bool,
    committed: i64,
}

/// What a partition's task and the member's thread share.
struct Progress {
    /// Where it begins, once that is known.
    start: OnceLock<Start>,
    /// Offset of the next record to do; -1 until one is done.
    next: AtomicI64,
    waiting_records: AtomicUsize,
    waiting_bytes: AtomicUsize,
}

impl<S: Scope> Partitions<S> {
    pub(super) fn new(
        engine: Arc<Engine<S>>,
        limits: Limits,
        runtime: Handle,
        signals: Signals,
        membership: Membership,
    ) -> Self {
        Self { engine, limits, runtime, signals, owned: HashMap::new(), membership }
    }

    /// Where each begins, as far as that is told at once: the thread that asks has to poll.
    fn first_look(&self, partitions: &[TopicPartition]) -> Vec<Option<Start>> {
        let looks = partitions.iter().map(|partition| {
            let asking = self.engine.start(partition);
            async move { tokio::time::timeout(FIRST_LOOK, asking).await }
        });
        // Not told in time, or not at all: the partition's task asks again, and judges.
        let told = self.runtime.block_on(join_all(looks));
        told.into_iter().map(|told| told.ok().and_then(Result::ok)).collect()
    }

    fn own(&mut self, partition: &TopicPartition, start: Option<Start>) {
        let (queue, records) = mpsc::unbounded_channel();
        let progress = Arc::new(Progress {
            start: start.map(OnceLock::from).unwrap_or_default(),
            next: AtomicI64::new(-1),
            waiting_records: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        let worker = Worker {
            engine: Arc::clone(&self.engine),
            counters: Counters::of(&self.engine.group, partition),
            partition: partition.clone(),
            progress: Arc::clone(&progress),
            stop: stop.clone(),
            signals: self.signals.clone(),
            most_batch: self.limits.batch_records,
        };
        let signals = self.signals.clone();
        let task = self.runtime.spawn(async move {
            if let Err(panic) = AssertUnwindSafe(worker.run(records)).catch_unwind().await {
                let why = format!("a partition's task panicked: {}", panic_text(&*panic));
                signals.fail(ConsumeError::Thread(why));
            }
        });
        let is_begun = start.is_some();
        let owned =
            Owned { queue, progress, stop, task, is_begun, is_paused: false, committed: -1 };
        self.owned.insert(partition.clone(), owned);
    }
}

impl<S: Scope> MemberEvents for Partitions<S> {
    fn assigned(&mut self, partitions: &[TopicPartition]) -> Vec<Option<Start>> {
        tracing::info!(group = %self.engine.group, ?partitions, "assigned");
        let starts = self.first_look(partitions);
        for (partition, start) in partitions.iter().zip(&starts) {
            self.own(partition, *start);
        }
        self.membership.owns(self.owned.len());
        starts
    }

    fn revoked(&mut self, partitions: &[TopicPartition], is_lost: bool) -> Vec<Assigned> {
        let leaving: Vec<_> =
            partitions.iter().filter_map(|partition| self.owned.remove_entry(partition)).collect();
        if leaving.is_empty() {
            return Vec::new();
        }
        tracing::info!(group = %self.engine.group, ?partitions, is_lost, "revoked");
        for (_, owned) in &leaving {
            owned.stop.cancel();
        }
        self.membership.owns(self.owned.len());
        let patience = if is_lost { Duration::ZERO } else { self.limits.drain };
        self.runtime.block_on(drain(leaving, patience))
    }

    fn left(&mut self, is_lost: bool) -> Vec<Assigned> {
        let all: Vec<TopicPartition> = self.owned.keys().cloned().collect();
        self.revoked(&all, is_lost)
    }

    fn records(&mut self, records: Vec<InRecord>) {
        let mut records = records.into_iter().peekable();
        while let Some(first) = records.next() {
            let partition = first.at().partition.clone();
            let mut run = vec![first];
            while let Some(next) = records.next_if(|next| next.at().partition == partition) {
                run.push(next);
            }
            // Not ours any more: whoever has it reads them.
            let Some(owned) = self.owned.get(&partition) else {
                continue;
            };
            let bytes = run.iter().map(InRecord::size).sum();
            owned.progress.waiting_records.fetch_add(run.len(), Ordering::Relaxed);
            owned.progress.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
            // The task ends only after a failure, and then the member stops.
            let _ = owned.queue.send(run);
        }
    }

    fn round(&mut self) -> Round {
        let mut round = Round::default();
        for (partition, owned) in &mut self.owned {
            if !owned.is_begun {
                let Some(start) = owned.progress.start.get() else { continue };
                owned.is_begun = true;
                round.begin.push((partition.clone(), *start));
            }
            let next = owned.progress.next.load(Ordering::Acquire);
            if next > owned.committed {
                round.commit.push(Assigned { partition: partition.clone(), next });
            }
            let records = owned.progress.waiting_records.load(Ordering::Relaxed);
            let bytes = owned.progress.waiting_bytes.load(Ordering::Relaxed);
            let (most_records, most_bytes) =
                (self.limits.partition_records, self.limits.partition_bytes);
            if !owned.is_paused && (records > most_records || bytes > most_bytes) {
                owned.is_paused = true;
                round.pause.push(partition.clone());
            } else if owned.is_paused && records < most_records / 2 && bytes < most_bytes / 2 {
                owned.is_paused = false;
                round.resume.push(partition.clone());
            }
        }
        round
    }

    fn committing(&mut self, offsets: &[Assigned]) {
        for Assigned { partition, next } in offsets {
            if let Some(owned) = self.owned.get_mut(partition) {
                owned.committed = owned.committed.max(*next);
            }
        }
    }

    fn commit_failed(&mut self) {
        for owned in self.owned.values_mut() {
            owned.committed = -1;
        }
    }
}

/// Waits until the tasks have ended; those that take longer than `patience` are cancelled.
async fn drain(leaving: Vec<(TopicPartition, Owned)>, patience: Duration) -> Vec<Assigned> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut done = Vec::with_capacity(leaving.len());
    for (partition, mut owned) in leaving {
        if tokio::time::timeout_at(deadline, &mut owned.task).await.is_err() {
            tracing::warn!(%partition, "cancelled: its handler didn't end in time");
            owned.task.abort();
            // A handler that blocks its thread can't be cancelled, nor waited for.
            let _ = tokio::time::timeout(Duration::from_secs(1), &mut owned.task).await;
        }
        let next = owned.progress.next.load(Ordering::Acquire);
        if next > owned.committed {
            done.push(Assigned { partition, next });
        }
    }
    done
}

/// The task that works off one partition.
struct Worker<S: Scope> {
    engine: Arc<Engine<S>>,
    counters: Counters,
    partition: TopicPartition,
    progress: Arc<Progress>,
    stop: CancellationToken,
    signals: Signals,
    most_batch: usize,
}

impl<S: Scope> Worker<S> {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<Vec<InRecord>>) {
        if self.progress.start.get().is_none() {
            match self.engine.find_start(&self.partition, &self.stop).await {
                Ok(start) => {
                    // Nobody else sets it.
                    let _ = self.progress.start.set(start);
                    self.signals.wake();
                }
                Err(Ended::Interrupted) => return,
                Err(Ended::Stopped(error)) => return self.signals.fail(error),
            }
        }
        loop {
            let mut records = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                records = queue.recv() => match records {
                    Some(records) => records,
                    None => return,
                },
            };
            while records.len() < self.most_batch {
                match queue.try_recv() {
                    Ok(more) => records.extend(more),
                    Err(_) => break,
                }
            }
            for batch in records.chunks(self.most_batch) {
                let worked = self
                    .engine
                    .work(&self.partition, batch, &self.counters, &self.stop, |next| {
                        self.progress.next.fetch_max(next, Ordering::AcqRel);
                    })
                    .await;
                match worked {
                    Ok(()) => self.release(batch),
                    Err(Ended::Interrupted) => return,
                    Err(Ended::Stopped(error)) => return self.signals.fail(error),
                }
            }
        }
    }

    /// Makes room for more.
    fn release(&self, batch: &[InRecord]) {
        let bytes = batch.iter().map(InRecord::size).sum();
        self.progress.waiting_records.fetch_sub(batch.len(), Ordering::Relaxed);
        self.progress.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.signals.wake();
    }
}
