use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::{Preconditions, Problem, etag, json::checks::is_id};

use super::Service;
use crate::{
    problem::{self, Kind},
    product::ProductView,
    products,
};

/// One product, withdrawn or not.
#[utoipa::path(
    get, path = "/products/{sku}", tag = "products",
    params(
        ("sku" = String, Path, description = "The product."),
        ("If-None-Match" = Option<String>, Header, description = "What the caller has."),
    ),
    responses(
        (status = 200, description = "The product.", body = ProductView,
         headers(("ETag" = String, description = "Of this version."))),
        (status = 304, description = "The caller has it."),
        (status = 404, description = "No such product.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is away.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show_product(
    State(service): State<Service>,
    sku: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem<Kind>> {
    let sku = known(sku)?;
    let conditions = Preconditions::of(&headers)?;
    let kept = products::find(&service.database, &sku).await;
    let Some(kept) = kept.map_err(|error| problem::of_store(&error))? else {
        return Err(problem::not_found().about(sku));
    };
    let tag = [(header::ETAG, etag(&kept.version))];
    if conditions.have(&kept.version) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(ProductView::from(kept))).into_response())
}

/// The sku of a path, if there can be a product under it.
pub(super) fn known(sku: Result<Path<String>, PathRejection>) -> Result<String, Problem<Kind>> {
    match sku {
        Ok(Path(sku)) if is_id(&sku) => Ok(sku),
        _ => Err(problem::not_found()),
    }
}
