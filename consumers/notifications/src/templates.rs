//! What customers are told, in the words of each channel.

use chrono::{DateTime, Utc};

use crate::escape::escape;

/// A text for each channel, with `{places}` to be filled.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    /// Type of the webhook.
    pub(crate) hook: &'static str,
    /// `None`: only callback addresses are told.
    words: Option<Words>,
}

struct Words {
    /// Plain text; its first line is the subject.
    mail: &'static str,
    /// The same as HTML, without the subject.
    html: &'static str,
    /// One line.
    text: &'static str,
}

/// OrderConfirmed; fills `when`.
pub(crate) const CONFIRMED: Template = Template {
    name: "confirmed",
    hook: "order.confirmed",
    words: Some(Words {
        mail: include_str!("../mails/confirmed.txt"),
        html: include_str!("../mails/confirmed.html"),
        text: include_str!("../texts/confirmed.txt"),
    }),
};
/// ReadyForPickup; fills `since`.
pub(crate) const READY: Template = Template {
    name: "ready",
    hook: "order.ready_for_pickup",
    words: Some(Words {
        mail: include_str!("../mails/ready.txt"),
        html: include_str!("../mails/ready.html"),
        text: include_str!("../texts/ready.txt"),
    }),
};
/// OrderRejected; fills `reason`.
pub(crate) const REJECTED: Template = Template {
    name: "rejected",
    hook: "order.rejected",
    words: Some(Words {
        mail: include_str!("../mails/rejected.txt"),
        html: include_str!("../mails/rejected.html"),
        text: include_str!("../texts/rejected.txt"),
    }),
};
/// OrderCancelled; fills `reason`.
pub(crate) const CANCELLED: Template = Template {
    name: "cancelled",
    hook: "order.cancelled",
    words: Some(Words {
        mail: include_str!("../mails/cancelled.txt"),
        html: include_str!("../mails/cancelled.html"),
        text: include_str!("../texts/cancelled.txt"),
    }),
};
/// OrderCompleted.
pub(crate) const COMPLETED: Template =
    Template { name: "completed", hook: "order.completed", words: None };
/// OrderRefunded.
pub(crate) const REFUNDED: Template =
    Template { name: "refunded", hook: "order.refunded", words: None };

/// A mail's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// One line.
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Values by place; `order_id` is one of them.
pub(crate) type Values<'a> = &'a [(&'a str, &'a str)];

impl Template {
    /// `None`: no mail is written.
    pub(crate) fn letter(&self, values: Values<'_>) -> Option<Letter> {
        const FRAME: &str = include_str!("../mails/frame.html");
        let words = self.words.as_ref()?;
        let (subject, text) = words.mail.split_once('\n').unwrap_or((words.mail, ""));
        let subject = one_line(&fill(subject, values));
        let escaped: Vec<_> = values.iter().map(|(name, value)| (*name, escape(value))).collect();
        let escaped: Vec<_> = escaped.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let content = fill(words.html, &escaped);
        let html = fill(FRAME, &[("subject", &escape(&subject)), ("content", &content)]);
        Some(Letter { subject, text: fill(text.trim_start(), values), html })
    }

    /// `None`: no text message is written.
    pub(crate) fn text(&self, values: Values<'_>) -> Option<String> {
        Some(one_line(&fill(self.words.as_ref()?.text, values)))
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
fn fill(text: &str, values: Values<'_>) -> String {
    let value_of =
        |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_template_is_filled_to_the_last_place() {
        for (template, place) in
            [(&CONFIRMED, "when"), (&READY, "since"), (&REJECTED, "reason"), (&CANCELLED, "reason")]
        {
            let values = [("order_id", "o-17"), (place, "this is said")];
            let Letter { subject, text, html } = template.letter(&values).unwrap();
            assert!(subject.contains("o-17") && !subject.contains('\n'), "{subject}");
            for words in [&text, &html] {
                assert!(words.contains("o-17") && words.contains("this is said"), "{words}");
                assert!(!words.contains('{') && words.ends_with('\n'), "{words}");
            }
            let message = template.text(&values).unwrap();
            assert!(message.contains("o-17") && !message.contains('{'), "{message}");
            assert!(message.len() <= 160, "{message}");
        }
        for template in [&COMPLETED, &REFUNDED] {
            assert!(template.letter(&[]).is_none() && template.text(&[]).is_none());
        }
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let values = [("order_id", "o-17"), ("reason", "{order_id} {reason} {")];
        let letter = REJECTED.letter(&values).unwrap();
        assert!(letter.text.contains("Reason: {order_id} {reason} {\n"), "{}", letter.text);
    }

    #[test]
    fn what_is_filled_in_is_no_markup() {
        let values = [("order_id", "o-17"), ("reason", "</p><script>alert('1')</script>\"&")];
        let html = REJECTED.letter(&values).unwrap().html;
        let escaped = "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
        assert!(html.contains(escaped) && !html.contains("<script"), "{html}");
    }

    #[test]
    fn a_reason_can_not_break_out_of_its_line() {
        assert_eq!(one_line(" sold\r\nout:\u{85}\t  sorry \0"), "sold out: sorry");
        assert_eq!(one_line("\r\n"), "");
        let long = one_line(&"é".repeat(600));
        assert_eq!(long.chars().count(), 501);
    }
}
