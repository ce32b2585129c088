//! What the routes answer.

use orderly_examples::Place;
use orderly_sdk::{
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use orderly_testkit::{Answer, Running};
use orderly_web::{Bounds, serve_until};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    fan_out::GROUP,
    follows::{Followed, Unfollowed},
    posts::Posted,
    routes::{Feed, router},
    said::Said,
    tables,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_in_the_topic_once_and_what_is_refused_never() {
    let place = Place::with(&["posts", "follows"], GROUP).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("feed.db").display());
    let database = Database::open(&url).unwrap();
    tables::prepare(&database).await.unwrap();
    let events = Encoders::of("feed").event::<Posted>().event::<Followed>().event::<Unfollowed>();
    let registry = Registry::new(&place.config).unwrap();
    let events = events.register(&place.config, &registry).await.unwrap();
    let emitter = Emitter::connect(&place.config, events, EmitSettings::default()).await.unwrap();
    let router = router(Feed { emitter, database });
    let feed = Running::start(|listener, stop| async move {
        serve_until(listener, router, &Bounds::default(), &stop).await
    })
    .await;
    let http = Client::new();
    let post = async |path: &str, body: Value| {
        Answer::of(http.post(format!("{}{path}", feed.url)).json(&body)).await
    };

    let said = json!({ "author": "ada", "post_id": "1", "text": "hello" });
    let accepted = post("/posts", said.clone()).await.json(202);
    assert!(accepted["written_at"].as_str().unwrap().starts_with("posts-"), "{accepted}");
    post("/posts", said).await.json(202);
    post("/follows", json!({ "follower": "cy", "author": "ada" })).await.json(202);
    let following = format!("{}/follows/cy/ada", feed.url);
    Answer::of(http.delete(&following)).await.json(202);

    for (path, body, field) in [
        ("/posts", json!({ "author": "ada", "post_id": "2" }), "text"),
        ("/posts", json!({ "author": "a b", "post_id": "2", "text": "-" }), "author"),
        ("/posts", json!({ "author": "ada", "post_id": "2", "text": "x".repeat(501) }), "text"),
        ("/follows", json!({ "follower": "ada", "author": "ada" }), "author"),
        ("/follows", json!({ "follower": "ada", "author": "cy", "on": 1 }), "on"),
    ] {
        let problem = post(path, body).await.problem(400, "invalid-request");
        assert_eq!(problem.errors[0].field, field, "{problem:?}");
    }
    let long = json!({ "author": "ada", "post_id": "2", "text": "x".repeat(5_000) });
    post("/posts", long).await.problem(413, "body-too-large");
    for asked in ["limit=0", "limit=101", "limit=x", "before=now", "before=1"] {
        let request = http.get(format!("{}/timelines/cy?{asked}", feed.url));
        Answer::of(request).await.problem(400, "invalid-request");
    }
    let empty = Answer::of(http.get(format!("{}/timelines/cy", feed.url))).await.json(200);
    assert_eq!(empty, json!({ "posts": [], "next": null }));
    Answer::of(http.get(&following)).await.problem(405, "method-not-allowed");
    Answer::of(http.get(&feed.url)).await.problem(404, "no-such-route");

    let told = Said::read(&place.config, "").await.unwrap();
    let posts: Vec<_> = told.posts_of("ada").iter().map(|post| &*post.post_id).collect();
    assert_eq!((posts, told.repeats), (vec!["1"], 1));
    feed.stop().await;
}
