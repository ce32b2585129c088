//! What one field may hold. Each check gives the value, or what is wrong in words: nothing of the
//! value is in them, as it may be somebody's.

use super::Json;

const LONGEST_ID: usize = 64;
const LONGEST_EMAIL: usize = 254;

/// What an id looks like, in words.
pub const ID_RULE: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ - (and not . or ..)";

/// Whether it may be an id: of an order, a user, a product. A lone `.` or `..` could never stand in a
/// path.
pub fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text != "."
        && text != ".."
}

/// A string.
pub fn text<'a>(value: &'a Json<'_>) -> Result<&'a str, String> {
    match value {
        Json::Text(text) => Ok(text),
        other => Err(format!("has to be a string, not {}", other.kind())),
    }
}

/// An id.
pub fn id(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_id(text) { Ok(text.to_owned()) } else { Err(format!("has to be {ID_RULE}")) }
}

/// Some words of 1 to `longest` characters on one line.
pub fn line(longest: usize) -> impl Fn(&Json<'_>) -> Result<String, String> {
    words(longest, char::is_control)
}

/// The same on one line or several.
pub fn lines(longest: usize) -> impl Fn(&Json<'_>) -> Result<String, String> {
    words(longest, |c| c.is_control() && !matches!(c, '\n' | '\t'))
}

fn words(
    longest: usize,
    is_refused: fn(char) -> bool,
) -> impl Fn(&Json<'_>) -> Result<String, String> {
    move |value| {
        let text = text(value)?;
        if text.is_empty() || text.chars().nth(longest).is_some() {
            return Err(format!(
                "has to be 1 to {longest} characters long; leave it out if unknown"
            ));
        }
        if text.chars().any(is_refused) {
            return Err("must not hold control characters".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// A mail address that may be one.
pub fn email(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_plausible_email(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("has to be a mail address of at most {LONGEST_EMAIL} bytes"))
    }
}

/// One `@`, something before it, and a domain of at least two labels behind it. Whether mail
/// arrives there only the mail server knows.
fn is_plausible_email(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= LONGEST_EMAIL
        && (1..=64).contains(&local.len())
        && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

/// A phone number with country code and nothing else in it (E.164).
pub fn phone(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    let digits = text.strip_prefix('+').unwrap_or_default();
    let is_number = (7..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if is_number {
        Ok(text.to_owned())
    } else {
        Err("has to be a phone number as +442079460000: + and 7 to 15 digits, country code first"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::Text(text.into())
    }

    #[test]
    fn a_plausible_address_is_taken_and_others_are_not() {
        for good in ["a@b.co", "first.last+tag@mail.example.org", "é@straße.example"] {
            assert_eq!(email(&json(good)).unwrap(), good);
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@b..co",
            "a@-b.co",
            "a b@c.co",
            "a@b.co\n",
            "a@b@c.co",
            ".a@b.co",
            "a..b@c.co",
            "<a@b.co>",
            "a@b.co,c@d.co",
            &long,
        ] {
            let message = email(&json(bad)).unwrap_err();
            assert!(bad.is_empty() || !message.contains(bad) || bad.len() == 1, "{message}");
        }
    }

    #[test]
    fn a_phone_number_is_written_in_one_way() {
        for good in ["+4420794", "+442079460000", "+123456789012345"] {
            assert_eq!(phone(&json(good)).unwrap(), good);
        }
        for bad in [
            "",
            "+",
            "442079460000",
            "+442079",
            "+1234567890123456",
            "+0442079460000",
            "+44 2079460000",
            "+44-2079460000",
            "+４４２０７９４６",
            "++442079460000",
        ] {
            assert!(phone(&json(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_bounded_by_characters_and_hold_no_control_characters() {
        assert_eq!(line(3)(&json("äöü")).unwrap(), "äöü");
        assert!(line(3)(&json("äöüß")).is_err() && line(3)(&json("")).is_err());
        assert!(line(9)(&json("a\nb")).is_err() && line(9)(&json("a\0b")).is_err());
        assert_eq!(lines(9)(&json("a\nb")).unwrap(), "a\nb");
        assert!(lines(9)(&json("a\0b")).is_err() && lines(9)(&Json::Integer(1)).is_err());
    }
}
