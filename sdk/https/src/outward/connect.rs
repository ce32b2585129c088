//! A connection to what a stranger named. A name is looked up here, and what is connected to is one of
//! the addresses that were checked: a name that leads elsewhere at the next question gains nothing.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Allowed, Destination};

type Failed = Box<dyn Error + Send + Sync>;

/// What a name leads to.
pub(crate) type Resolve =
    fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Addresses of one name that are tried.
const MOST_TRIED: usize = 4;

/// Connects to public addresses and to those that are allowed.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) allowed: Arc<[Allowed]>,
    resolve: Resolve,
}

impl Guarded {
    pub(crate) fn new(allowed: Arc<[Allowed]>) -> Self {
        Self { allowed, resolve: by_the_system }
    }

    #[cfg(test)]
    pub(crate) fn resolving(allowed: &[&str], resolve: Resolve) -> Self {
        Self { allowed: allowed.iter().map(|text| text.parse().unwrap()).collect(), resolve }
    }

    async fn connect(self, to: Uri) -> Result<TokioIo<TcpStream>, Failed> {
        let destination = Destination::of(&to, &self.allowed)?;
        let found = match destination.address {
            Some(address) => vec![SocketAddr::new(address, destination.port)],
            None => (self.resolve)(destination.host.clone(), destination.port).await?,
        };
        // One that leads inside is enough: who named it knows, and the next answer may be another.
        for at in &found {
            destination.check(at.ip(), &self.allowed)?;
        }
        let mut last = io::Error::other("its name leads to no address");
        for at in found.into_iter().take(MOST_TRIED) {
            match TcpStream::connect(at).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(TokioIo::new(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }
}

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().connect(to))
    }
}

fn by_the_system(
    host: String,
    port: u16,
) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}
