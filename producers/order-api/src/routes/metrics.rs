use std::sync::Arc;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use orderly_web::{Kind, Problem};

use super::Service;

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        (status = 404, description = "This instance shows none.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    match &service.settings.metrics {
        Some(metrics) => {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
        }
        None => Problem::<Kind>::new(Kind::NoSuchRoute, "This instance shows no metrics.")
            .into_response(),
    }
}
