//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header).

use axum::http::HeaderMap;

use crate::problem::{Kind, Problem};

const HEADER: &str = "Idempotency-Key";
const LONGEST: usize = 255;

/// 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key that a request carries, bare or as the quoted string that the draft asks for; both
    /// ways of writing stand for one key.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut given = headers.get_all(HEADER).iter();
        let Some(value) = given.next() else {
            return Ok(None);
        };
        if given.next().is_some() {
            return Err(refused("is given more than once"));
        }
        let rule = || refused("has to be 1 to 255 visible ASCII characters, which may be quoted");
        let text = value.to_str().map_err(|_| rule())?.trim();
        let key = if text.starts_with('"') { unquote(text).ok_or_else(rule)? } else { text.into() };
        let is_key =
            (1..=LONGEST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        if is_key { Ok(Some(Self(key))) } else { Err(rule()) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn refused(message: &str) -> Problem {
    Problem::new(Kind::InvalidIdempotencyKey, format!("The header {HEADER} {message}."))
        .at(HEADER, message)
}

/// The content of a structured field's string (RFC 9651, 3.3.3), without parameters.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut content = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => content.push(characters.next().filter(|c| matches!(c, '\\' | '"'))?),
            '"' => return None,
            other => content.push(other),
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(values: &[&str]) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        IdempotencyKey::of(&headers).map(|key| key.map(|key| key.0)).map_err(drop)
    }

    #[test]
    fn a_key_is_bare_or_quoted() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["abc-1"]), Ok(Some("abc-1".into())));
        assert_eq!(read(&["\"abc-1\""]), Ok(Some("abc-1".into())));
        assert_eq!(read(&[r#""a\"b\\c""#]), Ok(Some(r#"a"b\c"#.into())));
        assert_eq!(read(&["a\"b"]), Ok(Some("a\"b".into())));
        let longest = "k".repeat(255);
        assert_eq!(read(&[&longest]), Ok(Some(longest)));
    }

    #[test]
    fn anything_else_is_refused() {
        let too_long = "k".repeat(256);
        for bad in [
            "",
            "\"\"",
            "\"",
            "a b",
            "\"a b\"",
            "\"abc",
            "\"a\";p=1",
            r#""a\b""#,
            r#""a\""#,
            "é",
            "\"a\"b\"",
            &too_long,
        ] {
            assert_eq!(read(&[bad]), Err(()), "{bad}");
        }
        assert_eq!(read(&["a", "a"]), Err(()));
    }
}
