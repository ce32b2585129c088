//! Every route there is. What a service of ours shares with others is `orderly-web`'s.

mod emit_follow;
mod emit_post;
mod emit_unfollow;
mod show_timeline;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::{delete, get, post},
};
use orderly_sdk::emit::{EmitError, Emitter};
use orderly_stores::Database;
use orderly_web::{Kind, Problem, guards};
use tokio::sync::Semaphore;

const LONGEST_BODY: usize = 4 * 1024;
/// For a body to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// For an answer: an emit is acknowledged or given up within 30 s.
const LONGEST_ANSWER: Duration = Duration::from_secs(40);
/// Requests at once.
const MOST_REQUESTS: usize = 256;

/// What routes work with.
#[derive(Clone)]
pub struct Feed {
    /// Emits posts and follows.
    pub emitter: Emitter,
    /// Where the timelines are.
    pub database: Database,
}

/// All of them. Who asks is not looked at: a user is whoever says so.
pub fn router(feed: Feed) -> Router {
    Router::new()
        .route("/posts", post(emit_post::emit_post))
        .route("/follows", post(emit_follow::emit_follow))
        .route("/follows/{follower}/{author}", delete(emit_unfollow::emit_unfollow))
        .route("/timelines/{user}", get(show_timeline::show_timeline))
        .fallback(async || Problem::<Kind>::new(Kind::NoSuchRoute, WHAT_THERE_IS))
        .method_not_allowed_fallback(async || {
            Problem::<Kind>::new(Kind::MethodNotAllowed, WHAT_THERE_IS)
        })
        .layer(from_fn(answer_in_time))
        .layer(from_fn_with_state(Arc::new(Semaphore::new(MOST_REQUESTS)), guards::limit_requests))
        .layer(guards::catch_panics())
        .layer(from_fn(guards::limit_headers))
        .with_state(feed)
}

const WHAT_THERE_IS: &str = "\
    There are POST /posts, POST /follows, DELETE /follows/{follower}/{author} and GET /timelines/{user}.";

async fn answer_in_time(request: Request, next: Next) -> Response {
    let unknown = || Problem::<Kind>::new(Kind::OutcomeUnknown, UNKNOWN);
    guards::answer_within(LONGEST_ANSWER, unknown, request, next).await
}

const UNKNOWN: &str = "It may be written, or yet be. Send the same again: that does nothing twice.";

fn not_emitted(error: &EmitError) -> Problem {
    let problem = match error {
        EmitError::NotWritten(it) if it.is_final => {
            Problem::new(Kind::InvalidRequest, "It can't be written as it is. Nothing was.")
        }
        EmitError::NotWritten(_) => {
            Problem::new(Kind::Overloaded, "Nothing was written: try again.").retry_after(1)
        }
        EmitError::Unknown(_) => Problem::new(Kind::OutcomeUnknown, UNKNOWN),
    };
    problem.because(error.to_string())
}
