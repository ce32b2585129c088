//! `GET /timelines/{user}?before=&limit=`: the newest first, by pages.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use orderly_web::{Kind, Problem};
use serde::Deserialize;

use super::Feed;
use crate::timeline::{self, Cursor, LONGEST_PAGE, Page};

const USUAL_LIMIT: usize = 20;

#[derive(Deserialize)]
pub(super) struct Asked {
    limit: Option<usize>,
    before: Option<String>,
}

pub(super) async fn show_timeline(
    State(feed): State<Feed>,
    Path(user): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let refuse = |detail: &str| Problem::new(Kind::InvalidRequest, detail);
    let Query(asked) = asked.map_err(|rejection| refuse(&rejection.body_text()))?;
    let limit = asked.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(refuse(&format!("limit: {limit} is not from 1 to {LONGEST_PAGE}")));
    }
    let before = match asked.before {
        None => None,
        Some(text) => Some(
            Cursor::parse(&text)
                .ok_or_else(|| refuse("before: give back what the page before says in `next`"))?,
        ),
    };
    let found = timeline::page(&feed.database, &user, before.as_ref(), limit).await;
    found.map(Json).map_err(|error| Problem::of_failure(&error, "The timeline can't be read."))
}
