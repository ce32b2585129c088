//! What is shown nowhere, and what can't be worked with.

use std::time::Duration;

use fulfilment_payment::{Http, HttpSettings};
use orderly_https::Trust;

use crate::parts::{self, authorise, http};

fn settings(base_url: &str, api_key: &str) -> HttpSettings {
    let settings = parts::settings(base_url, Trust::with(None).unwrap());
    HttpSettings { api_key: api_key.into(), ..settings }
}

#[test]
fn neither_key_nor_token_is_shown() {
    let shown = format!(
        "{:?} {:?} {:?}",
        http("http://localhost", Duration::from_secs(1)),
        settings("http://me:hunter2@localhost", "sk_test_secret"),
        authorise("a", "tok_hidden"),
    );
    for secret in ["sk_test_secret", "hunter2", "tok_hidden"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_without_their_secrets() {
    for (settings, part) in [
        (settings("ftp://pay.example", "k"), "https://"),
        (settings("pay.example", "k"), "address"),
        (settings("https://me:hunter2@pay.example", "k"), "holds a user"),
        (settings("https://pay.example/?key=hunter2", "k"), "`?`"),
        (settings("https://pay.example", ""), "empty"),
        (settings("https://pay.example", "hunter2\n"), "line's end"),
        (
            HttpSettings { timeout: Duration::ZERO, ..settings("https://pay.example", "k") },
            "timeout",
        ),
    ] {
        let error = Http::new(settings).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_key_travels_readable_on_this_machine_alone() {
    for here in [
        "http://localhost:8080",
        "http://127.0.0.1:8080/pay",
        "http://127.3.2.1",
        "http://[::1]:80",
    ] {
        assert!(Http::new(settings(here, "k")).is_ok(), "{here}");
    }
    for elsewhere in [
        "http://pay.example",
        "http://localhost.pay.example",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://[2001:db8::1]",
    ] {
        let error = Http::new(settings(elsewhere, "k")).unwrap_err().to_string();
        assert!(error.contains("readable") && error.contains("https://"), "{elsewhere}: {error}");
    }
}
