//! Where a mail server is, as a URL.

use std::{fmt, str::FromStr};

/// `smtp://[user:password@]host[:port][?tls=none]`, or `smtps://…` for TLS from the first byte.
/// Shown and printed without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Login>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    /// By STARTTLS where it is offered; with a login it has to be.
    Upgrade,
    FromTheStart,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// Why a text names no mail server. Never quotes it: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mail server's URL {0}: give smtp://user:password@host:587")]
pub struct SmtpUrlError(&'static str);

impl FromStr for SmtpUrl {
    type Err = SmtpUrlError;

    fn from_str(text: &str) -> Result<Self, SmtpUrlError> {
        let (scheme, rest) =
            text.split_once("://").ok_or(SmtpUrlError("has no scheme smtp:// or smtps://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let encryption = match (scheme, query) {
            ("smtp", "") => Encryption::Upgrade,
            ("smtp", "tls=none") => Encryption::None,
            ("smtps", "") => Encryption::FromTheStart,
            ("smtp" | "smtps", _) => {
                return Err(SmtpUrlError("has an option other than smtp://…?tls=none"));
            }
            _ => return Err(SmtpUrlError("has another scheme than smtp:// or smtps://")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, server) = match rest.rsplit_once('@') {
            Some((login, server)) => (Some(read_login(login)?), server),
            None => (None, rest),
        };
        let usual = if encryption == Encryption::FromTheStart { 465 } else { 587 };
        let (host, port) = read_server(server, usual)?;
        Ok(Self { host, port, encryption, login })
    }
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, option) = match self.encryption {
            Encryption::None => ("smtp", "?tls=none"),
            Encryption::Upgrade => ("smtp", ""),
            Encryption::FromTheStart => ("smtps", ""),
        };
        let Self { host, port, .. } = self;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}:{port}{option}")
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn read_login(text: &str) -> Result<Login, SmtpUrlError> {
    let (user, password) =
        text.split_once(':').ok_or(SmtpUrlError("has a user without a password"))?;
    let decode = |text| {
        percent_decode(text).ok_or(SmtpUrlError("has a % in user or password that encodes nothing"))
    };
    Ok(Login { user: decode(user)?, password: decode(password)? })
}

fn read_server(text: &str, usual: u16) -> Result<(String, u16), SmtpUrlError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(SmtpUrlError("has a [ without a ]"))?;
            (host, if after.is_empty() { None } else { after.strip_prefix(':').or(Some("")) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(SmtpUrlError("names no host"));
    }
    let port = match port {
        None => usual,
        Some(port) => {
            let port = port.parse().ok().filter(|&port| port != 0);
            port.ok_or(SmtpUrlError("has a port that is not 1 to 65535"))?
        }
    };
    Ok((host.to_owned(), port))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            bytes.push(is_hex.then(|| u8::from_str_radix(digits, 16).ok())??);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_url_says_host_port_encryption_and_login() {
        let read = |text: &str| text.parse::<SmtpUrl>().unwrap();
        let url = read("smtp://me:p%40ss@x%2Fy:@mail.example.com:25");
        assert_eq!((url.host.as_str(), url.port), ("mail.example.com", 25));
        let login = url.login.unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("me", "p@ss@x/y:"));
        for (text, shown) in [
            ("smtp://mail", "smtp://mail:587"),
            ("smtp://mail/", "smtp://mail:587"),
            ("smtps://u:p@mail", "smtps://mail:465"),
            ("smtp://127.0.0.1:2525?tls=none", "smtp://127.0.0.1:2525?tls=none"),
            ("smtp://[::1]:25", "smtp://[::1]:25"),
            ("smtp://[::1]", "smtp://[::1]:587"),
        ] {
            assert_eq!(read(text).to_string(), shown);
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_password() {
        let url: SmtpUrl = "smtp://me:hunter2@mail".parse().unwrap();
        assert_eq!(format!("{url:?} {url}"), "smtp://mail:587 smtp://mail:587");
        for text in [
            "hunter2",
            "http://me:hunter2@mail",
            "smtp://hunter2@mail",
            "smtp://me:hunter2%zz@mail",
            "smtp://me:hunter2%+1@mail",
            "smtp://me:hunter2@",
            "smtp://me:hunter2@ma il",
            "smtp://me:hunter2@mail:0",
            "smtp://me:hunter2@mail:65536",
            "smtp://me:hunter2@[::1",
            "smtp://me:hunter2@[::1]25",
            "smtp://me:hunter2@mail?tls=off",
            "smtps://me:hunter2@mail?tls=none",
            "smtp://me:hunter2@mail/path",
        ] {
            let error = text.parse::<SmtpUrl>().map(|_| ()).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
