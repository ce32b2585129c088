//! `If-Match` and `If-None-Match` (RFC 9110, 13.1): a change only of what the caller saw.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{Kind, Problem, ProblemKind};

/// A version of something as a strong entity tag. Versions are visible ASCII without quotes, and
/// never used twice.
pub fn etag(version: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// What a request is conditional on.
#[derive(Debug, Default)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

#[derive(Debug)]
enum Tags {
    /// `*`
    Any,
    These(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    is_weak: bool,
    version: String,
}

impl Preconditions {
    /// Those of a request. Headers that can't be understood are refused: ignored, they would let a
    /// change through that was to be stopped.
    pub fn of<K: ProblemKind + From<Kind>>(headers: &HeaderMap) -> Result<Self, Problem<K>> {
        let (if_match, if_none_match) =
            (read(headers, &header::IF_MATCH)?, read(headers, &header::IF_NONE_MATCH)?);
        Ok(Self { if_match, if_none_match })
    }

    /// Whether they let a change of this version through; `None`: there is nothing yet.
    pub fn allow_change(&self, version: Option<&str>) -> bool {
        self.if_match.as_ref().is_none_or(|tags| tags.match_strongly(version))
            && self.if_none_match.as_ref().is_none_or(|tags| !tags.match_weakly(version))
    }

    /// Whether a reader has this version already, so that it needn't be sent.
    pub fn have(&self, version: &str) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.match_weakly(Some(version)))
    }
}

impl Tags {
    fn match_strongly(&self, version: Option<&str>) -> bool {
        self.matches(version, |tag| !tag.is_weak)
    }

    fn match_weakly(&self, version: Option<&str>) -> bool {
        self.matches(version, |_| true)
    }

    fn matches(&self, version: Option<&str>, counts: impl Fn(&Tag) -> bool) -> bool {
        match (self, version) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::These(tags), Some(version)) => {
                tags.iter().any(|tag| counts(tag) && tag.version == version)
            }
        }
    }
}

fn read<K: ProblemKind + From<Kind>>(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<Tags>, Problem<K>> {
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let mut text = String::new();
    for line in lines {
        let Ok(line) = line.to_str() else { return Err(unusable(name)) };
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(line);
    }
    tags(&text).map(Some).ok_or_else(|| unusable(name))
}

fn unusable<K: ProblemKind + From<Kind>>(name: &HeaderName) -> Problem<K> {
    let detail = format!(
        "{name} can't be understood: give * or what ETag said, in its quotes. Nothing was changed."
    );
    Problem::new(Kind::InvalidRequest.into(), detail)
}

/// `*`, or tags with commas between them.
fn tags(text: &str) -> Option<Tags> {
    if text.trim() == "*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (is_weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (version, behind) = quoted.strip_prefix('"')?.split_once('"')?;
        if version.bytes().any(|b| !(0x21..0x7f).contains(&b)) {
            return None;
        }
        tags.push(Tag { is_weak, version: version.to_owned() });
        rest = behind.trim_start();
        if rest.is_empty() {
            return Some(Tags::These(tags));
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Result<Preconditions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Preconditions::of(&headers)
    }

    #[test]
    fn a_change_goes_through_only_on_what_the_caller_saw() {
        for (header, nothing, a, b) in [
            (("if-match", "\"a\""), false, true, false),
            (("if-match", " \"x\" , \"a\""), false, true, false),
            (("if-match", "*"), false, true, true),
            (("if-match", "W/\"a\""), false, false, false),
            (("if-none-match", "*"), true, false, false),
            (("if-none-match", "W/\"a\""), true, false, true),
        ] {
            let conditions = of(&[header]).unwrap();
            let allowed = [None, Some("a"), Some("b")].map(|v| conditions.allow_change(v));
            assert_eq!(allowed, [nothing, a, b], "{header:?}");
        }
        let none = of(&[]).unwrap();
        assert!(none.allow_change(None) && none.allow_change(Some("a")) && !none.have("a"));
        let lines = of(&[("if-match", "\"a\""), ("if-match", "\"b\"")]).unwrap();
        assert!(lines.allow_change(Some("b")) && !lines.allow_change(Some("c")));
        assert_eq!(etag("a"), "\"a\"");
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for text in ["", "a", "\"a", "a\"", "\"a\" \"b\"", "\"a\",", ",\"a\"", "*,\"a\"", "\"a b\""]
        {
            assert!(of(&[("if-match", text)]).is_err(), "{text}");
            assert!(of(&[("if-none-match", text)]).is_err(), "{text}");
        }
    }
}
