//! One webhook on its way.

use std::time::Duration;

use chrono::Utc;
use http::{
    HeaderValue, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use orderly_https::{Answer, AskError, Bounds, Client};

use super::{secrets::Secrets, sign::signatures};
use crate::{
    Webhooks,
    deliveries::{Again, Bounds as Turns, Delivery, Outcome, Wait},
    retry_after::retry_after,
};

/// Bytes of an answer that are read: the status says all that counts.
const LONGEST: usize = 16 * 1024;
/// Deliveries on their way at once, and those to one receiver.
const MOST: usize = 128;
const MOST_EACH: usize = 4;
/// Those to one that doesn't answer.
const MOST_AWAY: usize = 2;

pub(crate) struct Hooks {
    client: Client,
    secrets: Secrets,
    patience: Duration,
}

impl Hooks {
    pub(crate) fn new(webhooks: Webhooks) -> Self {
        let Webhooks { secrets, trust, allowed, patience, .. } = webhooks;
        let bounds = Bounds { connect: patience / 2, whole: patience, bytes: LONGEST };
        Self { client: Client::outward(&trust, bounds, allowed), secrets, patience }
    }

    pub(crate) async fn send(&self, delivery: &Delivery, to: &str) -> Outcome {
        let Ok(to) = to.parse::<Uri>() else {
            return Outcome::failed("the address is refused: it can't be read");
        };
        let Some(secrets) = self.secrets.of_caller(delivery.caller.as_deref()) else {
            let answer = "there is no secret to sign it with: the caller has none".to_owned();
            return Outcome::Again(Again { answer, wait: Wait::Scheduled(None), is_away: false });
        };
        let (id, timestamp) = (&delivery.delivery_id, Utc::now().timestamp());
        let signed = signatures(&secrets, id, timestamp, delivery.body.as_bytes());
        let post = Request::post(to)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static("orderly-notifications"))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signed)
            .body(delivery.body.clone().into_bytes());
        let Ok(post) = post else { return Outcome::failed("it makes no request") };
        read(self.client.ask(post).await)
    }

    pub(crate) fn bounds(&self) -> Turns {
        Turns { most: MOST, most_each: MOST_EACH, most_away: MOST_AWAY }
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }
}

/// Nothing is kept of what a receiver says but its status.
fn read(answer: Result<Answer, AskError>) -> Outcome {
    let Answer { status, headers, .. } = match answer {
        Ok(answer) => answer,
        Err(error @ AskError::Refused(_)) => return Outcome::failed(error.to_string()),
        Err(AskError::NotReached(_)) => return away("the receiver can't be reached"),
        Err(error @ AskError::Late(_)) => {
            return away(&error.to_string().replacen("it ", "the receiver ", 1));
        }
        Err(_) => return again("the receiver's answer was lost", None),
    };
    let said = format!("the receiver answers {}", status.as_u16());
    match status {
        status if status.is_success() => Outcome::Sent(Some(said)),
        StatusCode::GONE => Outcome::Failed { detail: said.clone(), answer: said, is_gone: true },
        _ => again(&said, retry_after(&headers)),
    }
}

fn again(answer: &str, asked: Option<Duration>) -> Outcome {
    let answer = answer.to_owned();
    Outcome::Again(Again { answer, wait: Wait::Scheduled(asked), is_away: false })
}

fn away(answer: &str) -> Outcome {
    let answer = answer.to_owned();
    Outcome::Again(Again { answer, wait: Wait::Scheduled(None), is_away: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        read(Ok(Answer { status, headers: http::HeaderMap::new(), body: Ok(Vec::new()) }))
    }

    #[test]
    fn only_success_is_success_and_only_gone_is_final() {
        for status in [200, 201, 202, 204, 299] {
            assert!(matches!(answer(status), Outcome::Sent(_)), "{status}");
        }
        for status in [300, 301, 302, 303, 307, 308, 400, 401, 404, 408, 409, 429, 500, 503] {
            assert!(matches!(answer(status), Outcome::Again(_)), "{status}");
        }
        assert!(matches!(answer(410), Outcome::Failed { is_gone: true, .. }));
    }
}
