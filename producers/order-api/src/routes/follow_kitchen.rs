use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{Service, follow_order, refusals::CallerRefusals};
use crate::{
    caller::Caller,
    problem::{Kind, Problem},
};

/// Follows what becomes of all orders, from now on, as Server-Sent Events. For operators.
///
/// Events are as those of one order, with its `order_id` and without ids: what happened while a client
/// was away is not told again. A client that doesn't take what is told is cut off.
#[utoipa::path(
    get, path = "/kitchen/events", tag = "kitchen", security(("api_key" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The events.", body = String, content_type = "text/event-stream"),
        (status = 403, description = "The key is no operator's.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "This instance tells nothing live.",
         body = crate::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "As many of the kitchen's streams are open as may be: try again.",
         headers(("Retry-After" = u32, description = "Seconds.")),
         body = crate::ProblemBody, content_type = "application/problem+json"),
        CallerRefusals,
    )
)]
pub(super) async fn follow_kitchen(
    State(service): State<Arc<Service>>,
    caller: Caller,
) -> Result<Response, Problem> {
    if !caller.is_operator() {
        let detail = "What becomes of everybody's orders is for operators.";
        return Err(Problem::new(Kind::NotAllowed, detail));
    }
    let live = follow_order::live(&service)?;
    let stream = live.follow_kitchen(service.shutdown.clone()).map_err(follow_order::full)?;
    Ok(follow_order::answer(live, stream.events()))
}
