//! The key that a request brings. It is in no error.

use axum::http::{HeaderMap, HeaderName, header};

/// Where a key may stand, beside `Authorization`.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a request brings.
#[derive(PartialEq, Eq)]
pub(super) enum Given<'a> {
    Nothing,
    Key(&'a [u8]),
}

/// What is wrong: with which header, and in which way.
pub(super) struct Unclear(pub(super) &'static str, pub(super) &'static str);

/// `Authorization: Bearer …` or `X-Api-Key: …`: one of the two, once. Another scheme than Bearer is
/// as good as nothing.
pub(super) fn key(headers: &HeaderMap) -> Result<Given<'_>, Unclear> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let mut keys = headers.get_all(X_API_KEY).iter();
    let given = (authorizations.next(), keys.next());
    if authorizations.next().is_some() {
        return Err(Unclear("Authorization", "is given more than once"));
    }
    if keys.next().is_some() {
        return Err(Unclear("X-Api-Key", "is given more than once"));
    }
    match given {
        (Some(_), Some(_)) => Err(Unclear("X-Api-Key", "stands beside Authorization: give one")),
        (None, Some(key)) => Ok(Given::Key(key.as_bytes())),
        (Some(authorization), None) => Ok(bearer(authorization.as_bytes())),
        (None, None) => Ok(Given::Nothing),
    }
}

fn bearer(authorization: &[u8]) -> Given<'_> {
    match authorization.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => {
            Given::Key(token.trim_ascii())
        }
        _ => Given::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(headers: &[(&str, &str)]) -> Result<Option<String>, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect(name);
            map.append(name, value.parse().expect(value));
        }
        match key(&map) {
            Ok(Given::Nothing) => Ok(None),
            Ok(Given::Key(key)) => Ok(Some(String::from_utf8_lossy(key).into_owned())),
            Err(Unclear(header, why)) => Err(format!("{header} {why}")),
        }
    }

    #[test]
    fn a_key_stands_in_one_of_two_headers() {
        for (headers, expected) in [
            (&[][..], None),
            (&[("Authorization", "Bearer ok_a")], Some("ok_a")),
            (&[("authorization", "bearer   ok_a ")], Some("ok_a")),
            (&[("X-Api-Key", "ok_a")], Some("ok_a")),
            (&[("X-Api-Key", "")], Some("")),
            (&[("Authorization", "Bearer")], None),
            (&[("Authorization", "Basic b2s6b2s=")], None),
            (&[("Authorization", "ok_a")], None),
        ] {
            assert_eq!(given(headers), Ok(expected.map(str::to_owned)), "{headers:?}");
        }
    }

    #[test]
    fn two_of_them_are_unclear() {
        for headers in [
            [("Authorization", "Bearer ok_a"), ("X-Api-Key", "ok_a")],
            [("Authorization", "Basic b2s="), ("X-Api-Key", "ok_a")],
            [("Authorization", "Bearer ok_a"), ("Authorization", "Bearer ok_a")],
            [("X-Api-Key", "ok_a"), ("X-Api-Key", "ok_b")],
        ] {
            let why = given(&headers).expect_err("two keys");
            assert!(!why.contains("ok_"), "{why}");
        }
    }
}
