//! The group `fan-out`: what it hears and what that changes, each event once.

use orderly_sdk::{
    Config,
    consume::{Consumer, Context, Exhausted, Failure, Handler, Limits, OrReject as _, RetryPolicy},
};
use orderly_stores::{Database, Inbox};
use orderly_web::json::checks::is_id;

use crate::{
    follows::{self, Followed, Unfollowed},
    posts::{self, Posted},
};

/// The group's name.
pub const GROUP: &str = "fan-out";

/// A member of the group. Inbox row and effect of an event are one transaction; different authors'
/// posts, and different followers' follows, go side by side.
pub fn member(config: &Config, database: Database, celebrity_at: i64) -> Consumer<Inbox> {
    let fan_out = FanOut { celebrity_at };
    Consumer::new(GROUP, config)
        .within(Inbox::new(database))
        .limited(Limits::small())
        // One follow too many, or an event that nobody here would emit, holds up nothing that follows.
        .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
        .on::<Posted>(fan_out)
        .on::<Followed>(fan_out)
        .on::<Unfollowed>(fan_out)
}

#[derive(Clone, Copy)]
struct FanOut {
    celebrity_at: i64,
}

impl Handler<Posted, Inbox> for FanOut {
    async fn handle(&self, cx: &mut Context<'_, Inbox>, post: Posted) -> Result<(), Failure> {
        must_be_ids([&post.author, &post.post_id])?;
        let time = cx.meta().time;
        Ok(posts::take(cx.tx(), &post, time, self.celebrity_at).await?)
    }
}

impl Handler<Followed, Inbox> for FanOut {
    async fn handle(&self, cx: &mut Context<'_, Inbox>, event: Followed) -> Result<(), Failure> {
        must_be_ids([&event.follower, &event.author])?;
        let time = cx.meta().time;
        follows::begin(cx.tx(), &event, time).await
    }
}

impl Handler<Unfollowed, Inbox> for FanOut {
    async fn handle(&self, cx: &mut Context<'_, Inbox>, event: Unfollowed) -> Result<(), Failure> {
        must_be_ids([&event.follower, &event.author])?;
        let time = cx.meta().time;
        Ok(follows::end(cx.tx(), &event, time).await?)
    }
}

fn must_be_ids(ids: [&str; 2]) -> Result<(), Failure> {
    ids.iter().all(|id| is_id(id)).then_some(()).or_reject("not an id")
}
