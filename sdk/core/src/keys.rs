//! The queue of each key of a partition, and which of them may run.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher as _, BuildHasherDefault, Hasher},
    mem,
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::{Key, Record, tries::Tries, work::SlotId};

/// Queues by key. Keys whose 64-bit hashes are the same share one, which only makes them wait for
/// each other.
pub(crate) struct Keys<R> {
    slots: Vec<Slot<R>>,
    free: Vec<usize>,
    by_hash: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    hasher: RandomState,
    /// Whose turn it is, by [`turn_of`]: a key with many keeps up then, and isn't left over when the
    /// others are done.
    ready: BTreeSet<(i64, SlotId)>,
}

/// A key goes before others that are older by so many offsets for each further record of it that waits:
/// its records can only be done one after the other, theirs beside them. By the oldest first record
/// alone, the end of a set is a few keys with several records each, and idle handlers.
const HEAD_START: i64 = 64;
/// So many further records count, so that a key with a long backlog passes over nobody for long.
const MOST_FURTHER: usize = 8;

pub(crate) struct Slot<R> {
    hash: Option<u64>,
    pub(crate) queue: VecDeque<R>,
    pub(crate) state: State,
    pub(crate) tries: Tries,
    /// The parked key that the dead letter being written is of.
    pub(crate) follows: Option<Key>,
    /// Since when it runs.
    pub(crate) since: Duration,
}

/// Of a key; a record without one has none, and a queue of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHash(Option<u64>);

/// What a key's queue waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing: it is empty.
    Idle,
    /// Its turn.
    Ready,
    /// A report.
    Running,
    /// A time.
    Waiting(Duration),
    /// Its key's mark.
    Marking,
    /// A dead letter of that offset and size.
    Writing(i64, usize),
    /// The end of its key's redrive, room for another parked key, or nothing any more.
    Held,
    /// The end of a run of what was passed over.
    Aside,
}

impl<R: Record> Keys<R> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_hash: HashMap::default(),
            hasher: RandomState::default(),
            ready: BTreeSet::new(),
        }
    }

    /// Behind the others of its key.
    pub(crate) fn push(&mut self, record: R) {
        let id = self.of_or_open(record.key());
        let slot = self.get_mut(id);
        match slot.state {
            State::Idle => {
                slot.queue.push_back(record);
                self.line_up(id);
            }
            State::Ready if slot.queue.len() <= MOST_FURTHER => {
                let before = (turn_of(&slot.queue), id);
                slot.queue.push_back(record);
                self.ready.remove(&before);
                self.line_up(id);
            }
            _ => slot.queue.push_back(record),
        }
    }

    /// The queue of a key, a new one where it has none.
    fn of_or_open(&mut self, key: Option<&[u8]>) -> SlotId {
        let hash = self.hash_of(key);
        match hash.0.and_then(|hash| self.by_hash.get(&hash)) {
            Some(id) => SlotId(*id),
            None => self.open(hash),
        }
    }

    /// What a key is told by here.
    pub(crate) fn hash_of(&self, key: Option<&[u8]>) -> KeyHash {
        KeyHash(key.map(|key| self.hasher.hash_one(key)))
    }

    /// The next whose turn it is; it is left to the caller what it then is.
    pub(crate) fn pop(&mut self) -> Option<SlotId> {
        self.ready.pop_first().map(|(_, id)| id)
    }

    /// Whose record waits for a part that is away, and whose turn it is.
    pub(crate) fn pop_unavailable(&mut self) -> Option<SlotId> {
        let next =
            self.ready.iter().find(|(_, id)| self.slots[id.0].tries.is_unavailable).copied()?;
        self.ready.remove(&next);
        Some(next.1)
    }

    /// Keeps a key from running, where nothing of it is in progress, until it is
    /// [settled](Self::settle).
    pub(crate) fn hold(&mut self, key: Option<&[u8]>) -> Option<SlotId> {
        let id = self.of_or_open(key);
        if !matches!(self.get(id).state, State::Idle | State::Ready) {
            return None;
        }
        let slot = self.get_mut(id);
        slot.state = State::Aside;
        let turn = (turn_of(&slot.queue), id);
        self.ready.remove(&turn);
        Some(id)
    }

    /// It wasn't its turn yet.
    pub(crate) fn turn_back(&mut self, id: SlotId) {
        self.line_up(id);
    }

    /// Its first records, at most so many, all of one key.
    pub(crate) fn take_run(&mut self, id: SlotId, longest: usize) -> VecDeque<R> {
        let queue = &mut self.slots[id.0].queue;
        let key = queue.front().and_then(Record::key);
        let others = queue.iter().skip(1).take(longest.saturating_sub(1));
        let count = 1 + others.take_while(|record| record.key() == key).count();
        match count {
            all if all >= queue.len() => mem::take(queue),
            some => queue.drain(..some).collect(),
        }
    }

    /// It is its turn, or it is gone where nothing is in it.
    pub(crate) fn settle(&mut self, id: SlotId) {
        let slot = &mut self.slots[id.0];
        if slot.queue.is_empty() {
            slot.state = State::Idle;
            if let Some(hash) = slot.hash.take() {
                self.by_hash.remove(&hash);
            }
            self.free.push(id.0);
        } else {
            self.line_up(id);
        }
    }

    fn line_up(&mut self, id: SlotId) {
        let slot = &mut self.slots[id.0];
        slot.state = State::Ready;
        let turn = (turn_of(&slot.queue), id);
        self.ready.insert(turn);
    }

    pub(crate) fn get(&self, id: SlotId) -> &Slot<R> {
        &self.slots[id.0]
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> &mut Slot<R> {
        &mut self.slots[id.0]
    }

    /// The queue of a key, where it has one.
    pub(crate) fn of(&self, key: &[u8]) -> Option<SlotId> {
        self.by_hash.get(&self.hasher.hash_one(key)).map(|id| SlotId(*id))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotId, &Slot<R>)> {
        self.slots.iter().enumerate().map(|(id, slot)| (SlotId(id), slot))
    }

    /// Whether it has a queue.
    pub(crate) fn has(&self, KeyHash(hash): KeyHash) -> bool {
        hash.is_some_and(|hash| self.by_hash.contains_key(&hash))
    }

    /// A queue, still empty, of a key that has none.
    pub(crate) fn open(&mut self, KeyHash(hash): KeyHash) -> SlotId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                hash: None,
                queue: VecDeque::new(),
                state: State::Idle,
                tries: Tries::default(),
                follows: None,
                since: Duration::ZERO,
            });
            self.slots.len() - 1
        });
        self.slots[id].hash = hash;
        if let Some(hash) = hash {
            self.by_hash.insert(hash, id);
        }
        SlotId(id)
    }
}

/// The lowest comes first. Of a queue that waits for its turn it only changes where it is lined up anew.
fn turn_of<R: Record>(queue: &VecDeque<R>) -> i64 {
    let further = queue.len().saturating_sub(1).min(MOST_FURTHER);
    let head_start = HEAD_START * i64::try_from(further).unwrap_or(0);
    queue.front().map_or(i64::MAX, |first| first.offset() - head_start)
}

/// For numbers that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are put in, as one number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
