use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use orderly_sdk::emit::Emitter;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;

/// Longest that the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether orders can be taken, and which part is in the way.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// All parts are ready.
    ready: bool,
    /// Of each part `ok`, or what is wrong.
    parts: Parts,
}

#[derive(Serialize, ToSchema)]
struct Parts {
    /// The way to Kafka.
    emitter: String,
    /// Where Idempotency-Keys are kept.
    database: String,
    /// Whether prices are known.
    prices: String,
    /// Whether there is room for more orders.
    load: String,
    /// Where reads are shared. It is in nobody's way: without it each replica keeps its own.
    cache: String,
    /// The service itself: it may be about to end.
    service: String,
}

/// Whether orders can be taken.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses(
        (status = 200, description = "Ready.", body = Readiness),
        (status = 503, description = "Not ready; says which part is not.", body = Readiness),
    )
)]
pub(super) async fn readyz(State(service): State<Arc<Service>>) -> (StatusCode, Json<Readiness>) {
    let settings = &service.settings;
    let asked = tokio::time::timeout(PATIENCE, service.placing.records.can_read()).await;
    let away = |part| settings.emitter.health().absence(part).map(|absence| absence.why);
    let parts = Parts {
        emitter: told(way_to_kafka(&settings.emitter)),
        database: match asked {
            Ok(Ok(())) => told(away("database").map_or(Ok(()), Err)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it doesn't answer".to_owned(),
        },
        prices: told(settings.prices.missing()),
        load: told(settings.admission.as_ref().map_or(Ok(()), |admit| admit())),
        cache: told(service.cache.trouble().map_or(Ok(()), Err)),
        service: if service.shutdown.is_cancelled() { "it is ending".into() } else { told(Ok(())) },
    };
    // The cache isn't asked: orders are taken and read without it.
    let ready = [&parts.emitter, &parts.database, &parts.prices, &parts.load, &parts.service]
        .iter()
        .all(|part| *part == "ok");
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, parts }))
}

/// An emitter that is beyond help, or brokers that don't answer.
fn way_to_kafka(emitter: &Emitter) -> Result<(), String> {
    let away = || emitter.health().absence("kafka").map(|absence| absence.why);
    emitter.fatal_error().or_else(away).map_or(Ok(()), Err)
}

fn told(part: Result<(), String>) -> String {
    part.err().unwrap_or_else(|| "ok".to_owned())
}
