//! Something about a record, kept between its tries.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Values by key, as by event id: what a handler learns at its first try and needs at the next, such as the
/// end that another topic had when the record was taken. Never more than a bound: a key's value may be
/// forgotten once half as many others were kept since.
pub struct Remembered<K, V> {
    half: usize,
    generations: Mutex<Generations<K, V>>,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Copy + Eq + Hash, V: Copy> Remembered<K, V> {
    /// Empty, and never more than so many.
    pub fn at_most(most: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { half: (most / 2).max(1), generations: Mutex::new(generations) }
    }

    /// What is kept.
    pub fn get(&self, key: K) -> Option<V> {
        let kept = self.lock();
        kept.young.get(&key).or_else(|| kept.old.get(&key)).copied()
    }

    /// Keeps the value if there is none yet; gives the one that is kept.
    pub fn keep(&self, key: K, value: V) -> V {
        let mut kept = self.lock();
        if let Some(first) = kept.young.get(&key).or_else(|| kept.old.get(&key)) {
            return *first;
        }
        if kept.young.len() >= self.half {
            kept.old = mem::take(&mut kept.young);
        }
        kept.young.insert(key, value);
        value
    }

    /// It is over.
    pub fn forget(&self, key: K) {
        let mut kept = self.lock();
        kept.young.remove(&key);
        kept.old.remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays_until_it_is_forgotten() {
        let remembered = Remembered::at_most(10);
        assert_eq!(remembered.keep(1, 7), 7);
        assert_eq!(remembered.keep(1, 9), 7);
        remembered.forget(1);
        assert_eq!(remembered.get(1), None);
        assert_eq!(remembered.keep(1, 9), 9);
    }

    #[test]
    fn the_bound_holds_and_the_latest_half_is_kept() {
        let remembered = Remembered::at_most(10);
        for number in 0..1_000_u32 {
            remembered.keep(number, number);
            let kept = remembered.lock();
            assert!(kept.young.len() + kept.old.len() <= 10);
        }
        for number in 995..1_000 {
            assert_eq!(remembered.get(number), Some(number));
        }
    }
}
