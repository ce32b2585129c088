//! One round of one side, and the median of several.

use std::time::Duration;

use serde::Serialize;

/// What one round came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Round {
    /// Records that were done.
    pub(crate) records: u64,
    /// From the first to the last of them.
    pub(crate) seconds: f64,
    /// It took too long and was ended before all were done.
    pub(crate) is_cut: bool,
}

impl Round {
    /// Records a second.
    #[allow(clippy::cast_precision_loss, reason = "far fewer records than 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.records as f64 / self.seconds } else { 0.0 }
    }
}

/// The median of the rounds' rates.
pub(crate) fn rate(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(Round::rate))
}

/// The middle value, or the middle of the two in the middle; 0 of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// What so many of a thousand took at most, in milliseconds; 0 of none.
pub(crate) fn milliseconds_at(part: usize, sorted: &[Duration]) -> f64 {
    let place = (sorted.len() * part / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |took| took.as_secs_f64() * 1e3)
}

/// `theirs` in parts of `ours`, or the other way round; 0 where there is nothing to divide by.
pub(crate) fn over(value: f64, by: f64) -> f64 {
    if by > 0.0 { value / by } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median(std::iter::empty()), 0.0);
    }

    #[test]
    fn the_ninety_ninth_of_a_hundred_is_near_the_highest() {
        let took: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(
            [500, 990, 1_000].map(|part| milliseconds_at(part, &took)),
            [51.0, 100.0, 100.0]
        );
        assert_eq!(milliseconds_at(990, &[]), 0.0);
    }
}
