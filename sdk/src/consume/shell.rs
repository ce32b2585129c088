//! Between the client library, the core and the handlers: a member's side of its thread. What comes
//! is told to the core; what it decides is carried out.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    time::{Duration, Instant},
};

use orderly_core::{Assignment, Beginning, Commit, Core, Position, Report, Room, Settings, Stuck};
use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Scope, Start,
    at_once::Bench,
    counters::{Counters, Gauges},
    engine::Outcome,
    execute::{Executor, Place},
    mailbox::Inbound,
    perform::Marking,
    take_over::{ParkedLog, TakenOver},
};
use crate::{
    health::{Away, Membership},
    kafka::{Assigned, MemberEvents, Round, Unread},
    record::{InRecord, TopicPartition},
};

/// How long handlers that were cancelled are waited for: one that blocks its thread can't be
/// cancelled, nor waited for.
const AFTER_CANCEL: Duration = Duration::from_secs(1);
/// Keys that run at once, from which on they are many.
const CROWD: usize = 64;
/// How often gauges are set.
const LOOK: Duration = Duration::from_secs(1);

/// Tells a member's thread to stop, and why.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) wake: SyncSender<()>,
    pub(super) is_stopping: Arc<AtomicBool>,
    pub(super) error: Arc<Mutex<Option<ConsumeError>>>,
}

impl Stop {
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // Full means that a wake-up is waiting already.
        let _ = self.wake.try_send(());
    }

    pub(super) fn fail(&self, error: ConsumeError) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        drop(first);
        self.stop();
    }
}

pub(super) struct Shell<S: Scope> {
    executor: Arc<Executor<S>>,
    core: Core<InRecord>,
    bench: Bench,
    owned: HashMap<TopicPartition, Owned>,
    places: HashMap<Assignment, TopicPartition>,
    /// `None` where nothing ever goes to the dead letters.
    parked: Option<ParkedLog>,
    committing: Vec<Commit>,
    /// Partitions that were prepared while others were drained.
    early: Vec<(TopicPartition, Start)>,
    /// Parts that handlers found to be away, until they are back.
    away: HashMap<&'static str, Away>,
    drain: Duration,
    began: Instant,
    looked: Instant,
    ownerships: u64,
    membership: Membership,
}

/// A partition that is ours.
struct Owned {
    place: Arc<Place>,
    marking: Marking,
    gauges: Gauges,
    ownership: u64,
    state: State,
    /// It took nothing up when it was looked at last.
    is_stuck: bool,
}

enum State {
    /// It is found out where it begins.
    Preparing,
    /// It is about to be read.
    Beginning(TakenOver),
    Begun(Assignment),
}

impl<S: Scope> Shell<S> {
    pub(super) fn new(
        executor: Arc<Executor<S>>,
        settings: Settings,
        parked: Option<ParkedLog>,
        drain: Duration,
        membership: Membership,
        seed: u64,
    ) -> Self {
        Self {
            executor,
            core: Core::new(settings, seed),
            bench: Bench::default(),
            owned: HashMap::new(),
            places: HashMap::new(),
            parked,
            committing: Vec::new(),
            early: Vec::new(),
            away: HashMap::new(),
            drain,
            began: Instant::now(),
            looked: Instant::now(),
            ownerships: 0,
            membership,
        }
    }

    /// Finds out where a partition begins, as a task: the thread has to poll.
    fn prepare(&self, place: &Arc<Place>, ownership: u64) {
        let (executor, place) = (Arc::clone(&self.executor), Arc::clone(place));
        let parked = self.parked.clone();
        self.executor.runtime.spawn(async move {
            let engine = &executor.engine;
            let prepared = async {
                let start = engine.find_start(&place.at, &place.stop).await?;
                let taken_over = match &parked {
                    Some(parked) => parked.take_over(&place.at, engine, &place.stop).await?,
                    None => TakenOver::default(),
                };
                Ok((start, taken_over))
            };
            match prepared.await {
                Ok((start, taken_over)) => {
                    let at = place.at.clone();
                    executor.mailbox.post(Inbound::Prepared(at, ownership, start, taken_over));
                }
                Err(ended) => executor.ended(ended),
            }
        });
    }

    fn hear(&mut self, inbound: Inbound, round: &mut Round) {
        match inbound {
            Inbound::Report(report) => self.core.report(report),
            Inbound::Prepared(at, ownership, start, taken_over) => {
                let owned = self.owned.get_mut(&at).filter(|it| it.ownership == ownership);
                match owned {
                    Some(owned) => {
                        owned.state = State::Beginning(taken_over);
                        round.begin.push((at, start));
                    }
                    None => self.leave_parked(&at),
                }
            }
            Inbound::Marked(assignment, whose, sequence) => {
                self.core.marked(assignment, &whose, sequence);
            }
            Inbound::Lettered(assignment, slot, at) => self.core.lettered(assignment, slot, at),
            Inbound::Found(assignment, whose, at, letter) => {
                self.core.letter_found(assignment, &whose, at, *letter);
            }
            Inbound::NoLetter(assignment, whose, through) => {
                self.core.no_letter(assignment, &whose, through);
            }
            Inbound::MarkRead(at, mark) => {
                if let Some(assignment) = self.begun_as(&at) {
                    self.core.mark_read(assignment, mark);
                }
            }
            Inbound::SaidDone(at, offset) => {
                if let Some(assignment) = self.begun_as(&at) {
                    self.core.report(Report { done: vec![offset], ..Report::of(assignment) });
                }
            }
            Inbound::Unread(unread) => round.unread.push(unread),
            Inbound::Away(part, why) => {
                let told = self.executor.engine.health.away(part, &why);
                if self.away.insert(part, told).is_none() {
                    let group = &self.executor.engine.group;
                    tracing::warn!(%group, part, why, "waits for a part that is away");
                }
            }
        }
    }

    fn begun_as(&self, at: &TopicPartition) -> Option<Assignment> {
        match self.owned.get(at)?.state {
            State::Begun(assignment) => Some(assignment),
            _ => None,
        }
    }

    /// Carries out what the core has decided.
    fn act(&mut self) {
        self.core.tick(self.began.elapsed());
        let most = self.executor.pace.bundle();
        while let Some(unit) = self.core.next_unit(most) {
            if let Some(owned) = self.at(unit.assignment) {
                self.executor.start(unit, Arc::clone(&owned.place));
            }
        }
        for effect in self.core.effects() {
            if let Some(owned) = self.at(effect.assignment()) {
                self.executor.perform(effect, &owned.place, &owned.marking);
            }
        }
        if self.core.unavailable() == 0 {
            self.away.clear();
        }
    }

    fn at(&self, assignment: Assignment) -> Option<&Owned> {
        self.owned.get(self.places.get(&assignment)?)
    }

    fn watch(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        let now = self.began.elapsed();
        let group = &self.executor.engine.group;
        for (at, owned) in &mut self.owned {
            let State::Begun(assignment) = owned.state else { continue };
            let stuck = self.core.stuck(assignment);
            owned.gauges.paused.set(f64::from(u8::from(stuck.is_some())));
            let was_stuck = std::mem::replace(&mut owned.is_stuck, stuck.is_some());
            match stuck.filter(|_| !was_stuck) {
                Some(Stuck::TooManyParked) => {
                    tracing::error!(%group, %at, "stopped: too many keys are parked; redrive");
                }
                Some(Stuck::Backlog(key)) => {
                    let key = key.map(|key| String::from_utf8_lossy(&key).into_owned());
                    tracing::info!(%group, %at, key, "paused: too much waits, most of it of this key");
                }
                Some(Stuck::Span(offset)) => {
                    tracing::info!(%group, %at, offset, "paused: it waits for the record there");
                }
                None => {}
            }
            let oldest = self.core.oldest(assignment).map(|since| now.saturating_sub(since));
            owned.gauges.backlog.set(float(self.core.backlog(assignment)));
            owned.gauges.in_flight.set(float(self.core.in_flight(assignment)));
            owned.gauges.parked.set(float(self.core.parked(assignment)));
            owned.gauges.oldest.set(oldest.unwrap_or_default().as_secs_f64());
            owned.gauges.span.set(float(self.core.span(assignment)));
        }
    }

    /// Brings partitions to their end: drained, else cancelled; then they are nobody's here.
    fn release(&mut self, partitions: &[TopicPartition], is_lost: bool) -> Vec<Assigned> {
        let leaving: Vec<(TopicPartition, Owned)> =
            partitions.iter().filter_map(|at| self.owned.remove_entry(at)).collect();
        let assignments: Vec<Assignment> = leaving
            .iter()
            .filter_map(|(_, owned)| match owned.state {
                State::Begun(assignment) => Some(assignment),
                _ => None,
            })
            .collect();
        for (at, owned) in &leaving {
            self.leave_parked(at);
            if is_lost || !matches!(owned.state, State::Begun(_)) {
                owned.place.stop.cancel();
            }
        }
        assignments.iter().for_each(|assignment| self.core.stop_feeding(*assignment));
        let patience = if is_lost { Duration::ZERO } else { self.drain };
        if !self.drain(&assignments, patience) {
            tracing::warn!(?partitions, "cancelled: handlers didn't end in time");
        }
        leaving.iter().for_each(|(_, owned)| owned.place.stop.cancel());
        self.drain(&assignments, AFTER_CANCEL);
        let mut done = Vec::new();
        for assignment in assignments {
            let Some(at) = self.places.remove(&assignment) else { continue };
            if let Some(commit) = self.core.release(assignment) {
                done.push(Assigned { partition: at, position: commit.position });
            }
        }
        done
    }

    /// Whether what is in flight came to its end in time.
    fn drain(&mut self, assignments: &[Assignment], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut round = Round::default();
        let mut arrived = self.executor.mailbox.take();
        loop {
            for inbound in arrived {
                self.hear(inbound, &mut round);
            }
            let is_over = assignments.iter().all(|it| self.core.in_flight(*it) == 0);
            if is_over || Instant::now() >= deadline {
                // Others may have been prepared meanwhile.
                self.early.append(&mut round.begin);
                return is_over;
            }
            arrived = self.executor.mailbox.wait(deadline);
        }
    }

    fn leave_parked(&self, at: &TopicPartition) {
        if let Some(parked) = &self.parked {
            parked.leave(at);
        }
    }
}

impl<S: Scope> Drop for Shell<S> {
    fn drop(&mut self) {
        self.executor.crew.dismiss();
    }
}

impl<S: Scope> MemberEvents for Shell<S> {
    fn assigned(&mut self, partitions: &[TopicPartition]) {
        let group = &self.executor.engine.group;
        tracing::info!(%group, ?partitions, "assigned");
        metrics::counter!("orderly_rebalances_total", "group" => group.to_string()).increment(1);
        for at in partitions {
            self.ownerships += 1;
            let place = Arc::new(Place {
                at: at.clone(),
                counters: Counters::of(&self.executor.engine.group, at),
                stop: CancellationToken::new(),
            });
            self.prepare(&place, self.ownerships);
            let owned = Owned {
                marking: self.executor.start_marking(&place),
                gauges: Gauges::of(&self.executor.engine.group, at),
                place,
                ownership: self.ownerships,
                state: State::Preparing,
                is_stuck: false,
            };
            self.owned.insert(at.clone(), owned);
        }
        self.membership.owns(self.owned.len());
    }

    fn begun(&mut self, at: &TopicPartition, position: Option<Position>) {
        let Some(owned) = self.owned.get_mut(at) else { return };
        let State::Beginning(taken_over) = &mut owned.state else { return };
        let TakenOver { epoch, marks, letters_end } = std::mem::take(taken_over);
        let by_position = self.executor.engine.scope.keeps_position(at);
        let beginning = Beginning { position, epoch, marks, letters_end, by_position };
        let assignment = self.core.assign(beginning);
        owned.state = State::Begun(assignment);
        self.places.insert(assignment, at.clone());
    }

    fn room(&self, at: &TopicPartition) -> Option<Room> {
        self.begun_as(at).map(|assignment| self.core.room(assignment))
    }

    fn ends(&mut self, ends: Vec<(TopicPartition, i64)>) {
        for (at, end) in ends {
            if let Some(assignment) = self.begun_as(&at)
                && let Some(next) = self.core.next(assignment)
                && let Some(owned) = self.owned.get(&at)
            {
                owned.gauges.lag.set(float((end - next).max(0)));
            }
        }
    }

    fn silent(&mut self, partitions: Vec<(TopicPartition, Option<i64>)>) {
        for (partition, next) in partitions {
            let executor = Arc::clone(&self.executor);
            self.executor.runtime.spawn(async move {
                // Where nobody answers, it will be asked again.
                let Ok(ends) = executor.engine.probe.ends(&partition).await else { return };
                if let Some(unread) = Unread::found(partition, next, ends) {
                    executor.mailbox.post(Inbound::Unread(unread));
                }
            });
        }
    }

    fn revoked(&mut self, partitions: &[TopicPartition], is_lost: bool) -> Vec<Assigned> {
        tracing::info!(group = %self.executor.engine.group, ?partitions, is_lost, "revoked");
        let done = self.release(partitions, is_lost);
        self.membership.owns(self.owned.len());
        done
    }

    fn left(&mut self, is_lost: bool) -> Vec<Assigned> {
        let all: Vec<TopicPartition> = self.owned.keys().cloned().collect();
        self.release(&all, is_lost)
    }

    fn records(&mut self, at: &TopicPartition, records: Vec<InRecord>) {
        // Not ours any more: whoever has it reads them.
        let Some((assignment, owned)) = self.begun_as(at).zip(self.owned.get(at)) else { return };
        let place = Arc::clone(&owned.place);
        let (before, count) = (self.core.done_before(assignment), records.len());
        let mut records = records.into_iter();
        if self.executor.pace.is_quick() {
            self.executor.at_once(
                &mut self.bench,
                &mut self.core,
                assignment,
                &place,
                &mut records,
            );
        }
        self.core.deliver(assignment, records.map(InRecord::owned));
        let repeats = self.core.done_before(assignment) - before;
        place.counters.received(u64::try_from(count).unwrap_or(0));
        place.counters.count_many(Outcome::Repeat, repeats);
    }

    fn round(&mut self) -> Round {
        let mut round = Round::default();
        round.begin.append(&mut self.early);
        for inbound in self.executor.mailbox.take() {
            self.hear(inbound, &mut round);
        }
        self.act();
        self.watch();
        let now = self.began.elapsed();
        round.wait = self.core.next_tick().map(|at| at.saturating_sub(now));
        round.is_crowded = self.core.running() >= CROWD;
        round
    }

    fn to_commit(&mut self) -> Vec<Assigned> {
        self.committing = self.core.to_commit();
        let commits = self.committing.iter().filter_map(|commit| {
            let partition = self.places.get(&commit.assignment)?.clone();
            Some(Assigned { partition, position: commit.position.clone() })
        });
        commits.collect()
    }

    fn commit_ended(&mut self, is_committed: bool) {
        let outcome = if is_committed { "done" } else { "refused" };
        let group = self.executor.engine.group.to_string();
        metrics::counter!("orderly_commits_total", "group" => group, "outcome" => outcome)
            .increment(1);
        for commit in std::mem::take(&mut self.committing) {
            if is_committed {
                self.core.committed(&commit);
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge shows it")]
fn float(count: impl TryInto<i64>) -> f64 {
    count.try_into().unwrap_or(i64::MAX) as f64
}
