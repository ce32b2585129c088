//! Answers for a service whose parts aren't there yet: not now, and nothing was taken.

use std::future::IntoFuture as _;

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use orderly_sdk::Health;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers every request with 503 until `started`.
pub(super) async fn serve(listener: TcpListener, health: Health, started: CancellationToken) {
    let routes = Router::new().fallback(not_yet).with_state(health);
    let serving = axum::serve(listener, routes)
        .with_graceful_shutdown(started.cancelled_owned())
        .into_future();
    if let Err(error) = serving.await {
        tracing::error!(%error, "requests before the start aren't answered");
    }
}

async fn not_yet(State(health): State<Health>) -> impl IntoResponse {
    let away: Vec<_> = health
        .snapshot()
        .parts
        .iter()
        .filter(|part| part.away.is_some())
        .map(|part| part.name)
        .collect();
    let detail = if away.is_empty() {
        "The service is starting. Nothing was written; try again.".to_owned()
    } else {
        format!("The service waits for: {}. Nothing was written; try again.", away.join(", "))
    };
    let problem = json!({
        "type": "about:blank",
        "title": "The service is starting",
        "status": 503,
        "detail": detail,
    });
    const HEADERS: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "application/problem+json"), (header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, HEADERS, problem.to_string())
}
