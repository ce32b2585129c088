use std::time::Duration;

use super::{each_is_told, one_topic, parse};
use crate::topics::Retention;

const FORM: &str = "write `forever`, or a number with a unit (s, m, h, d) such as 90d";

#[test]
fn a_retention_is_forever_or_a_number_with_a_unit() {
    for (written, seconds, shown) in [
        ("1s", 1, "1s"),
        ("90s", 90, "90s"),
        ("120s", 120, "2m"),
        ("15m", 900, "15m"),
        ("36h", 129_600, "36h"),
        ("7d", 604_800, "7d"),
        ("'90d'", 7_776_000, "90d"),
        ("168h", 604_800, "7d"),
        ("36500d", 3_153_600_000, "36500d"),
    ] {
        let topics = parse(&one_topic(&[&format!("retention: {written}")]));
        let retention = topics.get("orders").unwrap().retention;
        assert_eq!(retention, Retention::For(Duration::from_secs(seconds)), "{written}");
        assert_eq!(retention.to_string(), shown, "{written}");
    }
    let topics = parse(&one_topic(&["retention: forever"]));
    assert_eq!(topics.get("orders").unwrap().retention, Retention::Forever);
    assert_eq!(Retention::Forever.to_string(), "forever");
}

#[test]
fn a_bad_duration_is_refused_with_what_was_meant() {
    let cases = [
        ("5", "`5` has no unit: did you mean `5d`?"),
        ("0", "`0` has no unit: {FORM}"),
        ("99999999999999999999", "`99999999999999999999` has no unit: {FORM}"),
        ("-1d", "`-1d` is negative: {FORM}"),
        ("-1", "`-1` is negative: did you mean `forever`?"),
        ("1x", "`1x` has the unknown unit `x`: {FORM}"),
        ("1M", "`1M` has the unknown unit `M`: {FORM}"),
        ("0d", "`0d` would delete every record at once: {FORM}"),
        ("2w", "`2w` is no duration: did you mean `14d`?"),
        ("1y", "`1y` is no duration: did you mean `365d`?"),
        ("90 days", "`90 days` is no duration: did you mean `90d`?"),
        ("7D", "`7D` is no duration: did you mean `7d`?"),
        ("30min", "`30min` is no duration: did you mean `30m`?"),
        ("1.5d", "`1.5d` is no whole number with a unit: {FORM}"),
        ("1_000", "`1_000` is no whole number with a unit: {FORM}"),
        ("1_000d", "`1_000d` is no whole number with a unit: {FORM}"),
        ("0o17", "`0o17` has the unknown unit `o17`: {FORM}"),
        ("12:30", "`12:30` is a time of day and not a duration: {FORM}"),
        ("+7d", "`+7d` is no duration: {FORM}"),
        ("Forever", "`Forever` is no duration: did you mean `forever`?"),
        ("forevr", "`forevr` is no duration: did you mean `forever`?"),
        ("always", "`always` is no duration: {FORM}"),
        ("''", "`` is no duration: {FORM}"),
        ("٣d", "`٣d` is no duration: {FORM}"),
        ("36501d", "`36501d` is more than the longest retention, 36500d: did you mean `forever`?"),
        (
            "18446744073709551615d",
            "`18446744073709551615d` is more than the longest retention, 36500d: did you mean `forever`?",
        ),
        (
            "18446744073709551616s",
            "`18446744073709551616s` is more than the longest retention, 36500d: did you mean `forever`?",
        ),
    ]
    .map(|(written, told)| {
        (
            one_topic(&[&format!("retention: {written}")]),
            format!("4:16: `retention`: {}", told.replace("{FORM}", FORM)),
        )
    });
    each_is_told(cases.iter().map(|(text, told)| (text.clone(), told.as_str())));
}

#[test]
fn a_retention_that_is_no_text_is_refused() {
    let cases = [
        ("no", "`no`, which YAML reads as a boolean"),
        ("[7d]", "a list"),
        ("{days: 7}", "a map"),
    ]
    .map(|(written, found)| {
        (
            one_topic(&[&format!("retention: {written}")]),
            format!(
                "4:16: `retention` should be `forever` or a duration such as 90d, and not {found}"
            ),
        )
    });
    each_is_told(cases.iter().map(|(text, told)| (text.clone(), told.as_str())));
}
