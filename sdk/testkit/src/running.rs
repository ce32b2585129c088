//! A service in a test's own process, and waiting for what it does.

use std::{error::Error, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

type Failed = Box<dyn Error + Send + Sync>;

/// A service that answers on a port of its own.
pub struct Running {
    /// Where.
    pub url: String,
    service: JoinHandle<Result<(), Failed>>,
    shutdown: CancellationToken,
}

impl Running {
    /// Runs what `run` makes of a listener, until it is to stop.
    pub async fn start<R, E>(run: impl FnOnce(TcpListener, CancellationToken) -> R) -> Self
    where
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let running = run(listener, shutdown.clone());
        let service = tokio::spawn(async move { running.await.map_err(Failed::from) });
        Self { url, service, shutdown }
    }

    /// Ends it: within a time, and without an error.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.service).await;
        ended.unwrap_or_else(|_| panic!("it doesn't end")).unwrap().unwrap();
    }
}

/// Waits until the condition holds; fails the test after 90 s.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let asking = async {
        let mut again = tokio::time::interval(Duration::from_millis(10));
        while !condition().await {
            again.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "never: {what}");
}
