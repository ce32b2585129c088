//! Templates and what is made of them. Plain text; the first line is the subject.

use chrono::{DateTime, Utc};
use orderly_sdk::EventId;

/// A text with `{places}` to be filled.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    text: &'static str,
}

/// OrderConfirmed; fills `when`.
pub(crate) const CONFIRMED: Template =
    Template { name: "confirmed", text: include_str!("../mails/confirmed.txt") };
/// ReadyForPickup; fills `since`.
pub(crate) const READY: Template =
    Template { name: "ready", text: include_str!("../mails/ready.txt") };
/// OrderRejected; fills `reason`.
pub(crate) const REJECTED: Template =
    Template { name: "rejected", text: include_str!("../mails/rejected.txt") };

/// A mail before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) event_id: EventId,
    pub(crate) order_id: String,
    pub(crate) template: &'static str,
    /// As it was given: not checked.
    pub(crate) address: String,
    /// One line.
    pub(crate) subject: String,
    pub(crate) body: String,
    /// When what it tells of happened.
    pub(crate) at: DateTime<Utc>,
}

impl Letter {
    /// Fills the template. `{order_id}` is filled without being given.
    pub(crate) fn write(
        template: &Template,
        event_id: EventId,
        order_id: &str,
        address: String,
        values: &[(&str, &str)],
        at: DateTime<Utc>,
    ) -> Self {
        let (subject, body) = template.text.split_once('\n').unwrap_or((template.text, ""));
        let fill = |text| {
            fill(text, |name| match name {
                "order_id" => Some(order_id),
                _ => values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
            })
        };
        Self {
            event_id,
            order_id: order_id.to_owned(),
            template: template.name,
            address,
            subject: one_line(&fill(subject)),
            body: fill(body.trim_start()),
            at,
        }
    }

    /// The same for the same event and address, whenever it is sent: a reader's mail program knows
    /// a repeat by it.
    pub(crate) fn message_id(&self, domain: &str) -> String {
        let id = EventId::derived(&["mail", &self.event_id.to_string(), &self.address]);
        format!("<{id}@{domain}>")
    }
}

/// A moment as a customer reads it. There is no telling where they are, so it names its zone.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// Text from elsewhere, made fit for one line: control characters and runs of whitespace become
/// one space, and it ends after 500 characters.
pub(crate) fn one_line(text: &str) -> String {
    const MOST: usize = 500;
    let spaced = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(spaced).filter(|word| !word.is_empty());
    let mut line = String::new();
    for (count, c) in words.flat_map(|word| [" ", word]).flat_map(str::chars).skip(1).enumerate() {
        if count == MOST {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// Fills each place once; what is filled in isn't looked at again. An unknown place stays.
fn fill<'v>(text: &str, value_of: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        filled.push_str(before);
        let place = from.find('}').and_then(|close| Some((value_of(&from[1..close])?, close)));
        match place {
            Some((value, close)) => {
                filled.push_str(value);
                rest = &from[close + 1..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(template: &Template, values: &[(&str, &str)]) -> Letter {
        let id = EventId::derived(&["e"]);
        Letter::write(template, id, "o-17", "ada@example.com".into(), values, DateTime::default())
    }

    #[test]
    fn each_template_is_filled_to_the_last_place() {
        for (template, value) in [(&CONFIRMED, "when"), (&READY, "since"), (&REJECTED, "reason")] {
            let letter = letter(template, &[(value, "this is said")]);
            assert!(letter.subject.contains("o-17"), "{letter:?}");
            assert!(letter.body.contains("o-17") && letter.body.contains("this is said"));
            assert!(!letter.subject.contains('{') && !letter.body.contains('{'), "{letter:?}");
            assert!(!letter.subject.contains('\n') && letter.body.ends_with('\n'));
        }
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let letter = letter(&REJECTED, &[("reason", "{order_id} {reason} {")]);
        assert!(letter.body.contains("Reason: {order_id} {reason} {\n"), "{}", letter.body);
    }

    #[test]
    fn a_reason_can_not_break_out_of_its_line() {
        assert_eq!(one_line(" sold\r\nout:\u{85}\t  sorry \0"), "sold out: sorry");
        assert_eq!(one_line("\r\n"), "");
        let long = one_line(&"é".repeat(600));
        assert_eq!(long.chars().count(), 501);
    }

    #[test]
    fn a_message_id_is_of_the_event_and_the_address() {
        let one = letter(&READY, &[]);
        let again = letter(&READY, &[("since", "another text")]);
        assert_eq!(one.message_id("shop.example"), again.message_id("shop.example"));
        let elsewhere = Letter { address: "eve@example.com".into(), ..one.clone() };
        assert_ne!(one.message_id("shop.example"), elsewhere.message_id("shop.example"));
        let other = Letter { event_id: EventId::derived(&["f"]), ..one.clone() };
        assert_ne!(one.message_id("shop.example"), other.message_id("shop.example"));
    }
}
