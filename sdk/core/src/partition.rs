//! One owned partition: what came, what may run, what is done.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    Assignment, Key, Lane, Ledger, Letter, Marks, Position, Record, Report, Run, RunEnd, Taken,
    Unit,
    core::Shared,
    keys::{Keys, State},
    parked::Epoch,
    passed::Passed,
    redrive::Parked,
    work::{Effect, SlotId},
};

/// What is known of a partition when it begins.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// Where it was left; `None`: at the first record that comes.
    pub position: Option<Position>,
    /// The epoch that its owner took over with.
    pub epoch: Epoch,
    /// What the marks up to the owner's own takeover come to.
    pub marks: Marks,
    /// Offset behind the last dead letter in its partition of the dead letters.
    pub letters_end: i64,
    /// Whether the position moves with the effect: then one unit or dead letter at a time, each
    /// with the ledger before it.
    pub by_position: bool,
}

/// How far a partition is done, to be committed.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The partition.
    pub assignment: Assignment,
    /// What to commit.
    pub position: Position,
    /// For [`committed`](crate::Core::committed).
    pub version: u64,
}

/// What may still be delivered of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// So many records.
    pub records: usize,
    /// Until they come to so many bytes.
    pub bytes: usize,
}

impl Room {
    /// Whether there is any.
    pub fn is_none(self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

/// Why a partition takes nothing up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// As many records or bytes wait as may. Names the key that has the most of them.
    Backlog(Option<Key>),
    /// As many offsets as may be lie behind the first record that isn't done: this one.
    Span(i64),
    /// As many keys are parked as may be.
    TooManyParked,
}

/// Longest run of one key: what is handed out can't be bounded by time here.
const LONGEST_RUN: usize = 64;
/// Why a record is among the dead letters that nobody tried.
const FOLLOWS: &str = "follows its key, which is parked";

pub(crate) struct Partition<R> {
    pub(crate) id: Assignment,
    pub(crate) ledger: Ledger,
    /// Came and isn't taken up yet, for a bound.
    incoming: VecDeque<R>,
    pub(crate) keys: Keys<R>,
    pub(crate) parked: BTreeMap<Key, Parked<R>>,
    pub(crate) passed: Passed<R>,
    /// Keys whose next dead letter may run.
    pub(crate) redrives: VecDeque<Key>,
    pub(crate) waiting_letters: VecDeque<WaitingLetter>,
    pub(crate) letters_end: i64,
    pub(crate) epoch: Epoch,
    by_position: bool,
    /// How many records of a key go together: as many as were done of one lately.
    longest_run: usize,
    /// Taken up and not done.
    taken: usize,
    taken_bytes: usize,
    pub(crate) running: usize,
    writing: usize,
    pub(crate) is_feeding: bool,
    /// Queues that wait for room for another parked key.
    pub(crate) refused: Vec<SlotId>,
    version: u64,
    committed: u64,
    done_before: u64,
}

/// A queue whose first record is to go to the dead letters.
pub(crate) struct WaitingLetter {
    pub(crate) slot: SlotId,
    pub(crate) error: String,
    pub(crate) attempts: u32,
    /// Its key, where that is parked.
    pub(crate) parked: Option<Key>,
}

impl<R: Record> Partition<R> {
    pub(crate) fn begin(id: Assignment, beginning: Beginning, shared: &mut Shared<R>) -> Self {
        let ledger = match &beginning.position {
            Some(position) => Ledger::restored(position),
            None => Ledger::starting(None),
        };
        let mut partition = Self {
            id,
            ledger,
            incoming: VecDeque::new(),
            keys: Keys::new(),
            parked: BTreeMap::new(),
            passed: Passed::left(beginning.marks.passed_over.clone(), beginning.letters_end),
            redrives: VecDeque::new(),
            waiting_letters: VecDeque::new(),
            letters_end: beginning.letters_end,
            epoch: beginning.epoch,
            by_position: beginning.by_position,
            longest_run: LONGEST_RUN,
            taken: 0,
            taken_bytes: 0,
            running: 0,
            writing: 0,
            is_feeding: true,
            refused: Vec::new(),
            version: 0,
            committed: 0,
            done_before: 0,
        };
        partition.take_over(beginning.marks, shared);
        partition
    }

    /// Records came, in the order of their offsets.
    pub(crate) fn deliver(&mut self, records: impl Iterator<Item = R>, shared: &Shared<R>) {
        self.incoming.extend(records);
        self.take_up(shared);
    }

    /// Takes up what the bounds allow.
    fn take_up(&mut self, shared: &Shared<R>) {
        while let Some(first) = self.incoming.front() {
            if !self.can_take(first.offset(), shared) {
                return;
            }
            let Some(record) = self.incoming.pop_front() else { return };
            if self.take(&record) == Taken::Fresh {
                self.keys.push(record);
            }
        }
    }

    fn can_take(&self, offset: i64, shared: &Shared<R>) -> bool {
        let bounds = &shared.settings.bounds;
        let is_near = self.ledger.can_take(offset, bounds.span);
        #[cfg(feature = "faults")]
        let is_near = is_near || crate::faults::is_planted(crate::Fault::ForgetSpan);
        self.taken < bounds.records
            && (self.taken == 0 || self.taken_bytes < bounds.bytes)
            && is_near
    }

    /// Whether a record that comes now is behind none that waits to be taken up, and may be.
    pub(crate) fn is_next(&self, offset: i64, shared: &Shared<R>) -> bool {
        self.is_feeding
            && !self.by_position
            && self.parked.is_empty()
            && self.incoming.is_empty()
            && self.can_take(offset, shared)
    }

    /// Takes up a record; whether it is to be done.
    pub(crate) fn take(&mut self, record: &R) -> Taken {
        let taken = self.ledger.take(record.offset());
        match taken {
            Taken::Fresh => {
                self.taken += 1;
                self.taken_bytes += record.size();
            }
            Taken::DoneBefore => {
                self.done_before += 1;
                self.version += 1;
            }
            Taken::Seen => {}
        }
        taken
    }

    /// The next that may be done at once.
    pub(crate) fn next_unit(&mut self, most: usize, shared: &mut Shared<R>) -> Option<Unit<R>> {
        if !self.is_feeding {
            return None;
        }
        let is_alone = self.by_position;
        if is_alone && (self.running > 0 || self.writing > 0) {
            return None;
        }
        let mut runs = Vec::new();
        match self.next_redriven(shared).or_else(|| self.next_passed(shared)) {
            Some(run) => runs.push(run),
            None => self.gather(&mut runs, most, shared),
        }
        self.running += runs.len();
        shared.running += runs.len();
        self.write_letters(shared);
        if runs.is_empty() {
            return None;
        }
        let ledger = is_alone.then(|| self.ledger.clone());
        Some(Unit { assignment: self.id, runs, ledger })
    }

    fn gather(&mut self, runs: &mut Vec<Run<R>>, most: usize, shared: &mut Shared<R>) {
        let (most, mut records) = match shared.settings.batch {
            Some(records) => (usize::MAX, records),
            None => (most.min(shared.settings.bounds.concurrency - shared.running), usize::MAX),
        };
        while runs.len() < most && records > 0 {
            let turn = match shared.unavailable {
                0 => self.keys.pop(),
                _ => self.keys.pop_unavailable(),
            };
            let Some(id) = turn else { return };
            if let Some(key) = self.parked_key(id) {
                match self.is_parked(&key) {
                    None => self.keys.get_mut(id).state = State::Held,
                    Some(_) => self.give_letter(id, FOLLOWS.into(), 0, Some(key)),
                }
                continue;
            }
            let is_full = self.is_full(shared);
            let slot = self.keys.get_mut(id);
            // What was begun goes on: others may wait for the part that it waits for.
            if is_full && slot.tries.in_a_row == 0 {
                slot.state = State::Held;
                self.refused.push(id);
                continue;
            }
            // What failed in a batch is cut out of it.
            let is_single = shared.settings.batch.is_some() && slot.tries.in_a_row > 0;
            if is_single && !runs.is_empty() {
                self.keys.turn_back(id);
                return;
            }
            let longest = match shared.settings.batch {
                Some(_) if is_single => 1,
                Some(_) => LONGEST_RUN.min(records),
                None => self.longest_run,
            };
            slot.state = State::Running;
            slot.since = shared.now;
            let attempt = slot.tries.attempts + 1;
            let taken = self.keys.take_run(id, longest);
            records -= taken.len();
            runs.push(Run { lane: Lane::Live(id), records: taken, attempt });
            if is_single {
                return;
            }
        }
    }

    /// The key of its first record, where that is parked.
    fn parked_key(&self, id: SlotId) -> Option<Key> {
        if self.parked.is_empty() {
            return None;
        }
        #[cfg(feature = "faults")]
        if crate::faults::is_planted(crate::Fault::ForgetParked) {
            return None;
        }
        let key = self.keys.get(id).queue.front().and_then(Record::key)?;
        self.parked.get_key_value(key).map(|(key, _)| Key::clone(key))
    }

    /// Runs ended.
    pub(crate) fn report(&mut self, report: Report<R>, shared: &mut Shared<R>) {
        let is_live = report.runs.iter().all(|run| matches!(run.lane, Lane::Live(_)));
        if is_live {
            report.done.iter().for_each(|offset| self.ledger.finish(*offset));
            self.release(report.done.len(), report.bytes);
        }
        for run in report.runs {
            self.running -= 1;
            shared.running -= 1;
            match run.lane.clone() {
                Lane::Live(id) => self.end_run(id, run, shared),
                Lane::Redriven(key) => self.end_redriven(&key, run, shared),
                Lane::PassedOver(slot) => self.end_passed_run(slot, run, shared),
            }
        }
        self.write_letters(shared);
        self.take_up(shared);
    }

    fn end_run(&mut self, id: SlotId, end: RunEnd<R>, shared: &mut Shared<R>) {
        if end.failed.is_none() && shared.settings.batch.is_none() {
            if !end.left.is_empty() {
                // It took too long for all of them.
                self.longest_run = end.done.max(1);
            } else if end.done >= self.longest_run {
                self.longest_run = (2 * end.done).min(LONGEST_RUN);
            }
        }
        let slot = self.keys.get_mut(id);
        for record in end.left.into_iter().rev() {
            slot.queue.push_front(record);
        }
        if end.done > 0 {
            slot.tries.end(shared);
        }
        match end.failed {
            None => self.keys.settle(id),
            Some(failed) => self.fail(id, failed, shared),
        }
    }

    /// A queue's first record is to go to the dead letters, with the next
    /// [`write_letters`](Self::write_letters).
    pub(crate) fn give_letter(
        &mut self,
        slot: SlotId,
        error: String,
        attempts: u32,
        parked: Option<Key>,
    ) {
        self.keys.get_mut(slot).state = State::Held;
        self.waiting_letters.push_back(WaitingLetter { slot, error, attempts, parked });
    }

    /// Where the position goes along, one after the other, and while nothing else moves it.
    pub(crate) fn write_letters(&mut self, shared: &mut Shared<R>) {
        let is_alone = self.by_position;
        while self.is_feeding && !(is_alone && (self.running > 0 || self.writing > 0)) {
            let Some(waiting) = self.waiting_letters.pop_front() else { return };
            let slot = self.keys.get_mut(waiting.slot);
            let Some(record) = slot.queue.pop_front() else { continue };
            slot.state = State::Writing(record.offset(), record.size());
            let is_parked = waiting.parked.is_some();
            slot.follows = waiting.parked;
            self.writing += 1;
            shared.effects.push(Effect::Letter(Letter {
                assignment: self.id,
                slot: waiting.slot,
                record,
                error: waiting.error,
                attempts: waiting.attempts,
                is_parked,
                ledger: is_alone.then(|| self.ledger.clone()),
            }));
        }
    }

    /// A dead letter is acknowledged, at that offset of the dead letters: its record is done.
    pub(crate) fn lettered(&mut self, id: SlotId, at: i64, shared: &mut Shared<R>) {
        let State::Writing(offset, size) = self.keys.get(id).state else { return };
        self.writing -= 1;
        self.letters_end = self.letters_end.max(at + 1);
        self.ledger.finish(offset);
        self.release(1, size);
        let slot = self.keys.get_mut(id);
        slot.tries.end(shared);
        let parked = slot.follows.take();
        self.keys.settle(id);
        if let Some(key) = parked {
            self.letter_lies(&key, at, shared);
        }
        self.write_letters(shared);
        self.take_up(shared);
    }

    /// So many are done that were taken up.
    pub(crate) fn release(&mut self, records: usize, bytes: usize) {
        self.taken -= records;
        self.taken_bytes -= bytes;
        self.version += 1;
    }

    pub(crate) fn has_to_commit(&self) -> bool {
        self.version != self.committed
    }

    /// Where it isn't what was committed last.
    pub(crate) fn to_commit(&self) -> Option<Commit> {
        if self.has_to_commit() { self.position() } else { None }
    }

    pub(crate) fn position(&self) -> Option<Commit> {
        #[cfg(feature = "faults")]
        if crate::faults::is_planted(crate::Fault::CommitPastGap) {
            return self.ledger.past_gap().map(|position| self.commit_of(position));
        }
        self.ledger.position().map(|position| self.commit_of(position))
    }

    fn commit_of(&self, position: Position) -> Commit {
        Commit { assignment: self.id, position, version: self.version }
    }

    pub(crate) fn committed(&mut self, version: u64) {
        self.committed = self.committed.max(version);
    }

    /// None while something waits to be taken up.
    pub(crate) fn room(&self, shared: &Shared<R>) -> Room {
        let bounds = &shared.settings.bounds;
        if !self.incoming.is_empty() || !self.is_feeding {
            return Room { records: 0, bytes: 0 };
        }
        Room {
            records: bounds.records.saturating_sub(self.taken),
            bytes: bounds.bytes.saturating_sub(self.taken_bytes),
        }
    }

    /// Since when the oldest run has been in flight, also of a redrive and of what was passed over.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        let running = self.keys.iter().filter(|(_, slot)| slot.state == State::Running);
        let redriven = self.parked.values().filter_map(Parked::since);
        running.map(|(_, slot)| slot.since).chain(redriven).chain(self.passed.since()).min()
    }

    pub(crate) fn stuck(&self, shared: &Shared<R>) -> Option<Stuck> {
        if self.is_full(shared) {
            return Some(Stuck::TooManyParked);
        }
        if !self.room(shared).is_none() {
            return None;
        }
        let span = shared.settings.bounds.span;
        let next = self.incoming.front().map(Record::offset);
        if next.is_some_and(|next| !self.ledger.can_take(next, span)) {
            return self.ledger.next().map(Stuck::Span);
        }
        let longest = self.keys.iter().max_by_key(|(_, slot)| slot.queue.len());
        let key = longest.and_then(|(_, slot)| slot.queue.front()).and_then(Record::key);
        Some(Stuck::Backlog(key.map(Key::from)))
    }

    /// Records taken up and not done, and waiting to be taken up.
    pub(crate) fn backlog(&self) -> usize {
        self.taken + self.incoming.len()
    }

    /// Records that were done before the restart.
    pub(crate) fn done_before(&self) -> u64 {
        self.done_before
    }
}
