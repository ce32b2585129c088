//! `GET /orders/{id}/events?orders=&statuses=&caller=`: what happened to an order, and how far its
//! partitions (of these numbers) were folded; with a caller only if they placed it.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use orderly_web::Problem;
use serde::Deserialize;

use super::problem;
use crate::{OrderEvents, Partitions, ReadModel};

#[derive(Deserialize)]
pub(super) struct Asked {
    orders: i32,
    statuses: i32,
    caller: Option<String>,
}

pub(super) async fn show_events(
    State(history): State<ReadModel>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<OrderEvents>, Problem> {
    let Query(asked) = asked.map_err(|rejection| problem::bad_request(&rejection.body_text()))?;
    let partitions = Partitions { orders: asked.orders, statuses: asked.statuses };
    let found = history.events_of(&id, asked.caller.as_deref(), partitions).await;
    match found.map_err(|error| problem::of_store(&error))? {
        Some(events) => Ok(Json(events)),
        None => Err(problem::not_found("history has seen no order under this id yet")),
    }
}
