use std::sync::Arc;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use orderly_schemas::OrderCollected;

use super::{
    Service, about_order,
    refusals::{CallerRefusals, Refusals},
};
use crate::{caller::Caller, order, placing::OrderAccepted, problem::Problem};

/// Says that an order was taken along by its customer.
///
/// 202 means that this is durable. Saying it again is the same, so it can be repeated without an
/// Idempotency-Key.
#[utoipa::path(
    post, path = "/orders/{id}/collection", tag = "orders",
    security(("api_key" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The order's id."),
        ("Idempotency-Key" = Option<String>, Header,
         description = "Not needed: the request is repeatable as it is."),
    ),
    responses(
        (status = 202, description = "Written and acknowledged.", body = OrderAccepted,
         headers(("Location" = String, description = "Where the order can be looked up."))),
        (status = 404, description = "No order can have such an id, or the caller placed none that is known.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "There is a body, and it says something.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Unknown: try again.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        Refusals,
    )
)]
pub(super) async fn collect_order(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = about_order::read(&service, caller, id, request).await?;
    order::nothing(&asked.body)?;
    let event = OrderCollected { order_id: asked.order_id.clone() };
    about_order::say_once(&service, &asked, &event, "collection").await
}
