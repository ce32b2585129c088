use std::sync::LazyLock;

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json"))
)]
pub(super) async fn show_openapi() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(super::openapi_json);
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
