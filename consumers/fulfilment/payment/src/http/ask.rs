//! One request and its answer, bounded in time and size.

use std::fmt::Display;

use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use orderly_https::{Answer, AskError};
use serde::Serialize;
use url::Url;

use super::{Http, answer};
use crate::{Operation, PaymentError, Reply, Request, request::check};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct Body<'a> {
    order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    amount: String,
    currency: &'a str,
}

impl Http {
    pub(super) async fn ask(&self, request: &Request) -> Result<Reply, PaymentError> {
        check(request)?;
        let token = match &request.operation {
            Operation::Authorise { token } => Some(token.as_str()),
            _ => None,
        };
        let Request { key, order_id, amount, currency, .. } = request;
        let body = Body { order_id, token, amount: format!("{amount:.2}"), currency };
        let post = http::Request::post(self.url(&request.operation).as_str())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(IDEMPOTENCY_KEY, key)
            .header(CONTENT_TYPE, JSON)
            .body(serde_json::to_vec(&body).map_err(|error| unaskable(&error))?)
            .map_err(|error| unaskable(&error))?;
        let asked = self.client.ask(post).await;
        let Answer { status, body, .. } = asked.map_err(|error| failed(&error))?;
        match (status, body) {
            // The status alone says it.
            (StatusCode::PAYMENT_REQUIRED, body) => {
                Err(answer::declined(&body.unwrap_or_default()))
            }
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, body) => {
                let body = body.unwrap_or_default();
                Err(PaymentError::Unavailable(answer::said(status, &body)))
            }
            (_, Err(lost)) => Err(failed(&lost)),
            (status, Ok(body)) if status.is_success() => answer::done(&body),
            (StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT, Ok(body)) => {
                Err(PaymentError::Unknown(answer::said(status, &body)))
            }
            (status, Ok(body)) if is_about_us(status, request) => {
                let said = answer::said(status, &body);
                Err(PaymentError::Unavailable(format!("{said}; look at its address and API key")))
            }
            (status, Ok(body)) if status.is_client_error() => {
                Err(PaymentError::Refused(answer::said(status, &body)))
            }
            (status, Ok(body)) => Err(PaymentError::Unknown(answer::said(status, &body))),
        }
    }

    fn url(&self, operation: &Operation) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("payments");
            if let Some(reference) = operation.reference() {
                segments.push(reference).push(operation.word());
            }
        }
        url
    }
}

/// The key or the address is wrong, whatever was asked for: no payment's fault, and nothing was done.
/// That something isn't found says so only where no reference was named.
fn is_about_us(status: StatusCode, request: &Request) -> bool {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => true,
        StatusCode::NOT_FOUND => request.operation.reference().is_none(),
        _ => false,
    }
}

fn unaskable(error: &dyn Display) -> PaymentError {
    PaymentError::Refused(format!("it can't be asked: {error}"))
}

/// Without a connection nothing was sent; else nobody knows.
fn failed(error: &AskError) -> PaymentError {
    match error {
        AskError::NotReached(_) => PaymentError::Unavailable(error.to_string()),
        _ => PaymentError::Unknown(error.to_string()),
    }
}
