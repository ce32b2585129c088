use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::{Preconditions, etag};
use tokio::time::{Instant, sleep};

use super::{
    Service, about_order,
    refusals::{CallerRefusals, HistoryRefusals},
};
use crate::{
    cache::Shown,
    caller::Caller,
    history::{HistoryError, OrderDetails},
    prefer,
    problem::{Kind, Problem},
};

/// One order: its status, lines, total and timeline.
///
/// A caller sees the orders that were placed with their API keys; operators see all.
///
/// The answer shows it as it was at most a second before. With `If-None-Match` and the `ETag` of an
/// earlier answer it is 304 while nothing has changed.
///
/// An order that was accepted a moment ago may not be known yet. With `Prefer: wait=N` (RFC 7240,
/// 5 s at most) the answer waits until it is, or until the time is over.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", security(("api_key" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The order's id."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer."),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: seconds to wait for an \
                                                            order that isn't known yet."),
    ),
    responses(
        (status = 200, description = "The order.", body = OrderDetails, headers(
            ("ETag" = String, description = "Its version, for If-None-Match."),
            ("Preference-Applied" = String, description = "The wait that was granted."))),
        (status = 304, description = "It is as it was (If-None-Match)."),
        (status = 400, description = "If-None-Match can't be understood.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such order, not yet, or not the caller's.", headers(
            ("Retry-After" = u32, description = "Seconds after which it may be known.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        HistoryRefusals,
    )
)]
pub(super) async fn show_order(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let wait = prefer::wait(&headers);
    let mut response = match find(&service, &caller, id, wait).await {
        Ok(order) => show(&headers, &order),
        Err(problem) => problem.into_response(),
    };
    if let Some(wait) = wait
        && let Ok(applied) = format!("wait={}", wait.as_secs()).parse()
    {
        response.headers_mut().insert("preference-applied", applied);
    }
    response
}

async fn find(
    service: &Service,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    wait: Option<Duration>,
) -> Result<Arc<Shown>, Problem> {
    let id = about_order::order_id(id)?;
    let until = Instant::now() + wait.unwrap_or_default();
    until_known(service, &id, until, || async {
        service.cache.order(&id, caller).await.map_err(|e| problem(&e))
    })
    .await
}

/// Asks, ever more rarely, until the order is there; at that time, or when the service ends, it isn't
/// known.
pub(super) async fn until_known<T, F: Future<Output = Result<Option<T>, Problem>>>(
    service: &Service,
    id: &str,
    until: Instant,
    ask: impl Fn() -> F,
) -> Result<T, Problem> {
    let mut pause = Duration::from_millis(20);
    loop {
        if let Some(order) = ask().await? {
            return Ok(order);
        }
        let next = Instant::now() + pause;
        if next >= until || service.shutdown.is_cancelled() {
            return Err(not_known(id));
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

/// It may be on its way.
pub(super) fn not_known(id: &str) -> Problem {
    let detail = "No order with this id is known. One that was accepted just now appears within \
                  moments.";
    Problem::new(Kind::OrderNotFound, detail).about(id).retry_after(1)
}

fn show(headers: &HeaderMap, order: &Shown) -> Response {
    let conditions = match Preconditions::of::<orderly_web::Kind>(headers) {
        Ok(conditions) => conditions,
        Err(problem) => return problem.into_response(),
    };
    let tag = (header::ETAG, etag(&order.version));
    if conditions.have(&order.version) {
        return (StatusCode::NOT_MODIFIED, [tag]).into_response();
    }
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ([json, tag], order.body.clone()).into_response()
}

/// What is told where history can't answer.
pub(super) fn problem(error: &HistoryError) -> Problem {
    let (kind, detail) = match error {
        HistoryError::Away(_) | HistoryError::Address(_) => {
            (Kind::HistoryAway, "What became of orders can't be looked up now. Orders are taken.")
        }
        HistoryError::Slow(_) => {
            (Kind::HistorySlow, "Looking up what became of orders takes too long now.")
        }
        HistoryError::Refused | HistoryError::Unusable(_) => {
            (Kind::HistoryUnusable, "The order history answered what can't be passed on.")
        }
    };
    Problem::new(kind, detail).retry_after(1).because(error.to_string())
}
