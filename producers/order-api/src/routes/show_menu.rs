use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Service, refusals::CallerRefusals};
use crate::{
    menu::{MenuPage, Place},
    problem::{Kind, Problem},
};

const USUAL: usize = 50;
const MOST: usize = 100;
const LONGEST_TEXT: usize = 200;
const MOST_WORDS: usize = 10;
const LONGEST_PLACE: usize = 4_096;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Words that a product has in its name, category, description or sku: all of them, each somewhere.
    /// Capitals or not is the same.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Products on a page; 50 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Only those behind it: what the page before says in `next`.
    after: Option<String>,
}

/// What can be ordered, by category and name, a page at a time.
///
/// It is what orders are priced by: the catalogue, as this instance has read it, half a second old at
/// most where it isn't very large. Whether a product is in stock is not known here.
#[utoipa::path(
    get, path = "/menu", tag = "orders", security(("api_key" = []), ("bearer" = [])),
    params(Asked),
    responses(
        (status = 200, description = "A page.", body = MenuPage),
        (status = 400, description = "A parameter can't be understood.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "This instance takes prices as given: it knows no menu.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The catalogue isn't read yet, or there is too much to do.",
         headers(("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
    )
)]
pub(super) async fn show_menu(
    State(service): State<Arc<Service>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<MenuPage>, Problem> {
    let Query(asked) = asked
        .map_err(|_| invalid("(query)", "takes only q, limit (a number) and after, each once"))?;
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(invalid("limit", &format!("has to be a number from 1 to {MOST}")));
    }
    let words = words(asked.q.as_deref().unwrap_or_default())?;
    let after = asked.after.map(|after| place(&after)).transpose()?;
    let Some(menu) = &service.menu else {
        let detail = "Prices come with the orders here: this instance knows no menu.";
        return Err(Problem::new(Kind::NoMenu, detail));
    };
    if !menu.is_read() {
        let detail = "The catalogue is still being read. Try again in a moment.";
        return Err(Problem::new(Kind::PricesUnknown, detail).retry_after(1));
    }
    Ok(Json(menu.page(&words, limit, after.as_ref()).await))
}

fn words(text: &str) -> Result<Vec<String>, Problem> {
    if text.chars().nth(LONGEST_TEXT).is_some() {
        return Err(invalid("q", &format!("has at most {LONGEST_TEXT} characters")));
    }
    Ok(text.split_whitespace().take(MOST_WORDS).map(str::to_lowercase).collect())
}

fn place(text: &str) -> Result<Place, Problem> {
    let place = Some(text).filter(|text| text.len() <= LONGEST_PLACE).and_then(Place::parse);
    place.ok_or_else(|| invalid("after", "is not one that a page gave as `next`"))
}

fn invalid(field: &str, message: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, "A parameter can't be understood.").at(field, message)
}
