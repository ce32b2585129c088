//! What is known of parked keys, as it stands on `<group>.parked`, and which marks count.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    /// Somebody asks for a redrive.
    Redrive(Key),
    /// A request is answered.
    Answered(Key),
}

/// What the marks of one (topic, partition) come to, read in their order.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Of the last owner; 0 for none.
    pub epoch: Epoch,
    /// Parked keys.
    pub parked: BTreeMap<Key, ParkedKey>,
    /// Requests that nobody has answered.
    pub requests: BTreeSet<Key>,
    /// Keys of which the last mark is of an owner who had been succeeded: it doesn't count, and the
    /// owner is to write the key's state again, as compaction keeps only the last.
    pub void: BTreeSet<Key>,
}

impl Marks {
    /// The next record.
    pub fn read(&mut self, mark: Mark) {
        match mark {
            Mark::Takeover(epoch) => self.epoch = self.epoch.max(epoch),
            Mark::State { key, epoch, .. } if epoch < self.epoch => {
                self.void.insert(key);
            }
            Mark::State { key, epoch, state } => {
                // Without a takeover before it only where compaction left it out.
                self.epoch = self.epoch.max(epoch);
                self.void.remove(&key);
                match state {
                    Some(state) => self.parked.insert(key, state),
                    None => self.parked.remove(&key),
                };
            }
            Mark::Redrive(key) => {
                self.requests.insert(key);
            }
            Mark::Answered(key) => {
                self.requests.remove(&key);
            }
        }
    }
}
