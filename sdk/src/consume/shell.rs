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

use orderly_core::{
    Assignment, Beginning, Commit, Core, Position, Report, Room, Settings, Stuck, Whose,
};
use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Scope, Start,
    at_once::Bench,
    counters::{Counters, Gauges},
    engine::Outcome,
    execute::{Ends, Executor, Place},
    mailbox::Inbound,
    perform::Marking,
    take_over::{ParkedLog, TakenOver},
    window::{Follows, Windows},
};
use crate::{
    faults,
    health::{Away, Membership},
    kafka::{Assigned, Group, MemberEvents, Round, Unread},
    record::{InRecord, TopicPartition},
};

/// How long handlers that were cancelled are waited for: one that blocks its thread can't be
/// cancelled, nor waited for.
const AFTER_CANCEL: Duration = Duration::from_secs(1);
/// Keys that run at once, from which on they are many.
const CROWD: usize = 64;
/// Shortest wait while partitions are drained.
const MOMENT: Duration = Duration::from_millis(1);
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
    /// Of an exactly-once member.
    windows: Option<Windows>,
    /// That no dead letter was found, while there were some that nobody could see yet: how far was looked.
    nothing_yet: Vec<(Assignment, Whose, i64)>,
    /// Partitions are to be begun anew.
    is_stale: bool,
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
    /// For a producer: until there is one, something may be open that says how far it is.
    Waiting,
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
        windows: Option<Windows>,
    ) -> Self {
        let mut windows = windows;
        windows.iter_mut().for_each(|windows| windows.make(&executor));
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
            windows,
            nothing_yet: Vec::new(),
            is_stale: false,
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
            Inbound::Ends(ends) => match &mut self.windows {
                Some(windows) if windows.is_settling() => windows.defer(ends),
                _ => self.ended(ends),
            },
            Inbound::Made(ready) => {
                if let Some(windows) = &mut self.windows {
                    windows.made(*ready);
                    self.prepare_all();
                }
            }
            Inbound::Ended(ended) => {
                if let Some(windows) = &mut self.windows {
                    let follows = windows.ended(*ended, &mut self.core, &self.executor);
                    self.is_stale |= follows == Follows::BeginAnew;
                    // What was written until then can be read: the core knows whether there was more.
                    let nothing_yet = std::mem::take(&mut self.nothing_yet);
                    for (assignment, whose, through) in
                        nothing_yet.into_iter().filter(|_| follows == Follows::Nothing)
                    {
                        self.core.no_letter(assignment, &whose, through);
                    }
                }
            }
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
                self.windows.iter_mut().for_each(Windows::heard);
                self.core.marked(assignment, &whose, sequence);
            }
            Inbound::Answered => self.windows.iter_mut().for_each(Windows::heard),
            Inbound::Lettered(assignment, slot, at) => {
                self.windows.iter_mut().for_each(Windows::heard);
                self.core.lettered(assignment, slot, at);
            }
            Inbound::Found(assignment, whose, at, letter) => {
                self.core.letter_found(assignment, &whose, at, *letter);
            }
            Inbound::NoLetter(assignment, whose, through) => match &self.windows {
                Some(windows) if windows.has_letters() => {
                    self.nothing_yet.push((assignment, whose, through));
                }
                _ => self.core.no_letter(assignment, &whose, through),
            },
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

    /// Runs ended: what they emit is held for a transaction before they count as done.
    fn ended(&mut self, ends: Ends) {
        let Ends { report, emitted } = ends;
        if let Some(windows) = &mut self.windows
            && self.places.contains_key(&report.assignment)
        {
            windows.done(report.assignment, report.done.len(), emitted);
        }
        self.core.report(report);
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
        let is_full = self.windows.as_ref().is_some_and(Windows::is_full);
        while let Some(unit) = (!is_full).then(|| self.core.next_unit(most)).flatten() {
            if let Some(owned) = self.at(unit.assignment) {
                self.executor.start(unit, Arc::clone(&owned.place));
            }
        }
        self.perform(&[]);
        if self.core.unavailable() == 0 {
            self.away.clear();
        }
    }

    /// Has done what the core wants written or read, also for partitions that are given away.
    fn perform(&mut self, leaving: &[(TopicPartition, Owned)]) {
        for effect in self.core.effects() {
            let assignment = effect.assignment();
            let is_it = |owned: &Owned| matches!(owned.state, State::Begun(id) if id == assignment);
            let given = leaving.iter().map(|(_, owned)| owned).find(|owned| is_it(owned));
            let at = self.places.get(&assignment).and_then(|at| self.owned.get(at)).or(given);
            let Some(owned) = at else { continue };
            match &mut self.windows {
                Some(windows) => self.executor.perform_within(effect, &owned.place, windows),
                None => self.executor.perform(effect, &owned.place, &owned.marking),
            }
        }
    }

    /// Goes on with transactions.
    fn transact(&mut self, group: Group<'_>) {
        let Some(windows) = &mut self.windows else { return };
        let places = &self.places;
        windows.turn(&self.core, |it| places.get(&it).cloned(), &self.executor, group);
        for ends in windows.take_deferred() {
            self.ended(ends);
        }
    }

    /// Everything is begun anew from what is committed. Answers which partitions: they are read no more.
    fn begin_anew(&mut self, round: &mut Round) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let all: Vec<TopicPartition> = self.owned.keys().cloned().collect();
        tracing::info!(group = %self.executor.engine.group, partitions = ?all, "begun anew after an abort");
        self.release(&all, true, &|| None);
        self.windows.iter_mut().for_each(Windows::begun_anew);
        self.nothing_yet.clear();
        self.early.clear();
        round.begin.clear();
        self.own(&all);
        round.stale = all;
    }

    /// Partitions that waited for what was left open to end.
    fn prepare_all(&mut self) {
        let waiting = self.owned.values_mut().filter(|owned| matches!(owned.state, State::Waiting));
        let mut found = Vec::new();
        for owned in waiting {
            owned.state = State::Preparing;
            found.push((Arc::clone(&owned.place), owned.ownership));
        }
        found.iter().for_each(|(place, ownership)| self.prepare(place, *ownership));
    }

    fn own(&mut self, partitions: &[TopicPartition]) {
        let may_prepare = self.windows.as_ref().is_none_or(Windows::is_made);
        for at in partitions {
            self.ownerships += 1;
            let place = Arc::new(Place {
                at: at.clone(),
                counters: Counters::of(&self.executor.engine.group, at),
                stop: CancellationToken::new(),
            });
            if may_prepare {
                self.prepare(&place, self.ownerships);
            }
            let owned = Owned {
                marking: self.executor.start_marking(&place),
                gauges: Gauges::of(&self.executor.engine.group, at),
                place,
                ownership: self.ownerships,
                state: if may_prepare { State::Preparing } else { State::Waiting },
                is_stuck: false,
            };
            self.owned.insert(at.clone(), owned);
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
    fn release(
        &mut self,
        partitions: &[TopicPartition],
        is_lost: bool,
        group: Group<'_>,
    ) -> Vec<Assigned> {
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
        if !self.drain(&assignments, &leaving, patience, group) {
            tracing::warn!(?partitions, "cancelled: handlers didn't end in time");
        }
        leaving.iter().for_each(|(_, owned)| owned.place.stop.cancel());
        self.drain(&assignments, &leaving, AFTER_CANCEL, group);
        let mut done = Vec::new();
        for assignment in &assignments {
            let Some(at) = self.places.remove(assignment) else { continue };
            let has_more = self.windows.as_ref().is_some_and(|it| it.has_of(*assignment));
            let unmoved = if has_more { self.core.position(*assignment) } else { None };
            if let Some(commit) = self.core.release(*assignment).or(unmoved) {
                done.push(Assigned { partition: at, position: commit.position });
            }
        }
        match &mut self.windows {
            None => return done,
            Some(windows) if is_lost => windows.abandon(&assignments, &self.executor),
            Some(windows) => windows.give_away(&assignments, done),
        }
        // With the transaction that was told of them.
        Vec::new()
    }

    /// Whether what is in flight came to its end in time.
    fn drain(
        &mut self,
        assignments: &[Assignment],
        leaving: &[(TopicPartition, Owned)],
        patience: Duration,
        group: Group<'_>,
    ) -> bool {
        let is_over = |shell: &Self| {
            assignments.iter().all(|it| shell.core.in_flight(*it) == 0)
                && shell
                    .windows
                    .as_ref()
                    .is_none_or(|it| assignments.is_empty() || !it.has_unheard())
        };
        self.hear_until(is_over, leaving, patience, group)
    }

    /// Hears what comes until that is so, and says whether it is.
    fn hear_until(
        &mut self,
        is_over: impl Fn(&Self) -> bool,
        leaving: &[(TopicPartition, Owned)],
        patience: Duration,
        group: Group<'_>,
    ) -> bool {
        let deadline = Instant::now() + patience;
        let mut round = Round::default();
        let mut arrived = self.executor.mailbox.take();
        loop {
            for inbound in arrived {
                self.hear(inbound, &mut round);
            }
            if self.windows.is_some() {
                self.perform(leaving);
                self.transact(group);
            }
            let is_over = is_over(self);
            if is_over || Instant::now() >= deadline {
                // Others may have been prepared meanwhile.
                self.early.append(&mut round.begin);
                return is_over;
            }
            let due = self.windows.as_ref().and_then(Windows::due_in);
            let next = due.map_or(deadline, |due| deadline.min(Instant::now() + due.max(MOMENT)));
            arrived = self.executor.mailbox.wait(next);
        }
    }

    /// Partitions that were given away are committed with what they emitted, or not at all.
    fn settle(&mut self, group: Group<'_>) {
        let is_over = |shell: &Self| shell.windows.as_ref().is_none_or(Windows::has_given_away);
        if !self.hear_until(is_over, &[], self.drain, group) {
            if let Some(windows) = &mut self.windows {
                let places = &self.places;
                windows.give_up(|it| places.contains_key(&it), &self.executor);
            }
            // Whether it is aborted, or was ended just then.
            self.hear_until(is_over, &[], AFTER_CANCEL, group);
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
        self.own(partitions);
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

    fn revoked(
        &mut self,
        partitions: &[TopicPartition],
        is_lost: bool,
        group: Group<'_>,
    ) -> Vec<Assigned> {
        tracing::info!(group = %self.executor.engine.group, ?partitions, is_lost, "revoked");
        let done = self.release(partitions, is_lost, group);
        self.settle(group);
        self.membership.owns(self.owned.len());
        done
    }

    fn left(&mut self, is_lost: bool, group: Group<'_>) -> Vec<Assigned> {
        let all: Vec<TopicPartition> = self.owned.keys().cloned().collect();
        let done = self.release(&all, is_lost, group);
        self.settle(group);
        done
    }

    fn records(&mut self, at: &TopicPartition, records: Vec<InRecord>) {
        // Not ours any more: whoever has it reads them.
        let Some((assignment, owned)) = self.begun_as(at).zip(self.owned.get(at)) else { return };
        let place = Arc::clone(&owned.place);
        let (before, count) = (self.core.done_before(assignment), records.len());
        let mut records = records.into_iter();
        let may_end = self.windows.as_ref().is_none_or(|it| !it.is_settling() && !it.is_full());
        if may_end && self.executor.pace.is_quick() {
            let (done, emitted) = self.executor.at_once(
                &mut self.bench,
                &mut self.core,
                assignment,
                &place,
                &mut records,
            );
            if let Some(windows) = &mut self.windows {
                windows.done(assignment, done, emitted);
            }
        }
        self.core.deliver(assignment, records.map(InRecord::owned));
        let repeats = self.core.done_before(assignment) - before;
        place.counters.received(u64::try_from(count).unwrap_or(0));
        place.counters.count_many(Outcome::Repeat, repeats);
    }

    fn round(&mut self, group: Group<'_>) -> Round {
        let mut round = Round::default();
        round.begin.append(&mut self.early);
        for inbound in self.executor.mailbox.take() {
            self.hear(inbound, &mut round);
        }
        self.begin_anew(&mut round);
        self.act();
        self.transact(group);
        self.watch();
        let now = self.began.elapsed();
        let tick = self.core.next_tick().map(|at| at.saturating_sub(now));
        let due = self.windows.as_ref().and_then(Windows::due_in);
        round.wait = tick.into_iter().chain(due).min();
        round.is_crowded = self.core.running() >= CROWD;
        round
    }

    fn to_commit(&mut self) -> Vec<Assigned> {
        // With the transactions.
        if self.windows.is_some() && !faults::is_planted(faults::OFFSETS_OUTSIDE) {
            return Vec::new();
        }
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
