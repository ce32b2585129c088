use super::{each_is_refused, each_is_told, one_topic, parse};

#[test]
fn a_topic_is_read_as_it_is_written() {
    let topics = parse(&one_topic(&[
        "owner: [order-api, importer]",
        "readers: [history]",
        "compacted: True",
        "personal: true",
        "description: >\n      What was\n      asked for.",
    ]));
    let orders = topics.get("orders").unwrap();
    assert_eq!(orders.key, "order_id");
    assert_eq!((orders.partitions, orders.replication), (12, 3));
    assert_eq!(orders.events, ["orderly.OrderPlaced"]);
    assert_eq!(orders.owners, ["order-api", "importer"]);
    assert_eq!(orders.readers, ["history"]);
    assert!(orders.compacted && orders.personal);
    assert_eq!(orders.description, "What was asked for.");
}

#[test]
fn a_topic_may_leave_numbers_to_the_defaults_and_flags_out() {
    let text = "defaults: {partitions: 6, replication: 2}\n\
                topics:\n  a: {key: id, retention: 7d, events: [x.A], owner: s}\n  \
                b: {key: id, retention: 7d, events: [x.B], owner: s, partitions: 1}\n";
    let topics = parse(text);
    let (a, b) = (topics.get("a").unwrap(), topics.get("b").unwrap());
    assert_eq!((a.partitions, a.replication, b.partitions, b.replication), (6, 2, 1, 2));
    assert!(!a.compacted && !a.personal && a.readers.is_empty() && a.description.is_empty());
}

/// Lines of a topic, and what they are refused with.
fn each_line_is_refused(cases: &[(&str, &str)]) {
    each_is_told(cases.iter().map(|(line, told)| (one_topic(&[line]), *told)));
}

#[test]
fn an_unknown_key_is_refused_at_every_level() {
    let a_topic_has = "a topic has `description`, `key`, `events`, `owner`, `readers`, `partitions`, \
                       `replication`, `retention`, `compacted`, `personal`";
    each_line_is_refused(&[
        ("Personal: true", "9:5: unknown key `Personal`: did you mean `personal`?"),
        ("descripton: x", "9:5: unknown key `descripton`: did you mean `description`?"),
        ("reader: [a]", "9:5: unknown key `reader`: did you mean `readers`?"),
        ("color: red", &format!("9:5: unknown key `color`: {a_topic_has}")),
    ]);
    let topics = one_topic(&[]);
    each_is_told(
        [
            ("default: {}\n", "1:1: unknown key `default`: did you mean `defaults`?"),
            (
                "version: 1\n",
                "1:1: unknown key `version`: the file has `services`, `defaults`, `topics`",
            ),
            (
                "defaults: {partition: 3}\n",
                "1:12: unknown key `partition`: did you mean `partitions`?",
            ),
            (
                "defaults:\n  retention: 7d\n",
                "2:3: unknown key `retention`: `defaults` has `partitions`, `replication`",
            ),
        ]
        .into_iter()
        .map(|(head, told)| (format!("{head}{topics}"), told)),
    );
}

#[test]
fn a_misspelt_key_is_not_missing_as_well() {
    let text = one_topic(&[]).replace("key:", "keey:").replace("partitions:", "partions:");
    assert_eq!(
        super::refused(&text),
        "3:5: unknown key `keey`: did you mean `key`?\n\
         7:5: unknown key `partions`: did you mean `partitions`?"
    );
    assert_eq!(
        super::refused(&one_topic(&[]).replace("topics:", "topcis:")),
        "1:1: unknown key `topcis`: did you mean `topics`?"
    );
}

#[test]
fn misspelt_defaults_are_not_missed_by_every_topic() {
    let topics = "topics:\n  a: {key: id, retention: 7d, events: [x.A], owner: s}\n";
    let text = format!("{topics}default: {{partitions: 6, replication: 2}}\n");
    assert_eq!(super::refused(&text), "3:1: unknown key `default`: did you mean `defaults`?");
}

#[test]
fn a_duplicate_key_is_refused_at_every_level() {
    let twice = "topics:\n  a: &x\n  a:\n";
    assert!(super::refused(twice).contains("3:3: duplicate key `a`: it stands on line 2 already"));
    let topics = one_topic(&[]);
    each_is_told(
        [
            (
                format!("{topics}    key: sku\n"),
                "9:5: duplicate key `key`: it stands on line 3 already",
            ),
            (
                format!("{topics}  orders:\n    key: sku\n"),
                "9:3: duplicate key `orders`: it stands on line 2 already",
            ),
            (
                format!("{topics}  \"orders\":\n    key: sku\n"),
                "9:3: duplicate key `orders`: it stands on line 2 already",
            ),
            (
                format!("{topics}topics: {{}}\n"),
                "9:1: duplicate key `topics`: it stands on line 1 already",
            ),
            (
                format!("{topics}defaults: {{partitions: 1, partitions: 2}}\n"),
                "9:27: duplicate key `partitions`: it stands on line 9 already",
            ),
        ]
        .into_iter(),
    );
}

#[test]
fn what_every_topic_needs_is_asked_for_at_its_name() {
    each_is_refused(&[(
        "topics:\n  orders: {}\n",
        "2:3: topic `orders` has no `key`: name what its records are keyed by, such as `key: order_id`\n\
         2:3: topic `orders` has no `retention`: write `forever`, or how long, such as `retention: 90d`\n\
         2:3: topic `orders` has no `events`: list the full names of the events it carries\n\
         2:3: topic `orders` has no `owner`: name the service that writes it\n\
         2:3: topic `orders` has no `partitions`: write it here or under `defaults`\n\
         2:3: topic `orders` has no `replication`: write it here or under `defaults`",
    )]);
    each_line_is_refused(&[
        ("key:", "3:5: `key` has no value"),
        ("partitions: ~", "7:5: `partitions` has no value"),
        ("events: []", "5:5: `events` is empty: name at least one"),
        ("owner: []", "6:5: `owner` is empty: name at least one"),
    ]);
}

#[test]
fn a_number_is_plain_digits_within_its_bounds() {
    for (line, partitions) in [("partitions: 1", 1), ("partitions: 1000", 1000)] {
        assert_eq!(parse(&one_topic(&[line])).get("orders").unwrap().partitions, partitions);
    }
    each_line_is_refused(&[
        ("partitions: 0", "7:17: `partitions` should be 1 to 1000, and not `0`"),
        ("partitions: -3", "7:17: `partitions` should be 1 to 1000, and not `-3`"),
        ("partitions: 1001", "7:17: `partitions` should be 1 to 1000, and not `1001`"),
        (
            "partitions: 99999999999999999999",
            "7:17: `partitions` should be 1 to 1000, and not `99999999999999999999`",
        ),
        ("replication: 8", "8:18: `replication` should be 1 to 7, and not `8`"),
        ("replication: 0", "8:18: `replication` should be 1 to 7, and not `0`"),
        (
            "partitions: 1_000",
            "7:17: `partitions` should be plain digits, and not `1_000`: did you mean `1000`?",
        ),
        ("partitions: 0o17", "7:17: `partitions` should be plain digits, and not `0o17`"),
        ("partitions: 0x10", "7:17: `partitions` should be plain digits, and not `0x10`"),
        ("partitions: 12.0", "7:17: `partitions` should be plain digits, and not `12.0`"),
        ("partitions: 1e2", "7:17: `partitions` should be plain digits, and not `1e2`"),
        ("partitions: 12:30", "7:17: `partitions` should be plain digits, and not `12:30`"),
        ("partitions: .nan", "7:17: `partitions` should be plain digits, and not `.nan`"),
        (
            "partitions: '12'",
            "7:17: `partitions` should be a number without quotes: did you mean `12`?",
        ),
        ("partitions: twelve", "7:17: `partitions` should be a number, and not the text `twelve`"),
        ("partitions: [12]", "7:17: `partitions` should be a number, and not a list"),
        (
            "partitions: on",
            "7:17: `partitions` should be a number, and not `on`, which YAML reads as a boolean",
        ),
    ]);
}

#[test]
fn a_flag_is_true_or_false_and_not_what_some_readers_take_for_it() {
    let told =
        |found: &str| format!("9:16: `compacted` should be `true` or `false`, and not {found}");
    each_line_is_refused(&[
        ("compacted: yes", &told("`yes`: did you mean `true`?")),
        ("compacted: On", &told("`On`: did you mean `true`?")),
        ("compacted: no", &told("`no`: did you mean `false`?")),
        ("compacted: 'true'", &told("`true` in quotes: did you mean `true`?")),
        ("compacted: ture", &told("`ture`: did you mean `true`?")),
        ("compacted: compact", &told("`compact`")),
        ("compacted: 1", &told("`1`, which YAML reads as a number")),
    ]);
}

#[test]
fn names_are_written_as_their_kind_is() {
    each_line_is_refused(&[
        ("owner: Order_API", "6:12: `Order_API` is no service name: did you mean `order-api`?"),
        (
            "owner: [order-api, 7th]",
            "6:24: `7th` is no service name: write small letters, digits and `-`, a letter first, at most 64",
        ),
        (
            "owner: no",
            "6:12: `owner` should be a service name, and not `no`, which YAML reads as a boolean: did you mean `\"no\"`?",
        ),
        ("readers: history", "9:14: `readers` should be a list: did you mean `[history]`?"),
        (
            "readers: [a, b, a]",
            "9:21: `a` is named twice in `readers`: it stands on line 9 already",
        ),
        ("readers: [[a]]", "9:15: `readers` should be a service name, and not a list"),
        ("key: order-id", "3:10: `order-id` is no field name: did you mean `order_id`?"),
        (
            "key: 12",
            "3:10: `key` should be a field name, and not `12`, which YAML reads as a number",
        ),
        (
            "events: orderly.OrderPlaced",
            "5:13: `events` should be a list: did you mean `[orderly.OrderPlaced]`?",
        ),
        (
            "events: [OrderPlaced]",
            "5:14: `OrderPlaced` is no full event name: write namespace and name, such as orderly.OrderPlaced",
        ),
        (
            "events: [orderly/OrderPlaced]",
            "5:14: `orderly/OrderPlaced` is no full event name: did you mean `orderly.OrderPlaced`?",
        ),
        (
            "events: [orderly..OrderPlaced]",
            "5:14: `orderly..OrderPlaced` is no full event name: write namespace and name, such as orderly.OrderPlaced",
        ),
        (
            "events:\n    - orderly.OrderPlaced\n    - orderly.OrderPlaced",
            "7:7: `orderly.OrderPlaced` is named twice in `events`: it stands on line 6 already",
        ),
        (
            "description: 12",
            "9:18: `description` should be a text, and not `12`, which YAML reads as a number: put it in quotes",
        ),
    ]);
}

#[test]
fn a_topic_has_a_name_that_kafka_takes() {
    let named = |name: &str| one_topic(&[]).replace("orders:", &format!("{name}:"));
    for name in ["a", "A-b_c.9", "_schemas", "'123'", &"x".repeat(249)] {
        assert!(parse(&named(name)).get(name.trim_matches('\'')).is_some(), "{name}");
    }
    let form = "Kafka takes 1 to 249 letters, digits, `.`, `_` and `-`, but not `.` or `..`";
    let long = "x".repeat(250);
    let cases = [
        (
            "order status",
            "`order status` is no topic name: did you mean `order-status`?".to_owned(),
        ),
        ("größe", "`größe` is no topic name: did you mean `gr--e`?".to_owned()),
        (".", format!("`.` is no topic name: {form}")),
        ("..", format!("`..` is no topic name: {form}")),
        ("''", format!("`` is no topic name: {form}")),
        (&long, format!("`{}…` is no topic name: {form}", "x".repeat(60))),
        ("123", "a key is `123`, which YAML reads as a number: did you mean `\"123\"`?".to_owned()),
        ("no", "a key is `no`, which YAML reads as a boolean: did you mean `\"no\"`?".to_owned()),
        ("~", "a key is nothing: it should be a name".to_owned()),
        ("[a]", "a key is a list: it should be a name".to_owned()),
    ]
    .map(|(name, told)| (named(name), format!("2:3: {told}").replace("2:3: `'", "2:3: `")));
    each_is_told(cases.iter().map(|(text, told)| (text.clone(), told.as_str())));
}
