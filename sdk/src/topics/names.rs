//! What names may look like.

/// A kind of name: what it is called, how it is written, whether a text is one, and how to make it one.
pub(super) struct Kind {
    pub(super) what: &'static str,
    pub(super) form: &'static str,
    pub(super) is: fn(&str) -> bool,
    /// The same text in the letters that this kind is written with.
    pub(super) tidy: fn(&str) -> String,
}

/// Short enough that `<group>.dead-letters` is a topic's name as well.
pub(super) const SERVICE: Kind = Kind {
    what: "service name",
    form: "write small letters, digits and `-`, a letter first, at most 64",
    is: |s| {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        s.len() <= 64 && s.starts_with(|c: char| c.is_ascii_lowercase()) && s.bytes().all(known)
    },
    tidy: |s| s.to_lowercase().replace(['_', ' '], "-"),
};

pub(super) const KEY: Kind = Kind {
    what: "field name",
    form: "write letters, digits and `_`, such as order_id",
    is: |s| s.len() <= 64 && is_word(s),
    tidy: |s| s.replace(['-', ' '], "_"),
};

pub(super) const EVENT: Kind = Kind {
    what: "full event name",
    form: "write namespace and name, such as orderly.OrderPlaced",
    is: |s| s.len() <= 255 && s.contains('.') && s.split('.').all(is_word),
    tidy: |s| s.replace(['/', ':'], "."),
};

/// What Kafka takes.
pub(super) const TOPIC: Kind = Kind {
    what: "topic name",
    form: "Kafka takes 1 to 249 letters, digits, `.`, `_` and `-`, but not `.` or `..`",
    is: |s| (1..=249).contains(&s.len()) && s.chars().all(in_topic) && !matches!(s, "." | ".."),
    tidy: |s| s.replace(|c| !in_topic(c), "-"),
};

fn in_topic(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A name as Avro takes it.
fn is_word(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
