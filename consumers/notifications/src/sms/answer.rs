//! What an SMS provider's answer means. Nothing of it is trusted: what is kept is short and on one line.

use std::time::Duration;

use http::StatusCode;
use orderly_https::{Answer, AskError};
use serde::Deserialize;

use crate::{
    deliveries::{Again, Outcome, Wait},
    retry_after::retry_after,
    templates::one_line,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Taken {
    sid: Option<String>,
    message_id: Option<String>,
}

/// As providers say what is wrong; a problem by RFC 9457, too.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    code: Option<serde_json::Value>,
    message: Option<String>,
    detail: Option<String>,
}

pub(super) fn read(answer: Result<Answer, AskError>, give_up_after: Duration) -> Outcome {
    let Answer { status, headers, body } = match answer {
        Ok(answer) => answer,
        // Late or cut off it may be taken all the same: it is sent again, at least once being promised.
        Err(error) => {
            return Outcome::Again(Again {
                answer: format!("the SMS provider: {error}"),
                wait: Wait::PutOff(None, give_up_after),
                is_away: true,
            });
        }
    };
    let body = body.unwrap_or_default();
    if status.is_success() {
        let taken: Taken = serde_json::from_slice(&body).unwrap_or_default();
        // Without an id nobody could ask what became of it, but it was taken.
        return Outcome::Sent(taken.sid.or(taken.message_id).map(|id| one_line(&id)));
    }
    let said = said(status, &body);
    let is_about_us =
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
    if is_about_us {
        let answer = format!("{said}; look at its address and key");
        let wait = Wait::PutOff(None, give_up_after);
        return Outcome::Again(Again { answer, wait, is_away: true });
    }
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    if is_busy || status.is_server_error() {
        let wait = Wait::PutOff(retry_after(&headers), give_up_after);
        // It may be busy with one account or message, or be no more than a proxy: others wait, too.
        return Outcome::Again(Again { answer: said, wait, is_away: true });
    }
    // What it says beside the code may quote the number.
    let detail = format!("the SMS provider answers {}", status.as_u16());
    Outcome::Failed { answer: said, detail, is_gone: false }
}

fn said(status: StatusCode, body: &[u8]) -> String {
    let Refused { code, message, detail } = serde_json::from_slice(body).unwrap_or_default();
    let code = code.map(|code| format!(" ({})", one_line(&code.to_string()))).unwrap_or_default();
    let text = message.or(detail).map(|text| format!(": {}", one_line(&text))).unwrap_or_default();
    format!("the SMS provider answers {}{code}{text}", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Outcome {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap_or_default(),
            headers: http::HeaderMap::new(),
            body: Ok(body.as_bytes().to_vec()),
        };
        read(Ok(answer), Duration::from_secs(60))
    }

    #[test]
    fn a_message_that_was_taken_has_an_id() {
        assert_eq!(
            answer(201, r#"{"sid":"SM1","status":"queued"}"#),
            Outcome::Sent(Some("SM1".into()))
        );
        assert_eq!(answer(200, r#"{"message_id":"m-1"}"#), Outcome::Sent(Some("m-1".into())));
        assert_eq!(answer(202, "ok"), Outcome::Sent(None));
    }

    #[test]
    fn what_is_wrong_with_the_message_is_final_and_what_is_wrong_with_us_is_not() {
        let body = r#"{"code":21211,"message":"+49151 is not a valid number"}"#;
        let Outcome::Failed { answer: said, detail, .. } = answer(400, body) else { panic!() };
        assert!(said.contains("21211") && said.contains("+49151"), "{said}");
        assert!(!detail.contains("49151"), "{detail}");
        for status in [401, 403, 404, 408, 429, 500, 503] {
            assert!(matches!(answer(status, "{}"), Outcome::Again(_)), "{status}");
        }
    }
}
