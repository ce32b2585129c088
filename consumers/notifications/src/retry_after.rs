//! How long an answer asks us to wait (RFC 9110, 10.2.3): in seconds, or until a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, header::RETRY_AFTER};

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    read(headers.get(RETRY_AFTER)?.to_str().ok()?.trim(), Utc::now())
}

fn read(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seconds_or_a_time() {
        let now = DateTime::from_timestamp(1_795_900_000, 0).unwrap_or_default();
        let date = (now + chrono::TimeDelta::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT");
        assert_eq!(read("120", now), Some(Duration::from_secs(120)));
        assert_eq!(read(&date.to_string(), now), Some(Duration::from_secs(90)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::ZERO));
        assert_eq!(read("soon", now), None);
    }
}
