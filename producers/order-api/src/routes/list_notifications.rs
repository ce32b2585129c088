use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};

use super::{Service, about_order, refusals::CallerRefusals, show_order};
use crate::{
    caller::Caller,
    notifications::{NotificationsError, OrderNotifications},
    problem::{Kind, Problem},
};

/// What was sent about an order, and what is still to be: each event on each channel, with its attempts
/// and the last answer.
///
/// For those who may see the order: its caller, and operators.
#[utoipa::path(
    get, path = "/orders/{id}/notifications", tag = "orders",
    security(("api_key" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The order's id.")),
    responses(
        (status = 200, description = "What was sent; empty while nothing was.",
         body = OrderNotifications),
        (status = 404, description = "No such order, not yet, or not the caller's.", headers(
            ("Retry-After" = u32, description = "Seconds after which it may be known.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 501, description = "This order-api isn't told where the notification service is.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "The history's or the notification service's answer is of no use.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "One of the two is away, or there is too much to do.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "The history service didn't answer in time.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
    )
)]
pub(super) async fn list_notifications(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<OrderNotifications>, Problem> {
    let id = about_order::order_id(id)?;
    let Some(notifications) = &service.notifications else {
        let detail = "What was sent about orders can't be looked up here: this order-api isn't told \
                      where the notification service is (--notifications).";
        return Err(Problem::new(Kind::NotificationsNotTold, detail).about(id));
    };
    // Who may see it is known by the order alone.
    let known = service.history.order(&id, &caller).await;
    if known.map_err(|error| show_order::problem(&error))?.is_none() {
        return Err(show_order::not_known(&id));
    }
    notifications.of_order(&id).await.map(Json).map_err(|error| {
        let (kind, detail) = match error {
            NotificationsError::Away(_) | NotificationsError::Address(_) => (
                Kind::NotificationsAway,
                "What was sent about orders can't be looked up now. Orders are taken.",
            ),
            NotificationsError::Unusable(_) => (
                Kind::NotificationsUnusable,
                "The notification service answered what can't be passed on.",
            ),
        };
        Problem::new(kind, detail).about(id).retry_after(1).because(error.to_string())
    })
}
