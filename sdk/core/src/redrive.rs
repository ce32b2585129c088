//! Parked keys: their marks, the records that follow them, and the way back.
//!
//! A redrive does a key's dead letters one after the other. Records that come meanwhile go on
//! following into the dead letters until it has caught up with the last one; only then they wait,
//! the mark is taken away, and they go on as if nothing had been.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Failed, Key, Lane, Mark, Marks, ParkedKey, Record, Run, RunEnd, Whose,
    core::{Shared, Timer},
    keys::State,
    partition::Partition,
    tries::Tries,
    work::{Effect, SlotId},
};

pub(crate) struct Parked<R> {
    state: ParkedKey,
    phase: Phase<R>,
    /// The mark that is waited for.
    awaits: u64,
    /// Offset of its last dead letter that is known to lie there.
    last_letter: i64,
    tries: Tries,
    /// A redrive was asked for, and hasn't begun.
    is_wanted: bool,
}

enum Phase<R> {
    /// Its first mark is being written; then its first record goes to the dead letters.
    Marking(SlotId, u32),
    Resting,
    /// The mark that says that it is being redriven.
    Starting,
    /// For the next dead letter.
    Looking,
    /// All dead letters are done but for one that is being written.
    CatchingUp,
    /// A dead letter that lies at that offset of theirs.
    Ready(R, i64),
    /// Its offset, that of its letter, and since when.
    Running(i64, i64, Duration),
    Waiting(Duration, R, i64),
    /// The mark that says how far it is.
    Advancing,
    /// The mark that says that it failed.
    Failing,
    /// The end of its mark: newer records wait.
    Ending,
}

impl<R: Record> Partition<R> {
    /// What the predecessors left.
    pub(crate) fn take_over(&mut self, marks: Marks, shared: &mut Shared<R>) {
        let last_letter = self.letters_end - 1;
        for (key, state) in marks.parked {
            let is_redriving = state.is_redriving;
            let parked = Parked { last_letter, ..Parked::new(state, Phase::Resting) };
            self.parked.insert(Key::clone(&key), parked);
            if is_redriving {
                self.look(&key, shared);
            }
        }
        self.go_on_with_passed(shared);
        marks.void.iter().for_each(|whose| match whose {
            Whose::Key(key) => self.say_again(key, shared),
            Whose::PassedOver => self.say_passed_again(shared),
        });
        marks.requests.iter().for_each(|whose| self.asked(whose, shared));
    }

    /// A key's first record is given up: its mark comes first.
    pub(crate) fn park(
        &mut self,
        key: &Key,
        slot: SlotId,
        state: ParkedKey,
        attempts: u32,
        shared: &mut Shared<R>,
    ) {
        self.parked.insert(Key::clone(key), Parked::new(state, Phase::Marking(slot, attempts)));
        self.mark(key, shared);
    }

    /// Whether records of a key follow it; `None` where they wait for the end of its redrive.
    pub(crate) fn is_parked(&self, key: &[u8]) -> Option<bool> {
        match self.parked.get(key).map(|parked| &parked.phase) {
            Some(Phase::Ending) => None,
            other => Some(other.is_some()),
        }
    }

    /// Somebody asks for a redrive.
    fn asked(&mut self, whose: &Whose, shared: &mut Shared<R>) {
        match whose {
            Whose::Key(key) => self.redrive(key, shared),
            Whose::PassedOver => self.redrive_passed(shared),
        }
    }

    fn redrive(&mut self, key: &Key, shared: &mut Shared<R>) {
        match self.parked.get_mut(key).filter(|parked| !parked.state.is_redriving) {
            Some(parked) => {
                parked.is_wanted = true;
                if matches!(parked.phase, Phase::Resting) {
                    self.rest(key, shared);
                }
            }
            None => self.answer(Whose::Key(Key::clone(key)), shared),
        }
    }

    /// Takes a request away: once what it asked for lasts, so that a crash in between repeats it.
    pub(crate) fn answer(&self, whose: Whose, shared: &mut Shared<R>) {
        shared.effects.push(Effect::Answer { assignment: self.id, whose });
    }

    /// A record of `<group>.parked` behind the own takeover.
    pub(crate) fn mark_read(&mut self, mark: Mark, shared: &mut Shared<R>) {
        match mark {
            Mark::Takeover(epoch) if epoch > self.epoch => {
                self.is_feeding = false;
                shared.effects.push(Effect::Overtaken(self.id));
            }
            Mark::State { key, epoch, .. } if epoch < self.epoch => self.say_again(&key, shared),
            Mark::PassedOver { epoch, .. } if epoch < self.epoch => self.say_passed_again(shared),
            Mark::Redrive(whose) => self.asked(&whose, shared),
            Mark::Takeover(_)
            | Mark::State { .. }
            | Mark::PassedOver { .. }
            | Mark::Answered(_) => {}
        }
    }

    /// A mark lies there.
    pub(crate) fn marked(&mut self, key: &Key, sequence: u64, shared: &mut Shared<R>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        if parked.awaits != sequence {
            return;
        }
        match parked.phase {
            Phase::Marking(slot, attempts) => {
                let error = parked.state.error.clone();
                self.give_letter(slot, error, attempts, Some(Key::clone(key)));
                self.write_letters(shared);
                self.rest(key, shared);
            }
            Phase::Starting | Phase::Advancing => self.look(key, shared),
            Phase::Failing => self.rest(key, shared),
            Phase::Ending => self.unpark(key),
            _ => {}
        }
    }

    /// The next dead letter of a key, and where it lies.
    pub(crate) fn letter_found(&mut self, key: &Key, at: i64, letter: R, shared: &mut Shared<R>) {
        let Some(parked) = self.looking(key) else { return };
        if letter.offset() < parked.state.next {
            // Written twice, or of an earlier time that the key was parked.
            parked.state.letters_from = at + 1;
            return self.look(key, shared);
        }
        parked.phase = Phase::Ready(letter, at);
        self.redrives.push_back(Key::clone(key));
    }

    /// There is no further dead letter of a key before that offset of theirs.
    pub(crate) fn no_letter(&mut self, key: &Key, through: i64, shared: &mut Shared<R>) {
        let follows = self.keys.of(key).map(|id| self.keys.get(id).state);
        let is_following = matches!(follows, Some(State::Held | State::Writing(..)));
        let Some(parked) = self.looking(key) else { return };
        parked.state.letters_from = parked.state.letters_from.max(through);
        #[cfg(feature = "faults")]
        let is_following = is_following && !crate::faults::is_planted(crate::Fault::UnparkEarly);
        if is_following {
            parked.phase = Phase::CatchingUp;
        } else if parked.last_letter >= through {
            self.look(key, shared);
        } else {
            parked.phase = Phase::Ending;
            self.mark(key, shared);
        }
    }

    /// A dead letter of a parked key is acknowledged.
    pub(crate) fn letter_lies(&mut self, key: &Key, at: i64, shared: &mut Shared<R>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        parked.last_letter = parked.last_letter.max(at);
        if matches!(parked.phase, Phase::CatchingUp) {
            self.look(key, shared);
        }
    }

    /// The next dead letter whose turn it is.
    pub(crate) fn next_redriven(&mut self, shared: &Shared<R>) -> Option<Run<R>> {
        let turn = |key: &Key| {
            shared.unavailable == 0
                || self.parked.get(key).is_some_and(|it| it.tries.is_unavailable)
        };
        let at = self.redrives.iter().position(turn)?;
        let key = self.redrives.remove(at)?;
        let parked = self.parked.get_mut(&key)?;
        let attempt = parked.tries.attempts + 1;
        match std::mem::replace(&mut parked.phase, Phase::Resting) {
            Phase::Ready(record, at) => {
                parked.phase = Phase::Running(record.offset(), at, shared.now);
                let records = VecDeque::from([record]);
                Some(Run { lane: Lane::Redriven(key), records, attempt })
            }
            other => {
                parked.phase = other;
                None
            }
        }
    }

    /// A dead letter's run ended.
    pub(crate) fn end_redriven(&mut self, key: &Key, mut end: RunEnd<R>, shared: &mut Shared<R>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        let Phase::Running(offset, at, _) = parked.phase else { return };
        match (end.left.pop_front(), end.failed) {
            (Some(record), Some(failed)) => self.fail_redriven(key, record, at, failed, shared),
            (Some(record), None) => {
                parked.phase = Phase::Ready(record, at);
                self.redrives.push_back(Key::clone(key));
            }
            (None, _) => {
                parked.tries.end(shared);
                (parked.state.next, parked.state.letters_from) = (offset + 1, at + 1);
                parked.phase = Phase::Advancing;
                self.mark(key, shared);
            }
        }
    }

    fn fail_redriven(
        &mut self,
        key: &Key,
        record: R,
        at: i64,
        failed: Failed,
        shared: &mut Shared<R>,
    ) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        let Some(due) = parked.tries.failed(failed.decision, shared) else {
            parked.tries.end(shared);
            parked.state.laps += 1;
            parked.state.is_redriving = false;
            parked.state.error = failed.error;
            // Its letter lies there still.
            parked.state.letters_from = at;
            parked.phase = Phase::Failing;
            return self.mark(key, shared);
        };
        parked.phase = Phase::Waiting(due, record, at);
        shared.timers.push(self.id, due, Timer::Redrive(Key::clone(key)));
    }

    /// The wait of a redrive is over, if it still waits for that.
    pub(crate) fn wake_redrive(&mut self, key: &Key, due: Option<Duration>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        match std::mem::replace(&mut parked.phase, Phase::Resting) {
            Phase::Waiting(until, record, at) if due.is_none_or(|due| due == until) => {
                parked.phase = Phase::Ready(record, at);
                self.redrives.push_back(Key::clone(key));
            }
            other => parked.phase = other,
        }
    }

    pub(crate) fn wake_unavailable_redrives(&mut self) {
        let waiting: Vec<Key> = self
            .parked
            .iter()
            .filter(|(_, it)| it.tries.is_unavailable && matches!(it.phase, Phase::Waiting(..)))
            .map(|(key, _)| Key::clone(key))
            .collect();
        waiting.iter().for_each(|key| self.wake_redrive(key, None));
        if self.passed.tries.is_unavailable {
            self.wake_passed(None);
        }
    }

    /// Records whose part is away, to be forgotten with the partition.
    pub(crate) fn unavailable(&self) -> usize {
        self.parked.values().filter(|it| it.tries.is_unavailable).count()
            + usize::from(self.passed.tries.is_unavailable)
            + self.keys.iter().filter(|(_, slot)| slot.tries.is_unavailable).count()
    }

    /// Nothing to be done with a parked key but to wait, unless a redrive is wanted.
    fn rest(&mut self, key: &Key, shared: &mut Shared<R>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        parked.phase = Phase::Resting;
        if std::mem::take(&mut parked.is_wanted) {
            parked.state.is_redriving = true;
            parked.phase = Phase::Starting;
            self.mark(key, shared);
            self.answer(Whose::Key(Key::clone(key)), shared);
        }
    }

    fn look(&mut self, key: &Key, shared: &mut Shared<R>) {
        let Some(parked) = self.parked.get_mut(key) else { return };
        parked.phase = Phase::Looking;
        let from = parked.state.letters_from;
        let whose = Whose::Key(Key::clone(key));
        shared.effects.push(Effect::Look { assignment: self.id, whose, from });
    }

    fn looking(&mut self, key: &Key) -> Option<&mut Parked<R>> {
        self.parked.get_mut(key).filter(|parked| matches!(parked.phase, Phase::Looking))
    }

    fn unpark(&mut self, key: &Key) {
        self.parked.remove(key);
        if let Some(id) = self.keys.of(key)
            && self.keys.get(id).state == State::Held
        {
            self.keys.settle(id);
        }
        for id in std::mem::take(&mut self.refused) {
            self.keys.settle(id);
        }
    }

    /// Makes a key's state last, and waits for it.
    fn mark(&mut self, key: &Key, shared: &mut Shared<R>) {
        let sequence = shared.next_mark();
        if let Some(parked) = self.parked.get_mut(key) {
            parked.awaits = sequence;
        }
        self.say(key, sequence, shared);
    }

    /// As an owner of an earlier epoch said something else; nothing waits for it.
    fn say_again(&mut self, key: &Key, shared: &mut Shared<R>) {
        let sequence = shared.next_mark();
        self.say(key, sequence, shared);
    }

    fn say(&self, key: &Key, sequence: u64, shared: &mut Shared<R>) {
        let parked = self.parked.get(key).filter(|it| !matches!(it.phase, Phase::Ending));
        let state = parked.map(|parked| parked.state.clone());
        let mark = Mark::State { key: Key::clone(key), epoch: self.epoch, state };
        shared.effects.push(Effect::Mark { assignment: self.id, mark, sequence });
    }
}

impl<R> Parked<R> {
    fn new(state: ParkedKey, phase: Phase<R>) -> Self {
        Self { state, phase, awaits: 0, last_letter: -1, tries: Tries::default(), is_wanted: false }
    }

    /// Since when one of its dead letters has been running.
    pub(crate) fn since(&self) -> Option<Duration> {
        match self.phase {
            Phase::Running(_, _, since) => Some(since),
            _ => None,
        }
    }
}
