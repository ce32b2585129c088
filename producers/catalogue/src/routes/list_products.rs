use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use orderly_web::{
    Kind as Common, Problem,
    json::checks::{ID_RULE, is_id},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Service;
use crate::{
    problem::{self, Kind},
    product::{ProductPage, STATES, state_named},
    products::{self, Wanted},
};

const USUAL_LIMIT: u32 = 20;
const MOST: u32 = 100;
const LONGEST_TEXT: usize = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only what is listed under this.
    category: Option<String>,
    /// `active`, or `withdrawn`.
    state: Option<String>,
    /// Only what has this in its name, sku or description. Whether letters beyond A to Z are the
    /// same large and small is up to the database: to Postgres they are, to SQLite they aren't.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Products on a page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Only those behind this sku: what the page before says in `next`.
    after: Option<String>,
}

/// Products, by sku, page by page. Skus are sorted by their bytes: capital letters come first.
#[utoipa::path(
    get, path = "/products", tag = "products",
    params(Asked),
    responses(
        (status = 200, description = "A page.", body = ProductPage),
        (status = 400, description = "Parameters that can't be understood.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is away.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_products(
    State(service): State<Service>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ProductPage>, Problem<Kind>> {
    let Query(asked) = asked.map_err(|rejection| refused(&rejection.body_text()))?;
    let limit = asked.limit.unwrap_or(USUAL_LIMIT);
    let wanted = read(asked, limit)?;
    // One more than asked for says whether there is a next page.
    let listed = products::list(&service.database, &wanted, limit + 1).await;
    let mut kept = listed.map_err(|error| problem::of_store(&error))?;
    let are_more = kept.len() > limit as usize;
    kept.truncate(limit as usize);
    let next = kept.last().filter(|_| are_more).map(|last| last.product.sku.clone());
    Ok(Json(ProductPage { products: kept.into_iter().map(Into::into).collect(), next }))
}

fn read(asked: Asked, limit: u32) -> Result<Wanted, Problem<Kind>> {
    if !(1..=MOST).contains(&limit) {
        return Err(refused(&format!("limit: {limit} is not from 1 to {MOST}")));
    }
    for (name, text) in [("category", &asked.category), ("q", &asked.q)] {
        if text.as_ref().is_some_and(|text| !may_be_found(text)) {
            let rule =
                format!("{name}: has to be 1 to {LONGEST_TEXT} characters, none of them NUL");
            return Err(refused(&rule));
        }
    }
    let state = match asked.state.as_deref().map(state_named) {
        None => None,
        Some(Some(state)) => Some(state),
        Some(None) => return Err(refused(&format!("state: {STATES}"))),
    };
    let after = asked.after.unwrap_or_default();
    if !after.is_empty() && !is_id(&after) {
        return Err(refused(&format!("after: a sku is {ID_RULE}")));
    }
    Ok(Wanted { category: asked.category, state, text: asked.q, after })
}

fn may_be_found(text: &str) -> bool {
    !text.is_empty() && text.chars().nth(LONGEST_TEXT).is_none() && !text.contains('\0')
}

fn refused(why: &str) -> Problem<Kind> {
    Problem::new(Common::InvalidRequest.into(), why)
}
