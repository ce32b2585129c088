use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use orderly_web::Problem;

use super::{Service, show_product::known};
use crate::{
    problem::{self, Kind},
    stock::{self, CountView},
};

/// What was counted of a product last. Not what is left of it: orders since then aren't in it.
#[utoipa::path(
    get, path = "/stock/{sku}", tag = "stock",
    params(("sku" = String, Path, description = "The product.")),
    responses(
        (status = 200, description = "The last count.", body = CountView),
        (status = 404, description = "Nothing was counted of it.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is away.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show_stock(
    State(service): State<Service>,
    sku: Result<Path<String>, PathRejection>,
) -> Result<Json<CountView>, Problem<Kind>> {
    let sku = known(sku)?;
    let last = stock::last(&service.database, &sku).await;
    last.map_err(|error| problem::of_store(&error))?.map(Json).ok_or_else(|| {
        let detail = "Nothing was counted of it, or there is no such product.";
        Problem::new(Kind::StockNotCounted, detail).about(sku)
    })
}
