//! All partitions of a member: who may run, within one bound for all.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    time::Duration,
};

use crate::{
    Assignment, AtOnce, Beginning, Commit, Decision, Effect, Key, Lane, Mark, Record, Report,
    RetryPolicy, Room, Stuck, Ticket, Unit, Whose, partition::Partition, retry::Jitter,
    work::SlotId,
};

/// How a member works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it takes at once.
    pub bounds: Bounds,
    /// How records are tried again.
    pub retry: RetryPolicy,
    /// Parked keys of a partition; with more it stops until some are redriven.
    pub most_parked: usize,
    /// Runs of different keys go together, up to so many records; `None`: each alone.
    pub batch: Option<usize>,
}

/// What a member takes at once.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Keys that run at once, over all partitions; where records go in batches, keys and batches
    /// of one more partition may come to more.
    pub concurrency: usize,
    /// Records of a partition that are taken up and not done.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Offsets from the first record that isn't done to the last one taken up; two million at most.
    pub span: i64,
}

/// Everything that a member decides. It knows no time and no I/O: records, reports,
/// acknowledgements and the time come in; units, effects and commits go out.
pub struct Core<R> {
    partitions: BTreeMap<Assignment, Partition<R>>,
    /// Whose turn it is.
    turn: VecDeque<Assignment>,
    shared: Shared<R>,
    last: u64,
}

/// What the partitions share.
pub(crate) struct Shared<R> {
    pub(crate) settings: Settings,
    pub(crate) now: Duration,
    pub(crate) effects: Vec<Effect<R>>,
    pub(crate) timers: Timers,
    /// Runs in flight.
    pub(crate) running: usize,
    /// Records that wait for a part that is away; while there are any, nothing new is begun.
    pub(crate) unavailable: usize,
    is_part_back: bool,
    jitter: Jitter,
    marks: u64,
}

impl<R: Record> Core<R> {
    /// Nothing assigned; `seed` spreads the backoffs.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let shared = Shared {
            settings,
            now: Duration::ZERO,
            effects: Vec::new(),
            timers: Timers::default(),
            running: 0,
            unavailable: 0,
            is_part_back: false,
            jitter: Jitter(seed),
            marks: 0,
        };
        Self { partitions: BTreeMap::new(), turn: VecDeque::new(), shared, last: 0 }
    }

    /// The time since the member began. What waited for it may run.
    pub fn tick(&mut self, now: Duration) {
        self.shared.now = now;
        while let Some((due, assignment, timer)) = self.shared.timers.pop(now) {
            let Some(partition) = self.partitions.get_mut(&assignment) else { continue };
            match timer {
                Timer::Slot(id) => partition.wake(id, due),
                Timer::Redrive(key) => partition.wake_redrive(&key, Some(due)),
                Timer::PassedOver => partition.wake_passed(Some(due)),
            }
        }
    }

    /// When [`tick`](Core::tick) has something to do.
    pub fn next_tick(&self) -> Option<Duration> {
        self.shared.timers.first()
    }

    /// A partition is now ours.
    pub fn assign(&mut self, beginning: Beginning) -> Assignment {
        self.last += 1;
        let assignment = Assignment(self.last);
        let partition = Partition::begin(assignment, beginning, &mut self.shared);
        self.partitions.insert(assignment, partition);
        self.turn.push_back(assignment);
        assignment
    }

    /// A partition is going to be somebody else's: nothing of it is begun any more.
    pub fn stop_feeding(&mut self, assignment: Assignment) {
        if let Some(partition) = self.partitions.get_mut(&assignment) {
            partition.is_feeding = false;
        }
    }

    /// Runs of a partition in flight.
    pub fn in_flight(&self, assignment: Assignment) -> usize {
        self.partitions.get(&assignment).map_or(0, |partition| partition.running)
    }

    /// A partition isn't ours any more; what is reported of it from now on counts for nothing.
    /// Answers what is left to be committed.
    pub fn release(&mut self, assignment: Assignment) -> Option<Commit> {
        let partition = self.partitions.remove(&assignment)?;
        self.turn.retain(|other| *other != assignment);
        self.shared.running -= partition.running;
        for _ in 0..partition.unavailable() {
            self.shared.part_is_back();
        }
        self.wake_unavailable();
        partition.to_commit()
    }

    /// Records of a partition came, in the order of their offsets.
    pub fn deliver(&mut self, assignment: Assignment, records: impl IntoIterator<Item = R>) {
        if let Some(partition) = self.partitions.get_mut(&assignment) {
            partition.deliver(records.into_iter(), &self.shared);
        }
    }

    /// A record of a partition came that could be done there and then: it may be where nothing of its
    /// key waits or runs. Otherwise it is to be [delivered](Core::deliver) before the one behind it
    /// comes here.
    pub fn try_at_once(&mut self, assignment: Assignment, record: &R) -> AtOnce {
        match self.partitions.get_mut(&assignment) {
            Some(partition) => partition.try_at_once(record, &self.shared),
            None => AtOnce::Nothing,
        }
    }

    /// A record that might be done at once is done.
    pub fn done_at_once(&mut self, ticket: &Ticket) {
        if let Some(partition) = self.partitions.get_mut(&ticket.assignment) {
            partition.done_at_once(ticket);
        }
    }

    /// A record that might be done at once isn't done yet, or it failed: the run to be reported, as
    /// if it had been handed out. `None`: the partition isn't ours any more.
    pub fn goes_on(&mut self, ticket: &Ticket) -> Option<Lane> {
        let partition = self.partitions.get_mut(&ticket.assignment)?;
        Some(partition.goes_on(ticket, &mut self.shared))
    }

    /// The next that may be done: runs of at most `most` keys of one partition, or a batch.
    pub fn next_unit(&mut self, most: usize) -> Option<Unit<R>> {
        for _ in 0..self.turn.len() {
            if self.shared.running >= self.shared.settings.bounds.concurrency {
                return None;
            }
            self.turn.rotate_left(1);
            let assignment = self.turn.back()?;
            let partition = self.partitions.get_mut(assignment)?;
            if let Some(unit) = partition.next_unit(most.max(1), &mut self.shared) {
                return Some(unit);
            }
        }
        None
    }

    /// Runs ended.
    pub fn report(&mut self, report: Report<R>) {
        #[cfg(feature = "faults")]
        let report = crate::faults::to_the_successor(report, &self.partitions);
        if let Some(partition) = self.partitions.get_mut(&report.assignment) {
            partition.report(report, &mut self.shared);
            self.wake_unavailable();
        }
    }

    /// Keys that run at once.
    pub fn running(&self) -> usize {
        self.shared.running
    }

    /// What is to be written or read elsewhere, in this order.
    pub fn effects(&mut self) -> Vec<Effect<R>> {
        std::mem::take(&mut self.shared.effects)
    }

    /// A mark with that sequence is acknowledged.
    pub fn marked(&mut self, assignment: Assignment, whose: &Whose, sequence: u64) {
        self.with(assignment, |partition, shared| match whose {
            Whose::Key(key) => partition.marked(key, sequence, shared),
            Whose::PassedOver => partition.passed_marked(sequence, shared),
        });
    }

    /// A dead letter is acknowledged, at that offset of the dead letters.
    pub fn lettered(&mut self, assignment: Assignment, slot: SlotId, at: i64) {
        self.with(assignment, |partition, shared| partition.lettered(slot, at, shared));
    }

    /// The next dead letter, as the record it was, and where it lies.
    pub fn letter_found(&mut self, assignment: Assignment, whose: &Whose, at: i64, letter: R) {
        self.with(assignment, |partition, shared| match whose {
            Whose::Key(key) => partition.letter_found(key, at, letter, shared),
            Whose::PassedOver => partition.passed_found(at, letter, shared),
        });
    }

    /// No further dead letter lies before that offset of the dead letters.
    pub fn no_letter(&mut self, assignment: Assignment, whose: &Whose, through: i64) {
        self.with(assignment, |partition, shared| match whose {
            Whose::Key(key) => partition.no_letter(key, through, shared),
            Whose::PassedOver => partition.no_passed(shared),
        });
    }

    /// A record of `<group>.parked` came that lies behind the own takeover.
    pub fn mark_read(&mut self, assignment: Assignment, mark: Mark) {
        self.with(assignment, |partition, shared| partition.mark_read(mark, shared));
    }

    /// What isn't committed yet.
    pub fn to_commit(&self) -> Vec<Commit> {
        self.partitions.values().filter_map(Partition::to_commit).collect()
    }

    /// Whether anything isn't committed yet.
    pub fn has_to_commit(&self) -> bool {
        self.partitions.values().any(Partition::has_to_commit)
    }

    /// How far a partition is done, committed or not; `None` where nothing of it came yet and nobody began it.
    pub fn position(&self, assignment: Assignment) -> Option<Commit> {
        self.partitions.get(&assignment)?.position()
    }

    /// A commit is acknowledged.
    pub fn committed(&mut self, commit: &Commit) {
        if let Some(partition) = self.partitions.get_mut(&commit.assignment) {
            partition.committed(commit.version);
        }
    }

    /// What may still be delivered of a partition. More is taken, too, and held.
    pub fn room(&self, assignment: Assignment) -> Room {
        let none = Room { records: 0, bytes: 0 };
        self.partitions.get(&assignment).map_or(none, |partition| partition.room(&self.shared))
    }

    /// Why a partition takes nothing up, if so.
    pub fn stuck(&self, assignment: Assignment) -> Option<Stuck> {
        self.partitions.get(&assignment)?.stuck(&self.shared)
    }

    /// Since when the oldest run has been in flight, also of a redrive and of what was passed over.
    pub fn oldest(&self, assignment: Assignment) -> Option<Duration> {
        self.partitions.get(&assignment)?.oldest()
    }

    /// Keys of a partition that are parked.
    pub fn parked(&self, assignment: Assignment) -> usize {
        self.partitions.get(&assignment).map_or(0, |partition| partition.parked.len())
    }

    /// Records of a partition that were done before the restart and came again.
    pub fn done_before(&self, assignment: Assignment) -> u64 {
        self.partitions.get(&assignment).map_or(0, Partition::done_before)
    }

    /// Records of a partition that came and aren't done.
    pub fn backlog(&self, assignment: Assignment) -> usize {
        self.partitions.get(&assignment).map_or(0, Partition::backlog)
    }

    /// The first offset of a partition that isn't done; `None` where nothing of it came yet.
    pub fn next(&self, assignment: Assignment) -> Option<i64> {
        self.partitions.get(&assignment)?.ledger.next()
    }

    /// Offsets from the first that isn't done to the last that is known.
    pub fn span(&self, assignment: Assignment) -> i64 {
        self.partitions.get(&assignment).map_or(0, |partition| partition.ledger.span())
    }

    /// Records that wait for a part that is away.
    pub fn unavailable(&self) -> usize {
        self.shared.unavailable
    }

    fn with(&mut self, id: Assignment, act: impl FnOnce(&mut Partition<R>, &mut Shared<R>)) {
        if let Some(partition) = self.partitions.get_mut(&id) {
            act(partition, &mut self.shared);
            self.wake_unavailable();
        }
    }

    fn wake_unavailable(&mut self) {
        if std::mem::take(&mut self.shared.is_part_back) {
            self.partitions.values_mut().for_each(Partition::wake_unavailable);
        }
    }
}

impl<R> Shared<R> {
    /// When a record that failed so often is tried again.
    pub(crate) fn due(&mut self, decision: Decision, in_a_row: u32) -> Duration {
        let random = self.jitter.next();
        self.now + self.settings.retry.wait(decision, in_a_row, random)
    }

    /// Whether a record may be done while it comes: how many run then is for whoever does it to
    /// bound.
    pub(crate) fn takes_at_once(&self) -> bool {
        self.settings.batch.is_none() && self.unavailable == 0
    }

    /// A record waits no more for a part that was away.
    pub(crate) fn part_is_back(&mut self) {
        self.unavailable -= 1;
        self.is_part_back = true;
    }

    pub(crate) fn next_mark(&mut self) -> u64 {
        self.marks += 1;
        self.marks
    }
}

/// What a wait was for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Slot(SlotId),
    Redrive(Key),
    PassedOver,
}

#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Duration, Assignment, Timer)>>);

impl Timers {
    pub(crate) fn push(&mut self, assignment: Assignment, due: Duration, timer: Timer) {
        self.0.push(Reverse((due, assignment, timer)));
    }

    fn first(&self) -> Option<Duration> {
        self.0.peek().map(|Reverse((due, ..))| *due)
    }

    fn pop(&mut self, now: Duration) -> Option<(Duration, Assignment, Timer)> {
        if self.first()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(timer)| timer)
    }
}
