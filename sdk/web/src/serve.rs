//! From an address that is bound to a graceful end.

use std::{future::IntoFuture as _, io, time::Duration};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accept::Bounded;

/// What a server is bounded by.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Connections open at once; one more waits to be accepted.
    pub most_connections: usize,
    /// A connection that neither sends nor takes anything for so long is closed.
    pub silence: Duration,
    /// What requests may take to end after shutdown; what takes longer is cut.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            most_connections: 10_000,
            silence: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves until `shutdown`: then takes no more connections and lets the requests finish that are
/// being worked on, for `grace` at most.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    bounds: &Bounds,
    shutdown: &CancellationToken,
) -> io::Result<()> {
    let listener = Bounded::new(listener, bounds.most_connections, bounds.silence);
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let too_long = async {
        shutdown.cancelled().await;
        tokio::time::sleep(bounds.grace).await;
    };
    tokio::select! {
        served = server => served,
        () = too_long => {
            tracing::warn!("connections that didn't end in time are cut");
            Ok(())
        }
    }
}
