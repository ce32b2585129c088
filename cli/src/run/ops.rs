//! `/healthz`, `/readyz` and `/metrics`, on an address of their own: not for the public.

use std::{future::IntoFuture as _, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::Health;
use orderly_stores::Database;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the metrics' histograms are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Longest that the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Ops {
    health: Health,
    database: Database,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
}

/// Serves until `ended`. From `shutdown` on the service isn't ready any more.
pub(super) async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    health: Health,
    database: Database,
    shutdown: CancellationToken,
    ended: CancellationToken,
) {
    let ops = Ops { health, database, metrics: metrics.clone(), shutdown };
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
    // Who has nothing to do doesn't notice that the database went.
    let asked = tokio::time::timeout(PATIENCE, ops.database.query("SELECT 1", &[])).await;
    let database = match asked {
        Ok(Ok(_)) => "ok".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it doesn't answer".to_owned(),
    };
    let known = ops.health.snapshot();
    let is_ending = ops.shutdown.is_cancelled();
    let is_ready = known.is_ready && !is_ending && database == "ok";
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = json!({
        "ready": is_ready,
        "started": known.has_started,
        "ending": is_ending,
        "database": database,
        "parts": known.parts,
        "members": known.members,
    });
    (status, Json(said))
}
