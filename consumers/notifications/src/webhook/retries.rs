//! When a webhook is tried.

use std::{str::FromStr, sync::Arc, time::Duration};

/// Attempts at most.
const MOST: usize = 50;
/// Longest wait between two.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The waits before each attempt, the first one's from when the event was heard. A fifth more or less is
/// added to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries(pub(crate) Arc<[Duration]>);

/// A text that is no such list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give 1 to 50 waits of at most 7d with commas between, as 0s,5s,5m,2h")]
pub struct RetriesError;

impl Default for Retries {
    /// Ten attempts in about three days, as the specification has them.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let hours = |hours: u64| minutes(60 * hours);
        Self(Arc::new([
            Duration::ZERO,
            Duration::from_secs(5),
            minutes(5),
            minutes(30),
            hours(2),
            hours(5),
            hours(10),
            hours(14),
            hours(20),
            hours(24),
        ]))
    }
}

impl FromStr for Retries {
    type Err = RetriesError;

    fn from_str(text: &str) -> Result<Self, RetriesError> {
        let waits: Option<Vec<_>> = text.split(',').map(|wait| read(wait.trim())).collect();
        let waits = waits.filter(|waits| (1..=MOST).contains(&waits.len())).ok_or(RetriesError)?;
        Ok(Self(waits.into()))
    }
}

fn read(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(unit)?;
    let count: u64 = count.parse().ok()?;
    let wait = match unit {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_secs(count.checked_mul(60)?),
        "h" => Duration::from_secs(count.checked_mul(60 * 60)?),
        "d" => Duration::from_secs(count.checked_mul(24 * 60 * 60)?),
        _ => return None,
    };
    (wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_list_of_waits() {
        let read: Retries = "0s, 200ms,5m,2h,1d".parse().unwrap_or_default();
        let seconds: Vec<_> = read.0.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds, [0.0, 0.2, 300.0, 7_200.0, 86_400.0]);
        assert_eq!("0s,5s,5m,30m,2h,5h,10h,14h,20h,24h".parse(), Ok(Retries::default()));
        for text in ["", "5", "s", "5w", "8d", "-1s", "1s,,2s", "99999999999999999999s"] {
            assert_eq!(text.parse::<Retries>(), Err(RetriesError), "{text}");
        }
        assert_eq!("1s,".repeat(51).trim_end_matches(',').parse::<Retries>(), Err(RetriesError));
    }
}
