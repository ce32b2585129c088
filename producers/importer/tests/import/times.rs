use crate::{all, invoice, retail, row};

fn happened_at(local: &str) -> String {
    let (documents, _) = all(retail(row("1", "A", 1, "1").replace("2010-12-01T08:26:00", local)));
    invoice(&documents[0]).happened_at.to_rfc3339()
}

#[test]
fn uk_clocks_are_an_hour_ahead_in_summer() {
    assert_eq!(happened_at("2011-01-15T12:00:00"), "2011-01-15T12:00:00+00:00");
    assert_eq!(happened_at("2011-07-15T12:00:00"), "2011-07-15T11:00:00+00:00");
}

#[test]
fn an_hour_that_happens_twice_is_taken_as_the_first() {
    assert_eq!(happened_at("2011-10-30T01:30:00"), "2011-10-30T00:30:00+00:00");
}

#[test]
fn an_hour_that_does_not_happen_is_moved_an_hour_on() {
    assert_eq!(happened_at("2011-03-27T01:30:00"), "2011-03-27T01:30:00+00:00");
}
