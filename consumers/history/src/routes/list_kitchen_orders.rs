//! `GET /kitchen/orders`: what is in the kitchen.

use axum::{Json, extract::State};
use orderly_web::Problem;

use super::problem;
use crate::{KitchenOrders, ReadModel};

pub(super) async fn list_kitchen_orders(
    State(history): State<ReadModel>,
) -> Result<Json<KitchenOrders>, Problem> {
    history.kitchen_orders().await.map(Json).map_err(|error| problem::of_store(&error))
}
