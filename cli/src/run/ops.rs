//! `/healthz`, `/readyz` and `/metrics`, on an address of their own: not for the public.

use std::{future::IntoFuture as _, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::Health;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the metrics' histograms are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Ops {
    health: Health,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
}

/// Serves until `ended`. From `shutdown` on the service isn't ready any more.
pub(super) async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    health: Health,
    shutdown: CancellationToken,
    ended: CancellationToken,
) {
    let ops = Ops { health, metrics: metrics.clone(), shutdown };
    let routes = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(async |State(ops): State<Ops>| ops.metrics.render()))
        .with_state(ops);
    let tidying = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        served = axum::serve(listener, routes).into_future() => {
            if let Err(error) = served {
                tracing::error!(%error, "health and metrics are no longer served");
            }
        }
        () = tidying => {}
        () = ended.cancelled() => {}
    }
}

async fn readyz(State(ops): State<Ops>) -> (StatusCode, Json<Value>) {
    let known = ops.health.snapshot();
    let is_ending = ops.shutdown.is_cancelled();
    let is_ready = known.is_ready && !is_ending;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = json!({
        "ready": is_ready,
        "started": known.has_started,
        "ending": is_ending,
        "parts": known.parts,
        "members": known.members,
    });
    (status, Json(said))
}
