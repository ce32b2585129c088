use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::ProblemKind as _;
use tokio::time::Instant;

use super::{Service, body, refusals::CallerRefusals};
use crate::{
    caller::Caller,
    events::{self, Placement},
    idempotency::{Answer, IdempotencyKey},
    order,
    placing::{OrderAccepted, Reply},
    problem::{Kind, Problem},
    trace,
};

const LONGEST_BODY: usize = 256 * 1024;

/// Places an order.
///
/// 202 means that it is durable. The service gives the id, and the catalogue the prices: one in the
/// request is what the customer saw, and has to be the catalogue's. Where the service was told to
/// take prices as given, each line needs one.
///
/// With an `Idempotency-Key` a request can be repeated: the same key and body are the same order
/// for ever, at the prices of its first attempt, and for 24 hours its answer is given again. Each
/// caller has a namespace of their own; without API keys all are in one, so make them random.
#[utoipa::path(
    post, path = "/orders", tag = "orders", security(("api_key" = []), ("bearer" = [])),
    request_body(content = crate::OrderRequest, description = "At most 256 KiB."),
    params(
        ("Idempotency-Key" = Option<String>, Header,
         description = "1 to 255 visible ASCII characters, bare or quoted."),
        ("traceparent" = Option<String>, Header,
         description = "W3C trace context; the order's events go on in it."),
    ),
    responses(
        (status = 202, description = "Accepted: written and acknowledged.", body = OrderAccepted,
         headers(
            ("Location" = String, description = "Where the order can be looked up."),
            ("Idempotency-Replayed" = String,
             description = "`true`: this is the answer that the key got before."))),
        (status = 400, description = "No JSON, or no usable Idempotency-Key. Nothing was ordered.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "The body didn't come in time. Nothing was ordered.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "A request with this key is being worked on.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body or the order is too large. Nothing was ordered.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The body is no application/json. Nothing was ordered.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The order is invalid, or the key stands for another body.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "The headers are too large. Nothing was ordered.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Surely not written: try again.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Unknown: try again with the same Idempotency-Key and body.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
    )
)]
pub(super) async fn place_order(
    State(service): State<Arc<Service>>,
    caller: Caller,
    request: Request,
) -> Response {
    let reply = place(&service, caller, request).await;
    events::order_answered(placement(&reply));
    match reply {
        Ok(Reply::Accepted(answer)) => respond(answer, false),
        Ok(Reply::Replayed(answer)) => respond(answer, true),
        Err(problem) => problem.into_response(),
    }
}

async fn place(service: &Service, caller: Caller, request: Request) -> Result<Reply, Problem> {
    let deadline = Instant::now() + service.settings.deadline;
    if let Some(admit) = &service.settings.admission
        && let Err(why) = admit()
    {
        let detail = format!("No order can be taken just now: {why}");
        return Err(Problem::new(Kind::Overloaded, detail).retry_after(1));
    }
    body::must_be_json(request.headers())?;
    let key = IdempotencyKey::of(request.headers())?;
    let meta = trace::meta(request.headers(), service.settings.emitter.encoders().source());
    let body = body::read(request, LONGEST_BODY, deadline).await?;
    let order = order::read(&body, &service.settings.prices)?;
    service.placing.place(caller, key, order, meta, deadline).await
}

fn respond(answer: Answer, is_replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::ACCEPTED);
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut response = (status, json, answer.body).into_response();
    if let Ok(location) = answer.location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if is_replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotency-replayed", yes);
    }
    response
}

fn placement(reply: &Result<Reply, Problem>) -> Placement {
    match reply {
        Ok(Reply::Accepted(_)) => Placement::Accepted,
        Ok(Reply::Replayed(_)) => Placement::Replayed,
        Err(problem) => match problem.kind {
            Kind::OutcomeUnknown => Placement::Unknown,
            Kind::OrderInFlight | Kind::IdempotencyKeyReused => Placement::Conflict,
            kind if kind.status().is_client_error() => Placement::Invalid,
            _ => Placement::Rejected,
        },
    }
}
