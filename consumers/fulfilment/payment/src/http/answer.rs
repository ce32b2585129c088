//! What an answer says. Nothing of it is trusted: what is shown or kept is short and on one line.

use http::StatusCode;
use serde::Deserialize;

use crate::{PaymentError, Reply, request::is_reference};

#[derive(Deserialize)]
struct Done {
    reference: String,
}

#[derive(Deserialize)]
struct Declined {
    reason: String,
}

/// A problem by RFC 9457, as much of it as there is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

/// The payment's reference. Said badly, it may be done all the same.
pub(super) fn done(body: &[u8]) -> Result<Reply, PaymentError> {
    let unusable =
        |why: String| PaymentError::Unknown(format!("it answered what can't be understood: {why}"));
    let Done { reference } =
        serde_json::from_slice(body).map_err(|error| unusable(error.to_string()))?;
    if !is_reference(&reference) {
        return Err(unusable("its reference isn't 1 to 128 of A-Z a-z 0-9 . _ : -".into()));
    }
    Ok(Reply { reference })
}

pub(super) fn declined(body: &[u8]) -> PaymentError {
    let said = serde_json::from_slice::<Declined>(body).map(|declined| short(&declined.reason));
    let said = said.ok().filter(|reason| !reason.is_empty());
    PaymentError::Declined { reason: said.unwrap_or_else(|| "no reason was given".into()) }
}

/// The status, and what it says beside it.
pub(super) fn said(status: StatusCode, body: &[u8]) -> String {
    let Problem { title, detail } = serde_json::from_slice(body).unwrap_or_default();
    match detail.or(title).map(|text| short(&text)).filter(|text| !text.is_empty()) {
        Some(text) => format!("it answers {status}: {text}"),
        None => format!("it answers {status}"),
    }
}

fn short(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
