//! The read API. Internal: the gateway calls it, customers don't.

mod list_kitchen_orders;
mod list_user_orders;
mod problem;
mod show_events;
mod show_order;

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::ReadModel;

/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every route there is. Errors are RFC 9457 problems.
pub fn routes(history: ReadModel) -> Router {
    Router::new()
        .route("/orders/{id}", get(show_order::show_order))
        .route("/orders/{id}/events", get(show_events::show_events))
        .route("/users/{id}/orders", get(list_user_orders::list_user_orders))
        .route("/kitchen/orders", get(list_kitchen_orders::list_kitchen_orders))
        .route("/healthz", get(async || "ok"))
        .fallback(async || problem::not_found("there is no such route"))
        .layer(from_fn(answer_in_time))
        .with_state(history)
}

async fn answer_in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::unavailable("the store didn't answer in time").into_response(),
    }
}
