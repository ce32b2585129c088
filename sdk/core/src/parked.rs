//! What is known of parked keys and of what was passed over, as it stands on `<group>.parked`, and
//! which marks count.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::Position;

/// A record's key.
pub type Key = Arc<[u8]>;

/// Counts the owners of a partition: each takes one higher than any it finds.
pub type Epoch = u64;

/// A key that is parked: its records are in the dead letters from a first one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedKey {
    /// Offset in the partition of the first record that hasn't been done since.
    pub next: i64,
    /// Its dead letters are at or behind this offset of the dead letters' partition.
    pub letters_from: i64,
    /// Redrives that failed.
    pub laps: u32,
    /// Whether its dead letters are being done.
    pub is_redriving: bool,
    /// Why it is parked, or why its last redrive failed.
    pub error: String,
}

/// Whose dead letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// A parked key's.
    Key(Key),
    /// All that were passed over, of whatever key or of none.
    PassedOver,
}

/// How far the dead letters are done that were passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which of the dead letters' offsets are done.
    pub position: Position,
    /// Those before this offset are being done; 0 for none.
    pub until: i64,
}

/// A record of `<group>.parked` that is of one (topic, partition).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Somebody became the owner.
    Takeover(Epoch),
    /// An owner says how it stands with a key.
    State {
        /// The key.
        key: Key,
        /// Of the owner who says so.
        epoch: Epoch,
        /// `None`: it isn't parked (any more).
        state: Option<ParkedKey>,
    },
    /// An owner says how it stands with what was passed over.
    PassedOver {
        /// Of the owner who says so.
        epoch: Epoch,
        /// How.
        state: PassedOver,
    },
    /// Somebody asks for a redrive.
    Redrive(Whose),
    /// A request is answered.
    Answered(Whose),
}

/// What the marks of one (topic, partition) come to, read in their order.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Of the last owner; 0 for none.
    pub epoch: Epoch,
    /// Parked keys.
    pub parked: BTreeMap<Key, ParkedKey>,
    /// What was passed over.
    pub passed_over: PassedOver,
    /// Requests that nobody has answered.
    pub requests: BTreeSet<Whose>,
    /// Those of which the last mark is of an owner who had been succeeded: it doesn't count, and the
    /// owner is to write the state again, as compaction keeps only the last.
    pub void: BTreeSet<Whose>,
}

impl Marks {
    /// The next record.
    pub fn read(&mut self, mark: Mark) {
        match mark {
            Mark::Takeover(epoch) => self.epoch = self.epoch.max(epoch),
            Mark::State { key, epoch, .. } if epoch < self.epoch => {
                self.void.insert(Whose::Key(key));
            }
            Mark::PassedOver { epoch, .. } if epoch < self.epoch => {
                self.void.insert(Whose::PassedOver);
            }
            Mark::State { key, epoch, state } => {
                // Without a takeover before it only where compaction left it out.
                self.epoch = self.epoch.max(epoch);
                self.void.remove(&Whose::Key(Key::clone(&key)));
                match state {
                    Some(state) => self.parked.insert(key, state),
                    None => self.parked.remove(&key),
                };
            }
            Mark::PassedOver { epoch, state } => {
                self.epoch = self.epoch.max(epoch);
                self.void.remove(&Whose::PassedOver);
                self.passed_over = state;
            }
            Mark::Redrive(whose) => {
                self.requests.insert(whose);
            }
            Mark::Answered(whose) => {
                self.requests.remove(&whose);
            }
        }
    }
}

impl Default for PassedOver {
    /// None is done, nobody asked.
    fn default() -> Self {
        Self { position: Position { next: 0, done_beyond: String::new() }, until: 0 }
    }
}
