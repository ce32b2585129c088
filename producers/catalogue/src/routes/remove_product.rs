use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
};
use orderly_web::{ChangeRefusals, Preconditions, Problem, trace};

use super::{Service, show_product::known};
use crate::{
    problem::{self, Kind},
    products,
};

/// Removes a product for good, and its last count: a tombstone each, on `catalogue` and on `stock`.
///
/// What is only not to be ordered any more is put as `withdrawn` instead.
#[utoipa::path(
    delete, path = "/products/{sku}", tag = "products",
    params(
        ("sku" = String, Path, description = "The product."),
        ("If-Match" = Option<String>, Header, description = "`*`, or what ETag said."),
        ("traceparent" = Option<String>, Header, description = "W3C trace context."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "No such product.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        ChangeRefusals,
    )
)]
pub(super) async fn remove_product(
    State(service): State<Service>,
    sku: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem<Kind>> {
    let sku = known(sku)?;
    let conditions = Preconditions::of(&headers)?;
    let encoders = service.encoders()?;
    let meta = || trace::meta(&headers, encoders.source());
    let removed = products::remove(&service.database, encoders, &sku, &conditions, meta).await;
    removed.map_err(|error| problem::of_change(error, &sku))?;
    Ok(StatusCode::NO_CONTENT)
}
