use super::{each_is_refused, each_is_told, one_topic, parse};
use crate::topics::Retention;

const HEAD: &str = "defaults: {partitions: 12, replication: 3}\ntopics:\n";

/// A file whose topics begin on line 3, one on each line.
fn topics(lines: &[&str]) -> String {
    let lines = lines
        .iter()
        .map(|line| format!("  {}\n", line.replace("..", "key: id, retention: 7d, owner: s")));
    format!("{HEAD}{}", lines.collect::<String>())
}

#[test]
fn an_event_has_one_topic() {
    let text = topics(&["a: {.., events: [x.A, x.B]}", "b: {.., events: [x.C, x.A]}"]);
    assert_eq!(
        super::refused(&text),
        "4:55: event `x.A` has two topics: it stands under `a` on line 3 already"
    );
}

#[test]
fn personal_data_needs_compaction() {
    let told = "2:3: topic `orders` holds personal data and is not compacted, so that nothing could be deleted: \
                add `compacted: true`";
    let lines = ["personal: true", "compacted: false"];
    each_is_refused(&[(&one_topic(&lines[..1]), told), (&one_topic(&lines), told)]);
    parse(&one_topic(&["personal: true", "compacted: true"]));
    parse(&one_topic(&["personal: false"]));
}

#[test]
fn topics_of_a_group_are_not_written_by_hand() {
    each_is_told(
        [
            ("history.dead-letters", "*.dead-letters"),
            ("history.parked", "*.parked"),
        ]
        .map(|(name, ending)| {
            let told = format!("3:3: `{name}` is not written by hand: `{ending}` follows from `readers`, take it out");
            (topics(&[&format!("{name}: {{.., events: [x.A]}}"), "b: {.., events: [x.B], readers: [history]}"]), told.leak() as &str)
        })
        .into_iter(),
    );
}

#[test]
fn names_that_differ_only_in_dot_and_underscore_are_refused() {
    let text = topics(&["a.b: {.., events: [x.A]}", "a_b: {.., events: [x.B]}"]);
    assert_eq!(
        super::refused(&text),
        "4:3: topics `a.b` and `a_b` can't both exist: in a metric's name `.` and `_` are the same, and Kafka refuses the second"
    );
    let derived = topics(&["h_dead-letters: {.., events: [x.A], readers: [h]}"]);
    assert_eq!(
        super::refused(&derived),
        "3:3: topics `h_dead-letters` and `h.dead-letters` can't both exist: in a metric's name `.` and `_` are the same, and Kafka refuses the second"
    );
}

#[test]
fn a_service_that_is_not_listed_is_refused_where_services_are() {
    let text = "services: [order-api, history, fulfilment]\n".to_owned()
        + &one_topic(&["owner: order-ap", "readers: [history, fulfillment, billing]"]);
    assert_eq!(
        super::refused(&text),
        "7:12: unknown service `order-ap`: did you mean `order-api`?\n\
         10:24: unknown service `fulfillment`: did you mean `fulfilment`?\n\
         10:37: unknown service `billing`: `services` doesn't name it"
    );
    parse(&one_topic(&["owner: order-ap"]));
}

#[test]
fn each_group_that_reads_has_dead_letters_as_wide_as_its_widest_source() {
    let topics = parse(&topics(&[
        "a: {.., events: [x.A], readers: [h, note], partitions: 6}",
        "b: {.., events: [x.B], readers: [h], partitions: 24, replication: 5}",
        "c: {.., events: [x.C], partitions: 100}",
    ]));
    assert_eq!(topics.groups().collect::<Vec<_>>(), ["h", "note"]);
    let names: Vec<_> = topics.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        ["a", "b", "c", "h.dead-letters", "h.parked", "note.dead-letters", "note.parked"]
    );

    let (h, n) = (topics.dead_letters_of("h").unwrap(), topics.dead_letters_of("note").unwrap());
    assert_eq!((h.partitions, h.replication), (24, 5));
    assert_eq!((n.partitions, n.replication), (6, 3));
    for (group, dead) in [("h", h), ("note", n)] {
        assert_eq!(dead.retention, Retention::Forever);
        assert!(
            !dead.compacted && !dead.personal && dead.events.is_empty() && dead.readers.is_empty()
        );
        assert_eq!(dead.owners, [group]);
        assert_eq!(topics.get(&dead.name), Some(dead));
    }
    let parked = topics.get("h.parked").unwrap();
    assert_eq!((parked.partitions, parked.replication, parked.compacted), (24, 5, true));
    assert_eq!(topics.dead_letters_of("a"), None);
    assert_eq!(topics.get("d"), None);
}
