use std::sync::Arc;

use axum::{Json, extract::State};

use super::{
    Service,
    refusals::{CallerRefusals, HistoryRefusals},
    show_order,
};
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
        (status = 403, description = "The key is no operator's.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        HistoryRefusals,
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
