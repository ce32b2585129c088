use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{Kind, Problem};

const MOST: usize = 64;
const MOST_BYTES: usize = 16 * 1024;

/// Refuses more headers than anybody needs. The HTTP library has bounds of its own (100 headers,
/// about 400 KiB), so what arrives here is bounded already.
pub async fn limit_headers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST || bytes > MOST_BYTES {
        let detail = format!("At most {MOST} headers of {MOST_BYTES} bytes together are taken.");
        return Problem::new(Kind::HeadersTooLarge, detail).into_response();
    }
    next.run(request).await
}
