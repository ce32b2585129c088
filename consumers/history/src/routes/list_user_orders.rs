//! `GET /users/{id}/orders?limit=&cursor=&caller=`: a user's orders, newest first; with a caller
//! only those that they placed.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use orderly_web::Problem;
use serde::Deserialize;

use super::problem;
use crate::{Cursor, OrderList, ReadModel};

const USUAL_LIMIT: u32 = 20;
const MOST: u32 = 100;

#[derive(Deserialize)]
pub(super) struct Asked {
    limit: Option<u32>,
    cursor: Option<String>,
    caller: Option<String>,
}

pub(super) async fn list_user_orders(
    State(history): State<ReadModel>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<OrderList>, Problem> {
    let Query(asked) = asked.map_err(|rejection| problem::bad_request(&rejection.body_text()))?;
    let limit = asked.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(problem::bad_request(&format!("limit: {limit} is not from 1 to {MOST}")));
    }
    let after = match asked.cursor {
        None => None,
        Some(text) => Some(Cursor::parse(&text).ok_or_else(|| {
            problem::bad_request("cursor: give back what the page before says in `next`")
        })?),
    };
    let found = history.user_orders(&id, asked.caller.as_deref(), after.as_ref(), limit).await;
    found.map(Json).map_err(|error| problem::of_store(&error))
}
