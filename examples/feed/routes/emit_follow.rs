//! `POST /follows`: Followed. It holds from when it was asked for.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use orderly_web::{
    Kind, Problem,
    json::{Found, Json as Body, checks::id},
    read_body,
};
use serde_json::{Value, json};

use super::{Feed, LONGEST_BODY, PATIENCE, not_emitted};
use crate::follows::Followed;

/// Sent again it changes nothing: who follows already goes on.
pub(super) async fn emit_follow(
    State(feed): State<Feed>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body = read_body(request, LONGEST_BODY, PATIENCE).await?;
    let emitted = feed.emitter.emit(&read(&body)?).await;
    let receipt = emitted.map_err(|error| not_emitted(&error))?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "written_at": receipt.at.to_string() }))))
}

fn read(body: &[u8]) -> Result<Followed, Problem> {
    let body = Body::of_body(body)?;
    let mut found = Found::default();
    if let Some([follower, author]) = found.fields(&body, ["follower", "author"]) {
        let follower = found.required("follower", follower, id);
        let author = found.required("author", author, id);
        if follower.is_some() && follower == author {
            found.add("author", "has to be somebody else than the follower");
        }
        if let (Some(follower), Some(author), true) = (follower, author, found.is_empty()) {
            return Ok(Followed { follower, author });
        }
    }
    Err(found.into_problem(Kind::InvalidRequest))
}
