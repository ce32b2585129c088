use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use crate::{Kind, Problem};

/// Refuses a request at once where the bound of those being worked on is reached.
pub async fn limit_requests(
    State(room): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = room.try_acquire() else {
        let detail = "As many requests as are taken at once are being worked on.";
        return Problem::new(Kind::Overloaded, detail).retry_after(1).into_response();
    };
    next.run(request).await
}
