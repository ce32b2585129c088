use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::time::{Instant, timeout_at};

use super::Service;
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
/// 202 means that it is durable. The service gives the id. Prices come with the request until
/// there is a catalogue service that knows them.
///
/// With an `Idempotency-Key` a request can be repeated: the same key and body are the same order
/// for ever, and for 24 hours its answer is given again. Keys of all callers are in one namespace,
/// so make them random.
#[utoipa::path(
    post, path = "/orders", tag = "orders",
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
    )
)]
pub(super) async fn place_order(State(service): State<Arc<Service>>, request: Request) -> Response {
    let reply = place(&service, request).await;
    events::order_answered(placement(&reply));
    match reply {
        Ok(Reply::Accepted(answer)) => respond(answer, false),
        Ok(Reply::Replayed(answer)) => respond(answer, true),
        Err(problem) => problem.into_response(),
    }
}

async fn place(service: &Service, request: Request) -> Result<Reply, Problem> {
    let deadline = Instant::now() + service.settings.deadline;
    if let Some(admit) = &service.settings.admission
        && let Err(why) = admit()
    {
        let detail = format!("No order can be taken just now: {why}");
        return Err(Problem::new(Kind::Overloaded, detail).retry_after(1));
    }
    must_be_json(request.headers())?;
    let key = IdempotencyKey::of(request.headers())?;
    let key = key.map(|key| (Caller::of(request.headers()), key));
    let meta = trace::meta(request.headers(), service.settings.emitter.encoders().source());
    let body = read_body(request, deadline).await?;
    let order = order::read(&body)?;
    service.placing.place(order, key, meta, deadline).await
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if media_type.eq_ignore_ascii_case("application/json") && types.next().is_none() && is_plain {
        return Ok(());
    }
    let detail = "Send the order as application/json, not compressed.";
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}

async fn read_body(mut request: Request, deadline: Instant) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(LONGEST_BODY).apply(&mut request);
    let read = timeout_at(deadline, Bytes::from_request(request, &())).await;
    let read = read.map_err(|_| {
        Problem::new(Kind::BodyTooSlow, "The rest of the body didn't come. Nothing was ordered.")
    })?;
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("A body may have {LONGEST_BODY} bytes. Nothing was ordered.");
            Problem::new(Kind::BodyTooLarge, detail)
        }
        _ => Problem::new(Kind::InvalidRequest, "The body can't be read. Nothing was ordered.")
            .because(error.to_string()),
    })
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
