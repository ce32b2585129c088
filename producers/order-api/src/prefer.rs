//! `Prefer: wait=N` (RFC 7240): how long the caller wants to wait for an order to be known.

use std::time::Duration;

use axum::http::HeaderMap;

/// Longest wait; who asks for more gets this much.
const LONGEST: u64 = 5;

/// The wait that is granted, in whole seconds. As the RFC has it, a preference that can't be
/// understood is as good as none, and the first of several counts.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let wait = preferences.flat_map(|value| value.split(',')).find_map(|preference| {
        let preference = preference.split(';').next()?;
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    })?;
    let is_number = !wait.is_empty() && wait.bytes().all(|b| b.is_ascii_digit());
    // Too many digits for a number is more than the longest.
    is_number.then(|| Duration::from_secs(wait.parse().unwrap_or(LONGEST).min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_counts_and_is_capped() {
        for (given, expected) in [
            ("wait=2", Some(2)),
            ("Wait = \"3\"", Some(3)),
            ("respond-async, wait=1; foo=bar, wait=4", Some(1)),
            ("wait=600", Some(5)),
            ("wait=99999999999999999999999", Some(5)),
            ("wait", None),
            ("wait=", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("return=minimal", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", given.parse().expect(given));
            assert_eq!(wait(&headers), expected.map(Duration::from_secs), "{given}");
        }
    }
}
