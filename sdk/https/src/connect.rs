//! A connection within a time. The client library's own bound is on TCP alone, and a handshake could
//! take for ever.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{Trust, outward::Guarded};

type Https = HttpsConnector<Tcp>;
type Failed = Box<dyn Error + Send + Sync>;

/// To whom there may be connections.
#[derive(Clone)]
pub(crate) enum Tcp {
    /// To whoever our settings name.
    Named(HttpConnector),
    /// To what strangers name.
    Guarded(Guarded),
}

#[derive(Clone)]
pub(crate) struct Connect {
    https: Https,
    within: Duration,
}

impl Connect {
    pub(crate) fn new(trust: &Trust, within: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false); // or it refuses the addresses that TLS goes on top of
        tcp.set_nodelay(true);
        Self { https: HttpsConnector::from((Tcp::Named(tcp), trust.config())), within }
    }

    pub(crate) fn guarded(trust: &Trust, within: Duration, guarded: Guarded) -> Self {
        Self { https: HttpsConnector::from((Tcp::Guarded(guarded), trust.config())), within }
    }
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        match self {
            Self::Named(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Guarded(tcp) => tcp.poll_ready(cx),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self {
            Self::Named(tcp) => {
                let connecting = tcp.call(to);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Self::Guarded(tcp) => tcp.call(to),
        }
    }
}

impl Service<Uri> for Connect {
    type Response = <Https as Service<Uri>>::Response;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, within) = (self.https.call(to), self.within);
        Box::pin(async move {
            match tokio::time::timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} ms", within.as_millis()).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{AskError, Bounds, Client};

    #[tokio::test]
    async fn a_handshake_without_an_end_is_no_connection() {
        // Its connections are there as far as TCP knows, and nobody speaks TLS on them.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("https://{}/", listener.local_addr().unwrap());
        let connect = Duration::from_millis(100);
        let bounds = Bounds { connect, whole: Duration::from_secs(60), bytes: 1 };
        let client = Client::new(&Trust::with(None).unwrap(), bounds);
        let failed = client.ask(Request::post(to).body(Vec::new()).unwrap()).await;
        assert_eq!(failed, Err(AskError::NotReached("no connection within 100 ms".into())));
    }
}
