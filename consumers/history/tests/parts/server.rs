//! The service with no members: its read API alone.

use history::{Error, Settings, run};
use orderly_sdk::Config;
use orderly_stores::Database;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub struct Server {
    url: String,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), Error>>,
}

impl Server {
    pub async fn start(db: &Database) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Nothing listens there, and nobody asks.
        let config = Config::new("127.0.0.1:1", "http://127.0.0.1:1");
        let mut settings = Settings::new(config, db.clone(), "test");
        settings.members = 0;
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(run(settings, Some(listener), shutdown.clone()));
        Self { url, shutdown, running }
    }

    pub async fn get(&self, path: &str) -> Response {
        reqwest::get(format!("{}{path}", self.url)).await.unwrap()
    }

    /// The body of an answer that must be 200.
    pub async fn ok(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// The detail of a problem that must have this status.
    pub async fn problem(&self, path: &str, status: StatusCode) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["status"], status.as_u16());
        body["detail"].as_str().unwrap().to_owned()
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}
