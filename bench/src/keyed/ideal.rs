//! What can't be beaten: all the slots busy, or the hottest key never idle.

use std::time::Duration;

use crate::keys::{Keys, Skew};

pub(super) const KEYS: u32 = 1_000;
/// How long a case takes at best: so many records are drawn.
const SECONDS: f64 = 2.1;

/// A case's records, and how long they take at best.
pub(super) struct Ideal {
    /// The key of each record.
    pub(super) keys: Vec<u32>,
    /// Records of the key that has most.
    pub(super) hottest: u32,
    /// What the bare handler takes.
    pub(super) handler: Duration,
    pub(super) seconds: f64,
}

impl Ideal {
    /// Draws keys until max(N·t/c, n_hot·t) is long enough.
    #[allow(clippy::cast_precision_loss, reason = "far fewer records than 2^52")]
    pub(super) fn of(skew: Skew, concurrency: usize, handler: Duration) -> Self {
        let time = handler.as_secs_f64();
        let mut counts = vec![0_u32; KEYS as usize];
        let (mut drawn, mut hottest, mut seconds) = (Vec::new(), 0, 0.0);
        for key in Keys::new(KEYS, skew) {
            drawn.push(key);
            counts[key as usize] += 1;
            hottest = hottest.max(counts[key as usize]);
            let by_slots = drawn.len() as f64 * time / concurrency as f64;
            seconds = by_slots.max(f64::from(hottest) * time);
            if seconds >= SECONDS {
                break;
            }
        }
        Self { keys: drawn, hottest, handler, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_key_decides_where_keys_are_skewed() {
        let time = Duration::from_millis(10);
        let ideal = Ideal::of(Skew::Zipf, 100, time);
        assert_eq!(ideal.hottest, 210);
        assert!((900..1_500).contains(&ideal.keys.len()), "{}", ideal.keys.len());
        let ideal = Ideal::of(Skew::Uniform, 100, time);
        assert_eq!(ideal.keys.len(), 21_000);
    }
}
