//! Something about an event, kept between its tries.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use orderly_sdk::EventId;

/// Values by event id. Never more than a bound: an event's value may be forgotten once half as
/// many others were kept since.
pub(crate) struct Remembered<V> {
    half: usize,
    generations: Mutex<Generations<V>>,
}

struct Generations<V> {
    young: HashMap<EventId, V>,
    old: HashMap<EventId, V>,
}

impl<V: Copy> Remembered<V> {
    pub(crate) fn at_most(most: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { half: (most / 2).max(1), generations: Mutex::new(generations) }
    }

    pub(crate) fn get(&self, event: EventId) -> Option<V> {
        let kept = self.lock();
        kept.young.get(&event).or_else(|| kept.old.get(&event)).copied()
    }

    /// Keeps the value if there is none yet; gives the one that is kept.
    pub(crate) fn keep(&self, event: EventId, value: V) -> V {
        let mut kept = self.lock();
        if let Some(first) = kept.young.get(&event).or_else(|| kept.old.get(&event)) {
            return *first;
        }
        if kept.young.len() >= self.half {
            kept.old = mem::take(&mut kept.young);
        }
        kept.young.insert(event, value);
        value
    }

    pub(crate) fn forget(&self, event: EventId) {
        let mut kept = self.lock();
        kept.young.remove(&event);
        kept.old.remove(&event);
    }

    fn lock(&self) -> MutexGuard<'_, Generations<V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> EventId {
        EventId::derived(&[&number.to_string()])
    }

    #[test]
    fn the_first_value_stays_until_it_is_forgotten() {
        let remembered = Remembered::at_most(10);
        assert_eq!(remembered.keep(id(1), 7), 7);
        assert_eq!(remembered.keep(id(1), 9), 7);
        remembered.forget(id(1));
        assert_eq!(remembered.get(id(1)), None);
        assert_eq!(remembered.keep(id(1), 9), 9);
    }

    #[test]
    fn the_bound_holds_and_the_latest_half_is_kept() {
        let remembered = Remembered::at_most(10);
        for number in 0..1_000 {
            remembered.keep(id(number), number);
            let kept = remembered.lock();
            assert!(kept.young.len() + kept.old.len() <= 10);
        }
        for number in 995..1_000 {
            assert_eq!(remembered.get(id(number)), Some(number));
        }
    }
}
