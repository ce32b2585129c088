//! How long: `forever`, or a whole number with one unit: `30s`, `15m`, `36h`, `90d`.

use std::time::Duration;

use super::{Retention, error::quoted, nearest::nearest};

const FORM: &str = "write `forever`, or a number with a unit (s, m, h, d) such as 90d";
const DAY: u64 = 24 * 60 * 60;
/// A hundred years; more is `forever` said badly.
const LONGEST_DAYS: u64 = 36_500;

/// What is wrong, and what was probably meant.
pub(super) type Refused = (String, Option<String>);

pub(super) fn read(text: &str) -> Result<Retention, Refused> {
    if text == "forever" {
        return Ok(Retention::Forever);
    }
    if let Some(positive) = text.strip_prefix('-') {
        // Kafka itself writes "no limit" so.
        let meant = (positive == "1").then(|| "forever".to_owned());
        return refused(text, "is negative", meant);
    }
    if text.contains(':') {
        return refused(text, "is a time of day and not a duration", None);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        let meant = nearest(text, ["forever"]).map(str::to_owned);
        return refused(text, "is no duration", meant);
    }
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => DAY,
        "" => {
            let meant = in_days(number).map(|days| format!("{days}d"));
            return refused(text, "has no unit", meant);
        }
        _ => return unknown_unit(text, number, unit),
    };
    let total = number.parse::<u64>().ok();
    match total.and_then(|n| n.checked_mul(seconds)) {
        Some(0) => refused(text, "would delete every record at once", None),
        Some(total) if total <= LONGEST_DAYS * DAY => {
            Ok(Retention::For(Duration::from_secs(total)))
        }
        _ => Err((
            format!("{} is more than the longest retention, {LONGEST_DAYS}d", quoted(text)),
            Some("forever".to_owned()),
        )),
    }
}

/// A number that could be one of days.
fn in_days(number: &str) -> Option<u64> {
    let days = number.parse().ok()?;
    (1..=LONGEST_DAYS).contains(&days).then_some(days)
}

/// In the largest unit that divides it.
pub(super) fn write(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        s if s % DAY == 0 => format!("{}d", s / DAY),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn unknown_unit<T>(text: &str, number: &str, unit: &str) -> Result<T, Refused> {
    if unit.starts_with(['.', ',', '_']) {
        return refused(text, "is no whole number with a unit", None);
    }
    let unit = unit.trim();
    let (times, letter) = match unit.to_lowercase().as_str() {
        "d" | "day" | "days" => (1, "d"),
        "h" | "hr" | "hrs" | "hour" | "hours" => (1, "h"),
        "min" | "mins" | "minute" | "minutes" => (1, "m"),
        "s" | "sec" | "secs" | "second" | "seconds" => (1, "s"),
        "m" if unit == "m" => (1, "m"),
        "w" | "week" | "weeks" => (7, "d"),
        "y" | "yr" | "year" | "years" => (365, "d"),
        _ => {
            let what = format!("has the unknown unit {}", quoted(unit));
            return refused(text, &what, None);
        }
    };
    let number = number.parse::<u64>().ok().and_then(|n| n.checked_mul(times));
    let meant = number.map(|n| format!("{n}{letter}"));
    Err((format!("{} is no duration", quoted(text)), meant))
}

fn refused<T>(text: &str, what: &str, meant: Option<String>) -> Result<T, Refused> {
    let form = if meant.is_some() { String::new() } else { format!(": {FORM}") };
    Err((format!("{} {what}{form}", quoted(text)), meant))
}
