//! A provider of a test's own, and what is asked of it.

use std::{any::Any, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::Listener;
use fulfilment_payment::{
    Http, HttpSettings, Operation, PaymentError, Provider, Reply, Request, Simulated,
    sandbox_router,
};
use orderly_harness::decide;
use orderly_https::Trust;
use orderly_stores::Database;
use tokio::net::TcpListener;

use crate::tls::Authority;

/// A provider, and the sandbox behind it.
pub(crate) struct Place {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) simulated: Simulated,
    url: String,
    /// What it stands on, removed with it.
    _ground: Box<dyn Any + Send + Sync>,
}

impl Place {
    pub(crate) async fn simulated_on_sqlite(_test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("p.db").display());
        Some(Self::on(url, Box::new(dir)).await)
    }

    /// On a Postgres, if there is one.
    pub(crate) async fn simulated_on_postgres(test: &str) -> Option<Self> {
        let database = decide(test, orderly_harness::parts::postgres().await)?;
        Some(Self::on(database.url().to_owned(), Box::new(database)).await)
    }

    pub(crate) async fn over_http(test: &str) -> Option<Self> {
        let mut place = Self::simulated_on_sqlite(test).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/sandbox", place.serve(listener));
        place.provider = Arc::new(http(&base, Duration::from_secs(20)));
        Some(place)
    }

    /// Behind TLS, by an authority that is trusted.
    pub(crate) async fn over_https(test: &str) -> Option<Self> {
        let mut place = Self::simulated_on_sqlite(test).await?;
        let authority = Authority::new("ours");
        let listener = authority.vouch(&["localhost"]).listen().await;
        let base = format!("https://localhost:{}/sandbox", place.serve(listener).port());
        let trust = Trust::with(Some(&authority.pem())).unwrap();
        place.provider = Arc::new(https(&base, trust));
        Some(place)
    }

    /// Answers on that listener; where.
    pub(crate) fn serve<L: Listener<Addr = SocketAddr>>(&self, listener: L) -> SocketAddr {
        let at = listener.local_addr().unwrap();
        let app = axum::Router::new().nest("/sandbox", sandbox_router(self.simulated.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        at
    }

    async fn on(url: String, ground: Box<dyn Any + Send + Sync>) -> Self {
        let simulated = Simulated::open(Database::open(&url).unwrap()).await.unwrap();
        let provider = Arc::new(simulated.clone());
        Self { provider, simulated, url, _ground: ground }
    }

    /// The same, as another process opens it.
    pub(crate) async fn elsewhere(&self) -> Simulated {
        Simulated::open(Database::open(&self.url).unwrap()).await.unwrap()
    }

    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, PaymentError> {
        self.provider.perform(request).await
    }

    /// Done, as nothing else was expected.
    pub(crate) async fn done(&self, request: &Request) -> String {
        self.ask(request).await.unwrap().reference
    }

    /// Refused, for a reason that has `part` in it.
    pub(crate) async fn refused(&self, request: &Request, part: &str) {
        match self.ask(request).await {
            Err(PaymentError::Refused(why)) if why.contains(part) => {}
            other => panic!("{request:?}: {other:?}, and {part:?} was expected"),
        }
    }
}

pub(crate) fn http(base: &str, timeout: Duration) -> Http {
    Http::new(HttpSettings { timeout, ..settings(base, Trust::with(None).unwrap()) }).unwrap()
}

pub(crate) fn https(base: &str, trust: Trust) -> Http {
    Http::new(settings(base, trust)).unwrap()
}

pub(crate) fn settings(base: &str, trust: Trust) -> HttpSettings {
    let timeout = Duration::from_secs(20);
    HttpSettings { base_url: base.into(), trust, api_key: "sk_test_secret".into(), timeout }
}

/// Asks for 20.00 EUR to be set aside, for order `o1`.
pub(crate) fn authorise(key: &str, token: &str) -> Request {
    request(key, Operation::Authorise { token: token.into() }, "20.00")
}

pub(crate) fn capture(key: &str, reference: &str, amount: &str) -> Request {
    request(key, Operation::Capture { reference: reference.into() }, amount)
}

pub(crate) fn void(key: &str, reference: &str) -> Request {
    request(key, Operation::Void { reference: reference.into() }, "20.00")
}

pub(crate) fn refund(key: &str, reference: &str, amount: &str) -> Request {
    request(key, Operation::Refund { reference: reference.into() }, amount)
}

fn request(key: &str, operation: Operation, amount: &str) -> Request {
    Request {
        key: key.into(),
        order_id: "o1".into(),
        operation,
        amount: amount.parse().unwrap(),
        currency: "EUR".into(),
    }
}
