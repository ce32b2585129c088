//! What the routes share by which somebody says something of an order.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Request, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_sdk::{Event, EventId, Meta};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::{Service, body, show_order};
use crate::{
    caller::Caller,
    history::{HistoryError, OrderDetails},
    idempotency::IdempotencyKey,
    order,
    placing::{OrderAccepted, OrderReceipt},
    problem::{Kind, Problem},
    trace,
};

const LONGEST_BODY: usize = 16 * 1024;

/// A request about one order.
pub(super) struct Asked {
    pub(super) order_id: String,
    pub(super) caller: Caller,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) meta: Meta,
    /// Empty where there is none.
    pub(super) body: Bytes,
    pub(super) deadline: Instant,
}

pub(super) async fn read(
    service: &Arc<Service>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Asked, Problem> {
    let deadline = Instant::now() + service.settings.deadline;
    let order_id = order_id(id)?;
    if let Some(admit) = &service.settings.admission
        && let Err(why) = admit()
    {
        let detail = format!("Nothing can be taken just now: {why}");
        return Err(Problem::new(Kind::Overloaded, detail).retry_after(1));
    }
    let headers = request.headers();
    let key = IdempotencyKey::of(headers)?;
    let meta = trace::meta(headers, service.settings.emitter.encoders().source());
    let body = body::read_if_any(request, LONGEST_BODY, deadline).await?;
    Ok(Asked { order_id, caller, key, meta, body, deadline })
}

/// The id in the path, where an order can have it.
pub(super) fn order_id(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    id.ok().map(|Path(id)| id).filter(|id| order::is_id(id)).ok_or_else(|| {
        let detail = format!("No order has such an id: it is {}.", order::ID_RULE);
        Problem::new(Kind::OrderNotFound, detail)
    })
}

/// The order, as history has it, where the caller may see it: of another's they hear as of one that
/// isn't there.
pub(super) async fn known(service: &Service, asked: &Asked) -> Result<OrderDetails, Problem> {
    let id = &asked.order_id;
    let known = timeout_at(asked.deadline, service.history.order(id, &asked.caller)).await;
    let known = known.unwrap_or(Err(HistoryError::Slow(service.settings.deadline)));
    known.map_err(|error| show_order::problem(&error).about(id))?.ok_or_else(|| {
        let detail = "No order with this id is known. One that was accepted just now appears \
                      within moments.";
        Problem::new(Kind::OrderNotFound, detail).about(id).retry_after(1)
    })
}

/// Emits what can be said of an order once: every request of one caller is the same event. Whoever
/// sees only what they placed can say it only of that; others needn't be looked up.
pub(super) async fn say_once<E: Event>(
    service: &Service,
    asked: &Asked,
    event: &E,
    what: &str,
) -> Result<Response, Problem> {
    if asked.caller.sees_only().is_some() {
        known(service, asked).await?;
    }
    let id = EventId::derived(&["order-api", asked.caller.as_str(), &asked.order_id, what]);
    let meta = Meta { id, ..asked.meta.clone() };
    let receipt = service.placing.say(event, &asked.order_id, &meta, asked.deadline).await?;
    let accepted =
        OrderAccepted { order_id: asked.order_id.clone(), receipt: OrderReceipt::of(&receipt) };
    Ok(accept(&asked.order_id, accepted))
}

/// 202, and where the order can be looked up.
pub(super) fn accept(order_id: &str, accepted: impl Serialize) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(accepted)).into_response();
    if let Ok(location) = format!("/orders/{order_id}").parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
