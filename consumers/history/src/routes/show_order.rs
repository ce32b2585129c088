//! `GET /orders/{id}?caller=`: one order with status, lines and timeline; with a caller only if they
//! placed it.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use orderly_web::Problem;
use serde::Deserialize;

use super::problem;
use crate::{Order, ReadModel};

#[derive(Deserialize)]
pub(super) struct Asked {
    caller: Option<String>,
}

pub(super) async fn show_order(
    State(history): State<ReadModel>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Order>, Problem> {
    let Query(asked) = asked.map_err(|rejection| problem::bad_request(&rejection.body_text()))?;
    let found = history.order_of(&id, asked.caller.as_deref()).await;
    match found.map_err(|error| problem::of_store(&error))? {
        Some(order) => Ok(Json(order)),
        None => Err(problem::not_found("history has seen no order under this id yet")),
    }
}
