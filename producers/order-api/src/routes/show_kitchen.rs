use std::sync::Arc;

use axum::{Json, extract::State};

use super::{Service, show_order};
use crate::{
    caller::Caller,
    history::KitchenOrders,
    problem::{Kind, Problem},
};

/// What is in the kitchen now: in a stage, or in line for one.
///
/// Listed are 500 orders in progress at most, who are where they are for the longest first, and behind
/// them 500 in line at most, by stage and by who came first.
///
/// For who begins to follow `/kitchen/events`: an order's event counts where its `sequence` is higher than
/// the one here. Operators only, where there are API keys.
#[utoipa::path(
    get, path = "/kitchen/orders", tag = "kitchen", security(("api_key" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The orders.", body = KitchenOrders),
        (status = 401, description = "No API key, or none that is known.", headers(
            ("WWW-Authenticate" = String, description = "How to give one.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key is no operator's.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Asked more often than the caller may. Nothing was done.",
         headers(("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "The history service's answer is of no use.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The history service is away, or there is too much to do.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "The history service didn't answer in time.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show_kitchen(
    State(service): State<Arc<Service>>,
    caller: Caller,
) -> Result<Json<KitchenOrders>, Problem> {
    if !caller.is_operator() {
        let detail = "What the kitchen does is for operators.";
        return Err(Problem::new(Kind::NotAllowed, detail));
    }
    service.history.kitchen().await.map(Json).map_err(|error| show_order::problem(&error))
}
