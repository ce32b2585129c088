use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::header,
};
use orderly_web::{BodyRefusals, Kind as Common, Problem, read_body, trace};

use super::{Service, show_product::known};
use crate::{
    problem::{self, Kind},
    stock::{self, CountRequest, CountView},
};

const LONGEST_BODY: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps what was counted of a product, and tells of it on `stock`.
///
/// Each count is one of its own, and stands for what is on hand when it is told: sent again later, it
/// brings back what was sold in between. There has to be such a product.
#[utoipa::path(
    put, path = "/stock/{sku}", tag = "stock",
    request_body(content = CountRequest, description = "At most 1 KiB."),
    params(
        ("sku" = String, Path, description = "The product."),
        ("traceparent" = Option<String>, Header, description = "W3C trace context."),
    ),
    responses(
        (status = 200, description = "It was counted.", body = CountView),
        (status = 400, description = "No JSON, or conditional.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such product.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The count is invalid. Nothing was changed.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was changed: try again.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Unknown: GET says what was counted last. Count anew if it isn't this.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        BodyRefusals,
    )
)]
pub(super) async fn count_stock(
    State(service): State<Service>,
    sku: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<CountView>, Problem<Kind>> {
    let sku = known(sku)?;
    let headers = request.headers().clone();
    if headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH) {
        // Passed over, they would let a count through that was to be stopped.
        let detail = "Counts have no versions: send it without If-Match and If-None-Match. Nothing was \
                      changed.";
        return Err(Problem::new(Common::InvalidRequest.into(), detail));
    }
    let body = read_body(request, LONGEST_BODY, PATIENCE).await?;
    let on_hand = stock::read(&body)?;
    let encoders = service.encoders()?;
    let meta = || trace::meta(&headers, encoders.source());
    let counted = stock::count(&service.database, encoders, &sku, on_hand, meta).await;
    Ok(Json(counted.map_err(|error| problem::of_change(error, &sku))?))
}
