//! The protocol's other side, over a sandbox.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use crate::{Operation, PaymentError, Provider as _, Reply, Request, Simulated};

const LONGEST: usize = 64 * 1024;

/// Answers as a provider would, over `simulated`; for tests and for trying out [`Http`](crate::Http). Takes any
/// API key.
pub fn sandbox_router(simulated: Simulated) -> Router {
    Router::new()
        .route("/payments", post(authorise))
        .route("/payments/{reference}/capture", post(capture))
        .route("/payments/{reference}/void", post(void))
        .route("/payments/{reference}/refund", post(refund))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(simulated)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    order_id: String,
    token: Option<String>,
    amount: String,
    currency: String,
}

type Given = Result<Json<Body>, JsonRejection>;

async fn authorise(
    State(simulated): State<Simulated>,
    headers: HeaderMap,
    body: Given,
) -> Response {
    answer(&simulated, &headers, body, None).await
}

async fn capture(
    State(simulated): State<Simulated>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Given,
) -> Response {
    answer(&simulated, &headers, body, Some(Operation::Capture { reference })).await
}

async fn void(
    State(simulated): State<Simulated>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Given,
) -> Response {
    answer(&simulated, &headers, body, Some(Operation::Void { reference })).await
}

async fn refund(
    State(simulated): State<Simulated>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Given,
) -> Response {
    answer(&simulated, &headers, body, Some(Operation::Refund { reference })).await
}

async fn answer(
    simulated: &Simulated,
    headers: &HeaderMap,
    body: Given,
    operation: Option<Operation>,
) -> Response {
    let request = match request(headers, body, operation) {
        Ok(request) => request,
        Err((status, why)) => return problem(status, &why),
    };
    match simulated.perform(&request).await {
        Ok(Reply { reference }) => Json(json!({ "reference": reference })).into_response(),
        Err(PaymentError::Declined { reason }) => {
            (StatusCode::PAYMENT_REQUIRED, Json(json!({ "reason": reason }))).into_response()
        }
        Err(PaymentError::Unknown(why)) => problem(StatusCode::GATEWAY_TIMEOUT, &why),
        Err(PaymentError::Unavailable(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
        Err(PaymentError::Refused(why)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

fn request(
    headers: &HeaderMap,
    body: Given,
    operation: Option<Operation>,
) -> Result<Request, (StatusCode, String)> {
    let bad = |why: &str| (StatusCode::BAD_REQUEST, why.to_owned());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer ")).is_none() {
        return Err((StatusCode::UNAUTHORIZED, "`Authorization: Bearer …` is missing".into()));
    }
    let key = text("idempotency-key").ok_or_else(|| bad("`Idempotency-Key` is missing"))?;
    // The reader's own message would show what stands there: it may be a token.
    let Json(body) = body.map_err(|error| {
        let why = "the body isn't JSON with order_id, amount and currency, of an authorisation with token";
        (error.status(), why.to_owned())
    })?;
    let operation = match (operation, body.token) {
        (None, Some(token)) => Operation::Authorise { token },
        (Some(operation), None) => operation,
        (None, None) => return Err(bad("`token` is missing")),
        (Some(_), Some(_)) => return Err(bad("only an authorisation has a `token`")),
    };
    let amount = Decimal::from_str_exact(&body.amount);
    Ok(Request {
        key: key.to_owned(),
        order_id: body.order_id,
        operation,
        amount: amount.map_err(|_| bad("`amount` is no decimal in a string, such as \"12.30\""))?,
        currency: body.currency,
    })
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({ "title": title, "status": status.as_u16(), "detail": detail });
    let kind = [("content-type", "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
