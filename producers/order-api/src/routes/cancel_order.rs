use std::sync::Arc;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use orderly_schemas::{OrderCancellationRequested, RequestedBy};

use super::{
    Service, about_order,
    refusals::{CallerRefusals, Refusals},
};
use crate::{caller::Caller, order, placing::OrderAccepted, problem::Problem};

/// Asks for an order to be cancelled.
///
/// 202 means that the request is durable; whether the order still can be cancelled is decided where
/// it is made, and told by its status. Asking again is the same request, also with another reason,
/// so it can be repeated without an Idempotency-Key.
#[utoipa::path(
    post, path = "/orders/{id}/cancellation", tag = "orders",
    security(("api_key" = []), ("bearer" = [])),
    request_body(content = Option<crate::CancellationRequest>,
                 description = "May be left out. At most 16 KiB."),
    params(
        ("id" = String, Path, description = "The order's id."),
        ("Idempotency-Key" = Option<String>, Header,
         description = "Not needed: the request is repeatable as it is."),
    ),
    responses(
        (status = 202, description = "Requested: written and acknowledged.", body = OrderAccepted,
         headers(("Location" = String, description = "Where the order can be looked up."))),
        (status = 404, description = "No order can have such an id, or the caller placed none that is known.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body says what isn't known here. Nothing was written.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Unknown: try again.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        Refusals,
    )
)]
pub(super) async fn cancel_order(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = about_order::read(&service, caller, id, request).await?;
    let event = OrderCancellationRequested {
        order_id: asked.order_id.clone(),
        reason: order::reason(&asked.body)?,
        requested_by: requested_by(&asked.caller),
    };
    about_order::say_once(&service, &asked, &event, "cancellation").await
}

fn requested_by(caller: &Caller) -> RequestedBy {
    match caller.owner() {
        Some(_) if caller.is_operator() => RequestedBy::Operator,
        _ => RequestedBy::Customer,
    }
}
