//! Asks the feed over HTTP, and again where it is to be asked again.

use std::time::Duration;

use orderly_examples::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::timeline::Page;

const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// One who asks. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    /// Of the feed at this address.
    pub fn new(url: String) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { http, url })
    }

    /// Posts, for certain.
    pub async fn post(&self, author: &str, post_id: &str, text: &str) -> Result {
        let body = json!({ "author": author, "post_id": post_id, "text": text });
        self.until_accepted(Method::POST, "/posts", &body).await
    }

    /// Follows, for certain.
    pub async fn follow(&self, follower: &str, author: &str) -> Result {
        let body = json!({ "follower": follower, "author": author });
        self.until_accepted(Method::POST, "/follows", &body).await
    }

    /// Follows no longer, for certain.
    pub async fn unfollow(&self, follower: &str, author: &str) -> Result {
        let path = format!("/follows/{follower}/{author}");
        self.until_accepted(Method::DELETE, &path, &Value::Null).await
    }

    /// A page of somebody's timeline.
    pub async fn page(&self, user: &str, before: Option<&str>, limit: usize) -> Result<Page> {
        let before = before.map(|cursor| format!("&before={cursor}")).unwrap_or_default();
        let url = format!("{}/timelines/{user}?limit={limit}{before}", self.url);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// What wasn't written or may not be is sent again as it was: that does nothing twice.
    async fn until_accepted(&self, method: Method, path: &str, body: &Value) -> Result {
        let mut pause = FIRST_PAUSE;
        for _ in 0..ATTEMPTS {
            let request = self.http.request(method.clone(), format!("{}{path}", self.url));
            let answer = request.json(body).send().await?;
            match answer.status() {
                StatusCode::ACCEPTED => return Ok(()),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                status => {
                    return Err(format!("{path}: {status}: {}", answer.text().await?).into());
                }
            }
        }
        Err(format!("{path}: not accepted in {ATTEMPTS} attempts").into())
    }
}
