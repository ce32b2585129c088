//! The events that a view holds, in parts that are locked one by one and only to look or to swap.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Parts that are locked apart, as a power of two.
const BITS: u32 = 5;
const PARTS: usize = 1 << BITS;

pub(super) struct Held<E> {
    parts: [RwLock<HashMap<Box<str>, Arc<E>>>; PARTS],
    hasher: RandomState,
    len: AtomicUsize,
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
            most,
            is_overfull: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<E>> {
        let part = self.part(key).read().unwrap_or_else(PoisonError::into_inner);
        part.get(key).cloned()
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
            return Ok(());
        };
        let old = mem::replace(held, event);
        // What was said before is let go when nobody waits for it.
        drop(part);
        drop(old);
        Ok(())
    }

    pub(super) fn remove(&self, key: &str) {
        let old = self.part(key).write().unwrap_or_else(PoisonError::into_inner).remove(key);
        if old.is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
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
