use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{Service, about_order, refusals::CallerRefusals, show_order};
use crate::{
    caller::Caller,
    history::{HistoryError, KeptEvents},
    live::{Full, Live, Start},
    prefer,
    problem::{Kind, Problem},
};

/// When a client is to come again where its connection was lost.
const COME_AGAIN: Duration = Duration::from_secs(1);
const LAST_EVENT_ID: &str = "last-event-id";

/// Follows an order: what happened to it, then what happens, as Server-Sent Events.
///
/// Each event has the type's name (`OrderPlaced`, `StageStarted`, …; new ones may come), as `data` one
/// JSON object, an entry of the order's timeline with the `status` that the order has then, and an `id`
/// from which any replica goes on: with it as `Last-Event-ID` nothing is told twice and nothing passed
/// over. The stream stays open, as a completed order may still be refunded; it ends after an hour, when
/// the service does, and when its client doesn't take what is told: then go on by `Last-Event-ID`, as an
/// EventSource does by itself.
///
/// An order that isn't known yet is waited for, for 5 s or as `Prefer: wait=N` says. While the order
/// history is away, the stream is open and says in a comment that it waits.
#[utoipa::path(
    get, path = "/orders/{id}/events", tag = "orders", security(("api_key" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The order's id."),
        ("Last-Event-ID" = Option<String>, Header,
         description = "The id of the last event that came. One that isn't known: from the start."),
        ("last_event_id" = Option<String>, Query,
         description = "The same, for clients that can't set headers; the header counts."),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: seconds to wait for an \
                                                            order that isn't known yet."),
    ),
    responses(
        (status = 200, description = "The events.", body = String, content_type = "text/event-stream",
         example = "id: 3f9a1c2e-1287-44\nevent: StageStarted\ndata: {\"type\":\"StageStarted\",\"at\":\"2026-11-20T12:00:01Z\",\"event_id\":\"0193…\",\"sequence\":2,\"stage\":\"oven\",\"status\":\"in_progress\"}\n\n"),
        (status = 404, description = "No such order, not yet, or not the caller's; or this instance \
                                      tells nothing live.",
         headers(("Retry-After" = u32, description = "Seconds after which it may be known.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "The history service's answer is of no use.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "As many streams are open as may be, or as many of this order: \
                                      try again.",
         headers(("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
    )
)]
pub(super) async fn follow_order(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let order_id = about_order::order_id(id)?;
    let live = live(&service)?;
    let given = last_event_id(&headers, query.as_deref());
    let place = given.as_deref().and_then(|id| live.place(id));
    // Registered before anybody is asked: what happens in the meantime comes, too.
    let following = live.follow_order(&order_id).map_err(full)?;
    let wait = prefer::wait(&headers).unwrap_or(live.bounds().patience);
    let kept = find(&service, live, &order_id, &caller, wait).await?;
    let greeting = match (&given, &place) {
        (Some(_), None) => "Last-Event-ID isn't known here: from the start",
        (_, Some(_)) => "going on",
        (None, None) => "from the start",
    };
    let start = Start {
        order_id,
        caller,
        history: service.history.clone(),
        place: place.unwrap_or_else(|| live.beginning()),
        kept,
        shutdown: service.shutdown.clone(),
    };
    let greeting = Event::default().comment(greeting).retry(COME_AGAIN);
    let events = stream::iter([Ok(greeting)]).chain(following.begin(start).events());
    Ok(answer(live, events))
}

pub(super) fn live(service: &Service) -> Result<&Live, Problem> {
    service.settings.live.as_ref().ok_or_else(|| {
        Problem::new(Kind::NothingLive, "This instance tells nothing live: ask for the order.")
    })
}

pub(super) fn full(why: Full) -> Problem {
    Problem::new(Kind::Overloaded, why.to_string()).retry_after(5)
}

/// A stream that proxies let through as it comes.
pub(super) fn answer(
    live: &Live,
    events: impl Stream<Item = Result<Event, std::convert::Infallible>> + Send + 'static,
) -> Response {
    let heartbeats = KeepAlive::new().interval(live.bounds().heartbeat);
    let mut response = Sse::new(events).keep_alive(heartbeats).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What history has of the order; `Ok(None)`: it is away or has no turn free, and says later whether there
/// is one.
async fn find(
    service: &Service,
    live: &Live,
    order_id: &str,
    caller: &Caller,
    wait: Duration,
) -> Result<Option<KeptEvents>, Problem> {
    let partitions = live.partitions_of(order_id);
    let until = Instant::now() + wait;
    show_order::until_known(service, order_id, until, || async {
        // Too many ask: as if history were away, the stream goes on asking when it is its turn.
        let Ok(_turn) = timeout_at(until, live.turn()).await else { return Ok(Some(None)) };
        match service.history.events(order_id, caller, partitions).await {
            Ok(kept) => Ok(kept.map(Some)),
            Err(HistoryError::Away(_) | HistoryError::Slow(_)) => Ok(Some(None)),
            Err(error) => Err(show_order::problem(&error).about(order_id)),
        }
    })
    .await
}

/// The header, else the parameter; of either the first. What was encoded by % is none of ours.
fn last_event_id(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let parameter = || query?.split('&').find_map(|pair| pair.strip_prefix("last_event_id="));
    header.or_else(parameter).filter(|id| !id.is_empty()).map(str::to_owned)
}
