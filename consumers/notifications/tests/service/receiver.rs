//! A receiver of webhooks, and a provider of text messages: they keep what they got and answer as they
//! are told.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};

/// One request.
#[derive(Clone, Debug)]
pub struct Got {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: String,
    pub at: Instant,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    Status(u16),
    /// 503 with Retry-After.
    After(u64),
    RedirectTo(SocketAddr),
    /// 200, after so long.
    Later(Duration),
    /// Nothing.
    Silence,
}

/// By path, one after the other, the last one for ever; 200 where there are none.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub replies: HashMap<String, VecDeque<Reply>>,
    /// What is said with 2xx.
    pub says: String,
    pub got: Vec<Got>,
}

#[derive(Clone)]
pub struct Receiver {
    pub at: SocketAddr,
    state: watch::Sender<State>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let receiver = Self { at: listener.local_addr().unwrap(), state: watch::Sender::default() };
        let routes = Router::new().route("/{path}", post(answer)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.at)
    }

    pub fn replies(&self, path: &str, replies: &[Reply]) {
        let replies = replies.iter().copied().collect();
        self.state.send_modify(|state| drop(state.replies.insert(path.to_owned(), replies)));
    }

    pub fn says(&self, text: &str) {
        self.state.send_modify(|state| text.clone_into(&mut state.says));
    }

    pub fn got(&self, path: &str) -> Vec<Got> {
        self.state.borrow().got.iter().filter(|got| got.path == path).cloned().collect()
    }

    /// Waits until so many came on a path.
    pub async fn until(&self, path: &str, count: usize) -> Vec<Got> {
        let mut states = self.state.subscribe();
        let enough =
            |state: &State| state.got.iter().filter(|got| got.path == path).count() >= count;
        let waiting = tokio::time::timeout(Duration::from_secs(90), states.wait_for(enough)).await;
        drop(waiting.unwrap_or_else(|_| panic!("{path}: {} of {count}", self.got(path).len())));
        self.got(path)
    }
}

async fn answer(
    Shared(receiver): Shared<Receiver>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let headers = headers.iter();
    let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    let got = Got { path: path.clone(), headers, body, at: Instant::now() };
    let (mut reply, mut says) = (Reply::Status(200), String::new());
    receiver.state.send_modify(|state| {
        if let Some(replies) = state.replies.get_mut(&path) {
            reply = match replies.len() {
                1 => replies[0],
                _ => replies.pop_front().unwrap_or(reply),
            };
        }
        state.got.push(got);
        says.clone_from(&state.says);
    });
    match reply {
        Reply::Status(status) => (StatusCode::from_u16(status).unwrap(), says).into_response(),
        Reply::After(seconds) => {
            let after = [("retry-after", seconds.to_string())];
            (StatusCode::SERVICE_UNAVAILABLE, after).into_response()
        }
        Reply::RedirectTo(at) => {
            let to = [("location", format!("http://{at}/elsewhere"))];
            (StatusCode::TEMPORARY_REDIRECT, to).into_response()
        }
        Reply::Later(wait) => {
            tokio::time::sleep(wait).await;
            (StatusCode::OK, says).into_response()
        }
        Reply::Silence => std::future::pending().await,
    }
}
