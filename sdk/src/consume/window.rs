//! A member's transactions, one after the other. Each takes what ended since the one before: what
//! handlers emitted, dead letters, marks; and is ended with how far the partitions are done by then.
//! While one ends, handlers go on, and what they emit is held for the next.
//!
//! What is told to the core as done is in the transaction that its offset is in: everything held joins
//! before the positions are taken. A mark or dead letter is done when it is acknowledged; so before a
//! transaction ends it *settles*: until those of it are heard of, no further end of a run is told to the core.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use orderly_core::{Assignment, Commit, Core};

use super::{
    ConsumeError, ExactlyOnce, Scope,
    execute::{Ends, Executor},
    mailbox::Inbound,
};
use crate::{
    Config, OutRecord, faults,
    kafka::{
        Assigned, Ended, Group, KAFKA, NotSent, Open, Ready, Sent, Suspicion, TransactionSettings,
    },
    record::{Coordinates, InRecord, TopicPartition},
};

pub(super) struct Windows {
    settings: ExactlyOnce,
    native: TransactionSettings,
    config: Config,
    suspicion: Suspicion,
    state: State,
    /// To join the open transaction, or the next one, in this order.
    held: VecDeque<Held>,
    held_bytes: usize,
    /// Marks and dead letters that came while one settled.
    later: VecDeque<Held>,
    /// Ends of runs that came while one settled.
    deferred: Vec<Ends>,
    /// Positions of partitions that are given away: the next transaction that ends has them.
    leaving: Vec<Assigned>,
    /// The transaction that ends has such.
    is_giving_away: bool,
    /// Producers fenced since something was committed.
    fenced: u32,
    /// A transaction came to nothing, and partitions are not yet begun anew: what is done by now, and how
    /// far that is, counts for nothing.
    is_stale: bool,
    /// With the bug [`faults::OLD_METADATA`]: of the transaction before.
    before: HashMap<TopicPartition, String>,
}

enum State {
    /// There is no producer; one is made.
    Making,
    Ready(Ready),
    Open(Window),
    /// It ends, on a thread that may wait; with what is to be known as committed then.
    Ending(Vec<Commit>),
}

/// An open transaction.
struct Window {
    open: Open,
    since: Instant,
    /// Records done, and records sent.
    done: usize,
    sent: usize,
    /// Partitions that it has something of.
    of: HashSet<Assignment>,
    /// Marks and dead letters whose acknowledgements weren't heard of yet.
    unheard: usize,
    has_letters: bool,
    is_settling: bool,
    failed: Option<String>,
}

/// What is to join a transaction.
struct Held {
    assignment: Assignment,
    record: OutRecord,
    sent: Sent,
}

/// What follows from the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    Nothing,
    /// What is done counts for nothing: every partition is begun anew, from what is committed.
    BeginAnew,
}

/// The client library's longest record; and what a batch has beside it.
const USUAL_RECORD: usize = 1_000_000;
const BESIDE_RECORD: usize = 512;
/// Until a producer is tried to be made again: at first, and at last.
const MAKE_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Producers that were fenced one after the other: then somebody else has the member's name.
const MOST_FENCED: u32 = 5;
/// Bytes that wait for the next transaction; with more, handlers wait, too.
const MOST_HELD: usize = 16 * 1024 * 1024;

impl Windows {
    pub(super) fn of(
        settings: ExactlyOnce,
        timeout: Duration,
        config: &Config,
        group: &str,
        suspicion: Suspicion,
    ) -> Self {
        let native = TransactionSettings {
            id: format!("{group}.{}", settings.member),
            timeout,
            most_records: 4 * settings.records,
            most_kib: 2 * MOST_HELD / 1024,
            alone: false,
        };
        Self {
            settings,
            native,
            config: config.clone(),
            suspicion,
            state: State::Making,
            held: VecDeque::new(),
            held_bytes: 0,
            later: VecDeque::new(),
            deferred: Vec::new(),
            leaving: Vec::new(),
            is_giving_away: false,
            fenced: 0,
            is_stale: false,
            before: HashMap::new(),
        }
    }

    /// Has a producer made, on a thread that may wait; it comes to the mailbox. What an earlier one left
    /// open has ended then.
    pub(super) fn make<S: Scope>(&mut self, executor: &Arc<Executor<S>>) {
        self.state = State::Making;
        let (config, native) = (self.config.clone(), self.native.clone());
        let (suspicion, executor) = (self.suspicion.clone(), Arc::clone(executor));
        let runtime = executor.runtime.clone();
        runtime.spawn_blocking(move || {
            let group = &executor.engine.group;
            let (mut away, mut wait) = (None, MAKE_AGAIN.0);
            while !executor.stop.is_stopping.load(Ordering::Acquire) {
                match Ready::connect(&config, group, &native, suspicion.clone()) {
                    Ok(Ok(ready)) => return executor.mailbox.post(Inbound::Made(Box::new(ready))),
                    Ok(Err(lost)) => {
                        let (id, why) = (&native.id, &lost.why);
                        tracing::warn!(%group, id, why, "no transactional producer yet");
                        drop(away.replace(executor.engine.health.away(KAFKA, why)));
                    }
                    Err(error) => return executor.stop.fail(error.into()),
                }
                std::thread::sleep(wait);
                wait = (2 * wait).min(MAKE_AGAIN.1);
            }
        });
    }

    /// One by which records go alone, or share batches again.
    fn make_another<S: Scope>(
        &mut self,
        instead_of: Ready,
        alone: bool,
        executor: &Arc<Executor<S>>,
    ) {
        // Closing it waits.
        executor.runtime.spawn_blocking(move || drop(instead_of));
        self.native.alone = alone;
        self.make(executor);
    }

    pub(super) fn made(&mut self, ready: Ready) {
        if matches!(self.state, State::Making) {
            self.state = State::Ready(ready);
        }
    }

    /// Whether what earlier producers left open has ended: before that nobody can say where to begin.
    pub(super) fn is_made(&self) -> bool {
        !matches!(self.state, State::Making)
    }

    /// Records of a partition are done, and that is what they emit.
    pub(super) fn done(
        &mut self,
        assignment: Assignment,
        count: usize,
        emitted: Vec<(Coordinates, OutRecord)>,
    ) {
        if self.is_stale {
            return;
        }
        if let State::Open(window) = &mut self.state {
            window.done += count;
            window.of.insert(assignment);
        }
        for (source, record) in emitted {
            self.hold(Held { assignment, record, sent: Sent::Emitted(source) });
        }
        self.flow();
    }

    /// A mark or a dead letter; `tell` hears its offset.
    pub(super) fn write(
        &mut self,
        assignment: Assignment,
        record: OutRecord,
        tell: impl FnOnce(i64) + Send + Sync + 'static,
    ) {
        if self.is_stale {
            return;
        }
        let held = Held { assignment, record, sent: Sent::Told(Box::new(tell)) };
        if self.is_settling() {
            self.later.push_back(held);
        } else {
            self.hold(held);
            self.flow();
        }
    }

    fn hold(&mut self, held: Held) {
        self.held_bytes += held.record.size();
        self.held.push_back(held);
    }

    /// That a mark or dead letter is acknowledged was heard of.
    pub(super) fn heard(&mut self) {
        if let State::Open(window) = &mut self.state {
            window.unheard = window.unheard.saturating_sub(1);
        }
    }

    /// Bytes that a record may have; what else is in its batch counted.
    pub(super) fn longest_record(&self) -> usize {
        let said = self.config.properties.iter().rfind(|(name, _)| name == "message.max.bytes");
        let bytes = said.and_then(|(_, bytes)| bytes.parse().ok());
        bytes.unwrap_or(USUAL_RECORD).saturating_sub(BESIDE_RECORD)
    }

    /// Whether handlers had better wait.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= 2 * self.settings.records || self.held_bytes >= MOST_HELD
    }

    pub(super) fn is_settling(&self) -> bool {
        matches!(&self.state, State::Open(window) if window.is_settling)
    }

    /// For when it has settled.
    pub(super) fn defer(&mut self, ends: Ends) {
        self.deferred.push(ends);
    }

    pub(super) fn take_deferred(&mut self) -> Vec<Ends> {
        if self.is_settling() { Vec::new() } else { std::mem::take(&mut self.deferred) }
    }

    /// Whether marks or dead letters are on their way that aren't heard of.
    pub(super) fn has_unheard(&self) -> bool {
        let is_told = |held: &Held| matches!(held.sent, Sent::Told(_));
        self.held.iter().any(is_told)
            || matches!(&self.state, State::Open(window) if window.unheard > 0)
    }

    /// Whether there are dead letters that no reader of what is committed can see yet.
    pub(super) fn has_letters(&self) -> bool {
        self.has_unheard()
            || !self.later.is_empty()
            || match &self.state {
                State::Open(window) => window.has_letters,
                State::Ending(_) => true,
                _ => false,
            }
    }

    /// When something is to be done.
    pub(super) fn due_in(&self) -> Option<Duration> {
        match &self.state {
            State::Open(window) => Some(self.settings.every.saturating_sub(window.since.elapsed())),
            _ => None,
        }
    }

    fn is_due(&self, window: &Window) -> bool {
        !self.leaving.is_empty()
            || window.since.elapsed() >= self.settings.every
            || window.done.max(window.sent) >= self.settings.records
    }

    /// Begins what can be begun, and ends what is due. To be called when the core was told of everything
    /// that isn't deferred, and what follows from it was [written](Self::write).
    pub(super) fn turn<S: Scope>(
        &mut self,
        core: &Core<InRecord>,
        place: impl Fn(Assignment) -> Option<TopicPartition>,
        executor: &Arc<Executor<S>>,
        group: Group<'_>,
    ) {
        if self.is_stale {
            return;
        }
        let has_something =
            !self.held.is_empty() || !self.leaving.is_empty() || core.has_to_commit();
        if has_something {
            self.begin(executor);
        }
        self.flow();
        let is_due = matches!(&self.state, State::Open(window) if self.is_due(window));
        let State::Open(window) = &mut self.state else { return };
        if let Some(why) = window.failed.take() {
            return self.abort(executor, &why);
        }
        window.is_settling |= is_due;
        if window.is_settling && window.unheard == 0 && self.held.is_empty() {
            self.end(core, place, executor, group);
        }
    }

    fn begin<S: Scope>(&mut self, executor: &Arc<Executor<S>>) {
        let state = std::mem::replace(&mut self.state, State::Ending(Vec::new()));
        let State::Ready(ready) = state else {
            self.state = state;
            return;
        };
        match ready.begin() {
            Ok(open) => {
                self.state = State::Open(Window {
                    open,
                    since: Instant::now(),
                    done: 0,
                    sent: 0,
                    of: HashSet::new(),
                    unheard: 0,
                    has_letters: false,
                    is_settling: false,
                    failed: None,
                });
            }
            Err(lost) => executor.mailbox.post(Inbound::Ended(Box::new(Ended::Lost(lost)))),
        }
    }

    /// What is held goes into the open transaction, as long as that takes it.
    fn flow(&mut self) {
        let State::Open(window) = &mut self.state else { return };
        while let Some(held) = self.held.pop_front() {
            let size = held.record.size();
            let is_told = matches!(held.sent, Sent::Told(_));
            match window.open.send(&held.record, held.sent) {
                Ok(()) => {
                    self.held_bytes -= size;
                    window.sent += 1;
                    window.of.insert(held.assignment);
                    window.unheard += usize::from(is_told);
                    window.has_letters |= is_told;
                }
                Err(NotSent::Full(sent)) => {
                    self.held.push_front(Held { sent, ..held });
                    return;
                }
                Err(NotSent::Refused(why)) => {
                    window.failed = Some(why);
                    return;
                }
            }
        }
    }

    fn end<S: Scope>(
        &mut self,
        core: &Core<InRecord>,
        place: impl Fn(Assignment) -> Option<TopicPartition>,
        executor: &Arc<Executor<S>>,
        group: Group<'_>,
    ) {
        let Some(window) = self.take_open() else { return };
        let mut commits = core.to_commit();
        // Also where nothing of it moved: the broker then sees whether it is still ours.
        let unmoved = window.of.iter().filter(|it| !commits.iter().any(|to| to.assignment == **it));
        commits.extend(unmoved.filter_map(|it| core.position(*it)).collect::<Vec<_>>());
        let ours = commits.iter().filter_map(|commit| {
            let partition = place(commit.assignment)?;
            Some(Assigned { partition, position: commit.position.clone() })
        });
        self.is_giving_away = !self.leaving.is_empty();
        let mut offsets: Vec<Assigned> = ours.chain(self.leaving.drain(..)).collect();
        self.spoil(&mut offsets);
        let generation = group();
        self.state = State::Ending(commits);
        let executor = Arc::clone(executor);
        let runtime = executor.runtime.clone();
        runtime.spawn_blocking(move || {
            let ended = match generation {
                Some(generation) => window.open.commit(&offsets, &generation),
                None => window.open.abort("it is no member of its group"),
            };
            executor.mailbox.post(Inbound::Ended(Box::new(ended)));
        });
    }

    /// With bugs planted.
    fn spoil(&mut self, offsets: &mut Vec<Assigned>) {
        if faults::is_planted(faults::OFFSETS_OUTSIDE) {
            offsets.clear();
        }
        if faults::is_planted(faults::OLD_METADATA) {
            for Assigned { partition, position } in offsets {
                let text = position.done_beyond.clone();
                position.done_beyond =
                    self.before.insert(partition.clone(), text).unwrap_or_default();
            }
        }
    }

    fn abort<S: Scope>(&mut self, executor: &Arc<Executor<S>>, why: &str) {
        let Some(window) = self.take_open() else { return };
        let (executor, why) = (Arc::clone(executor), why.to_owned());
        let runtime = executor.runtime.clone();
        runtime.spawn_blocking(move || {
            let ended = window.open.abort(&why);
            executor.mailbox.post(Inbound::Ended(Box::new(ended)));
        });
    }

    fn take_open(&mut self) -> Option<Window> {
        match std::mem::replace(&mut self.state, State::Ending(Vec::new())) {
            State::Open(window) => Some(window),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// A transaction ended.
    pub(super) fn ended<S: Scope>(
        &mut self,
        ended: Ended,
        core: &mut Core<InRecord>,
        executor: &Arc<Executor<S>>,
    ) -> Follows {
        let State::Ending(commits) = &mut self.state else { return Follows::Nothing };
        let commits = std::mem::take(commits);
        self.is_giving_away = false;
        let group = &executor.engine.group;
        let count = |outcome: &'static str| {
            let group = group.to_string();
            metrics::counter!("orderly_transactions_total", "group" => group, "outcome" => outcome)
                .increment(1);
        };
        // What waited while it settled.
        std::mem::take(&mut self.later).into_iter().for_each(|held| self.hold(held));
        match ended {
            Ended::Committed(ready) => {
                count("committed");
                commits.iter().for_each(|commit| core.committed(commit));
                self.fenced = 0;
                match ready {
                    Some(ready) if self.native.alone => self.make_another(ready, false, executor),
                    Some(ready) => self.state = State::Ready(ready),
                    None => self.make(executor),
                }
                return Follows::Nothing;
            }
            Ended::Aborted { ready, why, refused } => {
                count("aborted");
                tracing::warn!(%group, id = self.native.id, why, "a transaction was aborted");
                let (unsure, refused): (Vec<_>, _) =
                    refused.into_iter().partition(|it| it.may_be_others);
                executor.engine.unwritable.keep(refused);
                if unsure.is_empty() {
                    self.state = State::Ready(ready);
                } else {
                    // Which of them it is shows when each goes alone.
                    self.make_another(ready, true, executor);
                }
            }
            Ended::Lost(lost) => {
                count(if lost.is_fenced { "fenced" } else { "unknown" });
                tracing::warn!(%group, id = self.native.id, why = lost.why, "a transactional producer is lost");
                self.fenced = if lost.is_fenced { self.fenced + 1 } else { 0 };
                if self.fenced > MOST_FENCED {
                    let (group, id) = (group.to_string(), self.native.id.clone());
                    executor.stop.fail(ConsumeError::Fenced { group, id, why: lost.why });
                }
                self.make(executor);
            }
        }
        if faults::is_planted(faults::NO_SEEK_AFTER_ABORT) {
            return Follows::Nothing;
        }
        // At once: who gives partitions away before they are begun anew must not commit them as done.
        self.clear();
        self.is_stale = true;
        Follows::BeginAnew
    }

    /// Whether something of a partition is on its way.
    pub(super) fn has_of(&self, assignment: Assignment) -> bool {
        self.held.iter().any(|held| held.assignment == assignment)
            || matches!(&self.state, State::Open(window) if window.of.contains(&assignment))
    }

    /// Partitions go: what they emitted joins, and their positions with it. Where a mark or a dead letter
    /// of them may be in the transaction and isn't heard of, that mustn't be committed: nothing there says
    /// that its record is done.
    pub(super) fn give_away(&mut self, assignments: &[Assignment], positions: Vec<Assigned>) {
        self.drop_held(|held| {
            assignments.contains(&held.assignment) && matches!(held.sent, Sent::Told(_))
        });
        if let State::Open(window) = &mut self.state
            && window.unheard > 0
            && assignments.iter().any(|it| window.of.contains(it))
        {
            window.failed = Some("a dead letter or mark wasn't acknowledged in time".into());
        } else if !self.is_stale {
            self.leaving.extend(positions);
        }
    }

    /// Partitions are somebody else's already: nothing of them may be committed.
    pub(super) fn abandon<S: Scope>(
        &mut self,
        assignments: &[Assignment],
        executor: &Arc<Executor<S>>,
    ) {
        self.drop_held(|held| assignments.contains(&held.assignment));
        let has_theirs = matches!(&self.state, State::Open(window)
            if assignments.iter().any(|it| window.of.contains(it)));
        if has_theirs {
            self.abort(executor, "its partitions were lost");
        }
    }

    /// What was given away can't be committed any more, nor what it emitted.
    pub(super) fn give_up<S: Scope>(
        &mut self,
        is_ours: impl Fn(Assignment) -> bool,
        executor: &Arc<Executor<S>>,
    ) {
        self.leaving.clear();
        self.drop_held(|held| !is_ours(held.assignment));
        self.abort(executor, "partitions were revoked, and it didn't end in time");
    }

    /// Whether what was given away is committed, or isn't going to be.
    pub(super) fn has_given_away(&self) -> bool {
        self.leaving.is_empty() && !self.is_giving_away
    }

    /// Every partition is begun anew.
    pub(super) fn begun_anew(&mut self) {
        self.clear();
        self.is_stale = false;
    }

    /// Nothing that waits counts any more.
    fn clear(&mut self) {
        self.drop_held(|_| true);
        self.deferred.clear();
        self.leaving.clear();
    }

    fn drop_held(&mut self, is_it: impl Fn(&Held) -> bool) {
        self.held.retain(|held| !is_it(held));
        self.later.retain(|held| !is_it(held));
        self.held_bytes = self.held.iter().map(|held| held.record.size()).sum();
    }
}
