use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::{
    BodyRefusals, ChangeRefusals, Preconditions, Problem, etag,
    json::checks::{ID_RULE, is_id},
    read_body, trace,
};

use super::Service;
use crate::{
    problem::{self, Kind},
    product::{self, ProductRequest, ProductView},
    products::{self, Put},
};

const LONGEST_BODY: usize = 32 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a product what the body says, whatever it was, and tells of it on `catalogue`.
///
/// With `If-None-Match: *` only a new one, with `If-Match` only what the caller saw. What changes
/// nothing is told to nobody, so sending it again is harmless.
#[utoipa::path(
    put, path = "/products/{sku}", tag = "products",
    request_body(content = ProductRequest, description = "At most 32 KiB."),
    params(
        ("sku" = String, Path, description = "The product."),
        ("If-Match" = Option<String>, Header, description = "`*`, or what ETag said."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it is new."),
        ("traceparent" = Option<String>, Header, description = "W3C trace context."),
    ),
    responses(
        (status = 200, description = "It is as the body says.", body = ProductView,
         headers(("ETag" = String, description = "Of this version."))),
        (status = 201, description = "It is new.", body = ProductView, headers(
            ("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Of this version."))),
        (status = 400, description = "No JSON, or headers that can't be understood.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The product is invalid. Nothing was changed.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        BodyRefusals,
        ChangeRefusals,
    )
)]
pub(super) async fn put_product(
    State(service): State<Service>,
    sku: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem<Kind>> {
    let sku = valid(sku)?;
    let conditions = Preconditions::of(request.headers())?;
    let headers = request.headers().clone();
    let body = read_body(request, LONGEST_BODY, PATIENCE).await?;
    let product = product::read(&sku, &body)?;
    let encoders = service.encoders()?;
    let meta = || trace::meta(&headers, encoders.source());
    let put = products::put(&service.database, encoders, product, &conditions, meta).await;
    let (status, kept) = match put.map_err(|error| problem::of_change(error, &sku))? {
        Put::Created(kept) => (StatusCode::CREATED, kept),
        Put::Replaced(kept) | Put::Unchanged(kept) => (StatusCode::OK, kept),
    };
    let tag = [(header::ETAG, etag(&kept.version))];
    let mut response = (status, tag, Json(ProductView::from(kept))).into_response();
    if status == StatusCode::CREATED
        && let Ok(location) = format!("/products/{sku}").parse()
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The sku of a path that is to be written to.
fn valid(sku: Result<Path<String>, PathRejection>) -> Result<String, Problem<Kind>> {
    match sku {
        Ok(Path(sku)) if is_id(&sku) => Ok(sku),
        _ => {
            let detail = "The path names no product that there could be. Nothing was changed.";
            let rule = format!("has to be {ID_RULE}");
            Err(Problem::new(Kind::InvalidProduct, detail).at("sku", rule))
        }
    }
}
