//! However posts and follows come in between each other, and whichever way posts go, timelines are the
//! same.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use fastrand::Rng;
use orderly_stores::Database;
use tempfile::TempDir;

use crate::{
    follows::{self, Followed, MOST_FOLLOWS, Unfollowed},
    posts::{self, Posted},
    tables,
    timeline::{self, Cursor, Post},
};

#[derive(Clone)]
enum Event {
    Post(&'static str, &'static str, i64),
    Follow(&'static str, &'static str, i64),
    Unfollow(&'static str, &'static str, i64),
}

struct Feed {
    database: Database,
    _directory: TempDir,
}

impl Feed {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("feed.db").display());
        let database = Database::open(&url).unwrap();
        tables::prepare(&database).await.unwrap();
        Self { database, _directory: directory }
    }

    async fn take(&self, event: Event, celebrity_at: i64) {
        let mut tx = self.database.begin().await.unwrap();
        match event {
            Event::Post(author, post_id, at) => {
                let post =
                    Posted { author: author.into(), post_id: post_id.into(), text: "-".into() };
                posts::take(&mut tx, &post, time(at), celebrity_at).await.unwrap();
            }
            Event::Follow(follower, author, at) => {
                let event = Followed { follower: follower.into(), author: author.into() };
                follows::begin(&mut tx, &event, time(at)).await.unwrap();
            }
            Event::Unfollow(follower, author, at) => {
                let event = Unfollowed { follower: follower.into(), author: author.into() };
                follows::end(&mut tx, &event, time(at)).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
    }

    async fn timeline(&self, reader: &str, limit: usize) -> Vec<Post> {
        let (mut posts, mut before) = (Vec::new(), None::<Cursor>);
        loop {
            let page =
                timeline::page(&self.database, reader, before.as_ref(), limit).await.unwrap();
            assert!(page.posts.len() <= limit, "{page:?}");
            posts.extend(page.posts);
            match page.next {
                Some(next) => before = Some(Cursor::parse(&next).unwrap()),
                None => return posts,
            }
        }
    }

    async fn shown(&self, reader: &str) -> Vec<String> {
        let posts = self.timeline(reader, 100).await;
        posts.into_iter().map(|post| format!("{}/{}", post.author, post.post_id)).collect()
    }
}

fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap()
}

/// One list for each key: within it the order holds, between them nothing does.
fn keys() -> Vec<Vec<Event>> {
    use Event::{Follow, Post, Unfollow};
    vec![
        // Two at one time, and one stamped before the one it follows.
        vec![
            Post("ada", "1", 10),
            Post("ada", "2", 20),
            Post("ada", "3", 20),
            Post("ada", "4", 15),
            Post("ada", "5", 40),
            Post("ada", "6", 60),
        ],
        vec![Post("bob", "1", 20), Post("bob", "2", 41), Post("bob", "3", 59)],
        vec![Follow("cy", "ada", 5), Follow("cy", "bob", 30), Follow("cy", "ada", 50)],
        vec![
            Follow("di", "ada", 20),
            Unfollow("di", "ada", 40),
            Follow("di", "ada", 55),
            Unfollow("di", "bob", 56),
        ],
        vec![Follow("eve", "bob", 20), Unfollow("eve", "bob", 20), Follow("eve", "bob", 20)],
        vec![Follow("flo", "ada", 21), Unfollow("flo", "ada", 21), Follow("flo", "bob", 60)],
    ]
}

#[tokio::test]
async fn timelines_depend_on_the_events_alone() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for _ in 0..60 {
        let feed = Feed::open().await;
        let mut keys: Vec<VecDeque<_>> = keys().into_iter().map(VecDeque::from).collect();
        let celebrity_at = rng.i64(0..4);
        loop {
            keys.retain(|key| !key.is_empty());
            let Some(key) = rng.choice(keys.iter_mut()) else { break };
            feed.take(key.pop_front().unwrap(), celebrity_at).await;
        }
        let cy = ["ada/6", "bob/3", "bob/2", "ada/5", "ada/4", "ada/3", "ada/2", "ada/1"];
        assert_eq!(feed.shown("cy").await, cy, "seed {seed}");
        assert_eq!(feed.shown("di").await, ["ada/6", "ada/4", "ada/3", "ada/2"], "seed {seed}");
        assert_eq!(feed.shown("eve").await, ["bob/3", "bob/2", "bob/1"], "seed {seed}");
        assert!(feed.shown("flo").await.is_empty(), "seed {seed}");
        let whole = feed.timeline("cy", 100).await;
        for limit in 1..4 {
            assert_eq!(feed.timeline("cy", limit).await, whole, "by pages of {limit}: seed {seed}");
        }
    }
}

#[tokio::test]
async fn who_becomes_a_celebrity_loses_and_doubles_nothing() {
    let feed = Feed::open().await;
    feed.take(Event::Follow("cy", "ada", 1), 1).await;
    feed.take(Event::Post("ada", "on-write", 10), 1).await;
    feed.take(Event::Follow("di", "ada", 11), 1).await;
    feed.take(Event::Post("ada", "on-read", 12), 1).await;
    feed.take(Event::Unfollow("di", "ada", 13), 1).await;
    feed.take(Event::Post("ada", "on-write-again", 14), 1).await;
    assert_eq!(feed.shown("cy").await, ["ada/on-write-again", "ada/on-read", "ada/on-write"]);
    assert_eq!(feed.shown("di").await, ["ada/on-read"]);
    let rows = feed.database.query("SELECT reader FROM feed_timelines", &[]).await.unwrap();
    assert_eq!(rows.len(), 2, "the middle one is in nobody's rows");
}

#[tokio::test]
async fn one_follow_too_many_is_rejected() {
    let feed = Feed::open().await;
    let mut tx = feed.database.begin().await.unwrap();
    for number in 0..MOST_FOLLOWS {
        let event = Followed { follower: "cy".into(), author: format!("a{number}") };
        follows::begin(&mut tx, &event, time(1)).await.unwrap();
    }
    let event = Followed { follower: "cy".into(), author: "ada".into() };
    let refused = follows::begin(&mut tx, &event, time(1)).await.unwrap_err();
    assert_eq!(*refused.decision(), orderly_sdk::consume::Decision::Reject);
}
