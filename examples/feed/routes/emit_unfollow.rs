//! `DELETE /follows/{follower}/{author}`: Unfollowed. What was posted while they followed stays.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use orderly_web::{
    Kind, Problem,
    json::checks::{ID_RULE, is_id},
};
use serde_json::{Value, json};

use super::{Feed, not_emitted};
use crate::follows::Unfollowed;

/// Sent again it changes nothing: who doesn't follow goes on.
pub(super) async fn emit_unfollow(
    State(feed): State<Feed>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let event = match path {
        Ok(Path((follower, author))) if is_id(&follower) && is_id(&author) => {
            Unfollowed { follower, author }
        }
        _ => {
            let detail = format!("Follower and author in the path have to be {ID_RULE}.");
            return Err(Problem::new(Kind::InvalidRequest, detail));
        }
    };
    let emitted = feed.emitter.emit(&event).await;
    let receipt = emitted.map_err(|error| not_emitted(&error))?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "written_at": receipt.at.to_string() }))))
}
