//! The events that a view holds, in parts that are locked one by one and only to look or to swap.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

/// Parts that are locked apart, as a power of two.
const BITS: u32 = 5;
const PARTS: usize = 1 << BITS;

pub(super) struct Held<E> {
    parts: [RwLock<HashMap<Box<str>, Arc<E>>>; PARTS],
    hasher: RandomState,
    len: AtomicUsize,
    changes: AtomicU64,
    most: usize,
    is_overfull: AtomicBool,
}

/// There was no room for a key that wasn't held.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl<E> Held<E> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            changes: AtomicU64::new(0),
            most,
            is_overfull: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<E>> {
        let part = self.part(key).read().unwrap_or_else(PoisonError::into_inner);
        part.get(key).cloned()
    }

    /// Part by part, so that nobody who writes waits for all of it.
    pub(super) fn all(&self) -> Vec<Arc<E>> {
        let mut all = Vec::with_capacity(self.len());
        for part in &self.parts {
            all.extend(part.read().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        all
    }

    /// Only one task writes.
    pub(super) fn set(&self, key: &str, event: Arc<E>) -> Result<(), NoRoom> {
        let mut part = self.part(key).write().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = part.get_mut(key) else {
            if self.len() >= self.most {
                self.is_overfull.store(true, Ordering::Relaxed);
                return Err(NoRoom);
            }
            part.insert(key.into(), event);
            self.len.fetch_add(1, Ordering::Relaxed);
            self.changes.fetch_add(1, Ordering::Release);
            return Ok(());
        };
        let old = mem::replace(held, event);
        self.changes.fetch_add(1, Ordering::Release);
        // What was said before is let go when nobody waits for it.
        drop(part);
        drop(old);
        Ok(())
    }

    pub(super) fn remove(&self, key: &str) {
        let old = self.part(key).write().unwrap_or_else(PoisonError::into_inner).remove(key);
        if old.is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// Grows with each change, after it was made.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.is_overfull.load(Ordering::Relaxed)
    }

    fn part(&self, key: &str) -> &RwLock<HashMap<Box<str>, Arc<E>>> {
        // The upper bits: each part's table goes by the lower ones.
        let number = usize::try_from(self.hasher.hash_one(key) >> (64 - BITS)).unwrap_or_default();
        &self.parts[number]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_key_is_held_until_it_is_removed() {
        let held = Held::new(10);
        assert_eq!(held.set("a", Arc::new(1)), Ok(()));
        assert_eq!(held.set("a", Arc::new(2)), Ok(()));
        assert_eq!((held.get("a").as_deref(), held.len()), (Some(&2), 1));
        held.remove("a");
        held.remove("a");
        assert_eq!((held.get("a"), held.len()), (None, 0));
    }

    #[test]
    fn all_of_it_is_there_and_each_change_counts() {
        let held = Held::new(100);
        let mut seen = vec![held.changes()];
        for key in 0..50 {
            assert_eq!(held.set(&key.to_string(), Arc::new(key)), Ok(()));
            seen.push(held.changes());
        }
        held.remove("7");
        seen.push(held.changes());
        held.remove("7");
        assert_eq!(held.changes(), seen[51], "nothing was there to be removed");
        assert!(seen.is_sorted_by(|before, after| before < after));
        let mut all: Vec<i32> = held.all().iter().map(|event| **event).collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).filter(|key| *key != 7).collect::<Vec<_>>());
    }

    #[test]
    fn beyond_its_bound_it_stays_on_the_keys_it_has() {
        let held = Held::new(2);
        for key in ["a", "b"] {
            assert_eq!(held.set(key, Arc::new(1)), Ok(()));
        }
        assert!(!held.is_overfull());
        assert_eq!(held.set("c", Arc::new(1)), Err(NoRoom));
        assert_eq!(held.set("a", Arc::new(2)), Ok(()));
        assert!(held.is_overfull());
        assert_eq!((held.get("a").as_deref(), held.get("c"), held.len()), (Some(&2), None, 2));
        // Room that comes later gives back no key that was passed over.
        held.remove("b");
        assert!(held.is_overfull());
    }
}
