//! Records that were passed over into the dead letters (skipped), and doing them after all.
//!
//! They are asked for all together, those of a partition; each is done alone, whenever nothing of
//! its key is in progress, and without any order: others of its key were done after it. One that
//! fails again, or whose key is parked, stays where it is for the next time. A ledger over the
//! offsets of the dead letters knows which are done.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Decision, Failed, Lane, Ledger, Mark, PassedOver, Position, Record, Run, RunEnd, Whose,
    core::{Shared, Timer},
    partition::Partition,
    tries::Tries,
    work::{Effect, SlotId},
};

/// How a partition stands with the dead letters that were passed over.
pub(crate) struct Passed<R> {
    /// Which of them are done.
    ledger: Ledger,
    /// Those before this offset are being done; 0 for none.
    until: i64,
    /// The next one lies there, or behind.
    at: i64,
    phase: Phase<R>,
    /// The mark that is waited for.
    awaits: u64,
    pub(crate) tries: Tries,
    /// It was asked for again meanwhile.
    is_wanted: bool,
}

enum Phase<R> {
    Resting,
    /// The mark that says that they are being done.
    Starting,
    /// For the next one.
    Looking,
    /// It waits until nothing of its key is in progress.
    Ready(R),
    /// Since when.
    Running(Duration),
    Waiting(Duration, R),
    /// The mark that says how far it is.
    Advancing,
    /// The mark that says that it is over.
    Ending,
}

/// Longest span of dead letters, from the first that isn't done: what fails stays that near.
const MOST_SPAN: i64 = 100_000;

impl<R> Passed<R> {
    /// As the marks say; as if none were done where that can't be, with so many dead letters.
    pub(crate) fn left(state: PassedOver, letters_end: i64) -> Self {
        let can_be = 0..=letters_end;
        let is_sane = can_be.contains(&state.position.next) && can_be.contains(&state.until);
        let PassedOver { position, until } = if is_sane { state } else { PassedOver::default() };
        Self {
            ledger: Ledger::restored(&position),
            until,
            at: position.next,
            phase: Phase::Resting,
            awaits: 0,
            tries: Tries::default(),
            is_wanted: false,
        }
    }

    /// Since when one of them has been running.
    pub(crate) fn since(&self) -> Option<Duration> {
        match self.phase {
            Phase::Running(since) => Some(since),
            _ => None,
        }
    }

    fn state(&self) -> PassedOver {
        PassedOver { position: self.position(), until: self.until }
    }

    fn position(&self) -> Position {
        self.ledger.position().unwrap_or_else(|| PassedOver::default().position)
    }
}

impl<R: Record> Partition<R> {
    /// What the predecessors had begun goes on.
    pub(crate) fn go_on_with_passed(&mut self, shared: &mut Shared<R>) {
        if self.passed.until > 0 {
            self.look_for_passed(shared);
        }
    }

    /// Somebody asks for all that were passed over.
    pub(crate) fn redrive_passed(&mut self, shared: &mut Shared<R>) {
        self.passed.is_wanted = true;
        if matches!(self.passed.phase, Phase::Resting) {
            self.rest_passed(shared);
        }
    }

    /// The mark lies there.
    pub(crate) fn passed_marked(&mut self, sequence: u64, shared: &mut Shared<R>) {
        if self.passed.awaits != sequence {
            return;
        }
        match self.passed.phase {
            Phase::Starting | Phase::Advancing => self.look_for_passed(shared),
            Phase::Ending => self.rest_passed(shared),
            _ => {}
        }
    }

    /// The next one, and where it lies.
    pub(crate) fn passed_found(&mut self, at: i64, letter: R, shared: &mut Shared<R>) {
        if !matches!(self.passed.phase, Phase::Looking) {
            return;
        }
        if at >= self.passed.until || !self.passed.ledger.can_take(at, MOST_SPAN) {
            return self.end_passed(shared);
        }
        self.passed.at = at + 1;
        self.passed.ledger.take(at);
        let is_parked = letter.key().is_some_and(|key| self.parked.contains_key(key));
        if is_parked || self.passed.ledger.is_done(at) {
            return self.look_for_passed(shared);
        }
        self.passed.phase = Phase::Ready(letter);
    }

    /// There is no further one.
    pub(crate) fn no_passed(&mut self, shared: &mut Shared<R>) {
        if matches!(self.passed.phase, Phase::Looking) {
            self.end_passed(shared);
        }
    }

    /// The next one, where nothing of its key is in progress.
    pub(crate) fn next_passed(&mut self, shared: &mut Shared<R>) -> Option<Run<R>> {
        let Phase::Ready(letter) = &self.passed.phase else { return None };
        if shared.unavailable > 0 && !self.passed.tries.is_unavailable {
            return None;
        }
        let key = letter.key();
        if key.is_some_and(|key| self.parked.contains_key(key)) {
            self.passed.tries.end(shared);
            self.look_for_passed(shared);
            return None;
        }
        let slot = match key {
            Some(_) => Some(self.keys.hold(key)?),
            None => None,
        };
        let running = Phase::Running(shared.now);
        let Phase::Ready(letter) = std::mem::replace(&mut self.passed.phase, running) else {
            return None;
        };
        let attempt = self.passed.tries.attempts + 1;
        Some(Run { lane: Lane::PassedOver(slot), records: VecDeque::from([letter]), attempt })
    }

    /// Its run ended.
    pub(crate) fn end_passed_run(
        &mut self,
        slot: Option<SlotId>,
        mut end: RunEnd<R>,
        shared: &mut Shared<R>,
    ) {
        if let Some(slot) = slot {
            self.keys.settle(slot);
        }
        match (end.left.pop_front(), end.failed) {
            (Some(letter), Some(failed)) => self.fail_passed(letter, &failed, shared),
            (Some(letter), None) => self.passed.phase = Phase::Ready(letter),
            (None, _) => {
                self.passed.tries.end(shared);
                let done = self.passed.at - 1;
                self.passed.ledger.finish(done);
                self.mark_passed(Phase::Advancing, shared);
            }
        }
    }

    fn fail_passed(&mut self, letter: R, failed: &Failed, shared: &mut Shared<R>) {
        let due = self.passed.tries.failed(failed.decision, shared);
        // What it waits for may lie behind it.
        let Some(due) = due.filter(|_| failed.decision != Decision::NotYet) else {
            self.passed.tries.end(shared);
            return self.look_for_passed(shared);
        };
        self.passed.phase = Phase::Waiting(due, letter);
        shared.timers.push(self.id, due, Timer::PassedOver);
    }

    /// The wait is over, if it still waits for that.
    pub(crate) fn wake_passed(&mut self, due: Option<Duration>) {
        self.passed.phase = match std::mem::replace(&mut self.passed.phase, Phase::Resting) {
            Phase::Waiting(until, letter) if due.is_none_or(|due| due == until) => {
                Phase::Ready(letter)
            }
            other => other,
        };
    }

    /// Of an owner of an earlier epoch, who said something else.
    pub(crate) fn say_passed_again(&mut self, shared: &mut Shared<R>) {
        let sequence = shared.next_mark();
        self.say_passed(sequence, shared);
    }

    fn rest_passed(&mut self, shared: &mut Shared<R>) {
        self.passed.phase = Phase::Resting;
        if std::mem::take(&mut self.passed.is_wanted) {
            self.passed.until = self.letters_end;
            // Those that failed before are looked at again.
            let position = self.passed.position();
            self.passed.at = position.next;
            self.passed.ledger = Ledger::restored(&position);
            self.mark_passed(Phase::Starting, shared);
            self.answer(Whose::PassedOver, shared);
        }
    }

    fn end_passed(&mut self, shared: &mut Shared<R>) {
        self.passed.until = 0;
        self.mark_passed(Phase::Ending, shared);
    }

    fn look_for_passed(&mut self, shared: &mut Shared<R>) {
        if self.passed.at >= self.passed.until {
            return self.end_passed(shared);
        }
        self.passed.phase = Phase::Looking;
        let from = self.passed.at;
        let whose = Whose::PassedOver;
        shared.effects.push(Effect::Look { assignment: self.id, whose, from });
    }

    fn mark_passed(&mut self, phase: Phase<R>, shared: &mut Shared<R>) {
        self.passed.phase = phase;
        self.passed.awaits = shared.next_mark();
        self.say_passed(self.passed.awaits, shared);
    }

    fn say_passed(&self, sequence: u64, shared: &mut Shared<R>) {
        let mark = Mark::PassedOver { epoch: self.epoch, state: self.passed.state() };
        shared.effects.push(Effect::Mark { assignment: self.id, mark, sequence });
    }
}
