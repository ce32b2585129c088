//! `GET /orders/{id}`: one order with status, lines and timeline.

use axum::{
    Json,
    extract::{Path, State},
};

use super::problem::Problem;
use crate::{Order, ReadModel};

pub(super) async fn show_order(
    State(history): State<ReadModel>,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    match history.order(&id).await? {
        Some(order) => Ok(Json(order)),
        None => Err(Problem::not_found("history has seen no order under this id yet")),
    }
}
