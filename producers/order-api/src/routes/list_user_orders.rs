use std::sync::Arc;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};

use super::{
    Service,
    refusals::{CallerRefusals, HistoryRefusals},
    show_order,
};
use crate::{
    caller::Caller,
    history::{HistoryError, OrderPage},
    order,
    problem::{FieldProblem, Kind, Problem},
};

const USUAL: u32 = 20;
const MOST: u32 = 100;
const LONGEST_CURSOR: usize = 512;

/// A user's orders, newest first, a page at a time: those that the caller placed; operators see all.
#[utoipa::path(
    get, path = "/users/{id}/orders", tag = "orders",
    security(("api_key" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The user's id."),
        ("limit" = Option<u32>, Query, description = "Orders on a page: 1 to 100; 20 unless told."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses(
        (status = 200, description = "One page; empty for a user who never ordered.",
         body = OrderPage),
        (status = 400, description = "The user's id or a parameter can't be understood.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
        HistoryRefusals,
    )
)]
pub(super) async fn list_user_orders(
    State(service): State<Arc<Service>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<OrderPage>, Problem> {
    let Some(Path(user)) = id.ok().filter(|Path(id)| order::is_id(id)) else {
        return Err(invalid(vec![wrong("id", &format!("has to be {}", order::ID_RULE))]));
    };
    let Query(query) = query.map_err(|_| invalid(vec![wrong("(query)", "can't be understood")]))?;
    let page = read(&query)?;
    match service.history.orders_of(&user, &caller, page.limit, page.cursor).await {
        Ok(page) => Ok(Json(page)),
        // Limit and user are checked here: only the cursor is left to be refused there.
        Err(HistoryError::Refused) if page.cursor.is_some() => {
            Err(invalid(vec![wrong("cursor", "is not one that a page gave as `next`")]))
        }
        Err(error) => Err(show_order::problem(&error)),
    }
}

struct Page<'a> {
    limit: u32,
    cursor: Option<&'a str>,
}

fn read(query: &[(String, String)]) -> Result<Page<'_>, Problem> {
    let (mut limit, mut cursor, mut wrongs) = (None, None, Vec::new());
    for (name, value) in query {
        match name.as_str() {
            "limit" if limit.is_none() => {
                limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                if limit.is_none() {
                    wrongs.push(wrong("limit", &format!("has to be a number from 1 to {MOST}")));
                }
            }
            "cursor" if cursor.is_none() => {
                let is_cursor = (1..=LONGEST_CURSOR).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_graphic());
                if !is_cursor {
                    wrongs.push(wrong("cursor", "is not one that a page gave as `next`"));
                }
                cursor = Some(value.as_str());
            }
            "limit" | "cursor" => wrongs.push(wrong(name, "is given more than once")),
            _ => wrongs.push(wrong("(query)", "takes only limit and cursor")),
        }
        if !wrongs.is_empty() {
            return Err(invalid(wrongs));
        }
    }
    Ok(Page { limit: limit.unwrap_or(USUAL), cursor })
}

fn wrong(field: &str, message: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.to_owned() }
}

fn invalid(errors: Vec<FieldProblem>) -> Problem {
    let detail = "A parameter can't be understood.";
    Problem::new(Kind::InvalidRequest, detail).with_errors(errors)
}
