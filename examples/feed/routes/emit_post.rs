//! `POST /posts`: Posted. 202 says that it is durable; timelines have it a moment later.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use orderly_sdk::{EventId, Meta};
use orderly_web::{
    Kind, Problem,
    json::{
        Found, Json as Body,
        checks::{id, lines},
    },
    read_body,
};
use serde_json::{Value, json};

use super::{Feed, LONGEST_BODY, PATIENCE, not_emitted};
use crate::posts::Posted;

const LONGEST_TEXT: usize = 500;

/// The event's id is that of author and post, so that the same sent again is a known repeat: the first
/// counts, also where the second says something else.
pub(super) async fn emit_post(
    State(feed): State<Feed>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body = read_body(request, LONGEST_BODY, PATIENCE).await?;
    let post = read(&body)?;
    let id = EventId::derived(&["feed", &post.author, &post.post_id]);
    let meta = Meta { id, ..Meta::new(feed.emitter.encoders().source()) };
    let emitted = feed.emitter.emit_as(&post, &meta).await;
    let receipt = emitted.map_err(|error| not_emitted(&error))?;
    let said = json!({ "post_id": post.post_id, "written_at": receipt.at.to_string() });
    Ok((StatusCode::ACCEPTED, Json(said)))
}

fn read(body: &[u8]) -> Result<Posted, Problem> {
    let body = Body::of_body(body)?;
    let mut found = Found::default();
    if let Some([author, post_id, text]) = found.fields(&body, ["author", "post_id", "text"]) {
        let author = found.required("author", author, id);
        let post_id = found.required("post_id", post_id, id);
        let text = found.required("text", text, lines(LONGEST_TEXT));
        if let (Some(author), Some(post_id), Some(text), true) =
            (author, post_id, text, found.is_empty())
        {
            return Ok(Posted { author, post_id, text });
        }
    }
    Err(found.into_problem(Kind::InvalidRequest))
}
