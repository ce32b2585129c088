//! What the service gets from whoever starts it.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_schemas::{
    ContactGiven, OrderCancellationRequested, OrderCollected, OrderPlaced, OrderReturned,
};
use orderly_sdk::{
    Health,
    codec::{Declared, Encoders},
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use orderly_web::ApiKeys;

use crate::{Live, Redis, order::Prices};

/// Asked before each `POST /orders`. An error's text says why no order is taken just now; the
/// caller reads it. It must answer at once.
pub type Admission = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The parts and the bounds of one order-api.
#[derive(Clone)]
pub struct Settings {
    /// Of [`declares`], with [`emit_settings`] of the same deadline: as [`connect`](crate::connect)
    /// gives it.
    pub emitter: Emitter,
    /// Keeps what Idempotency-Keys stand for; replicas that share callers share it.
    pub database: Database,
    /// Base URL of the history service, `http://host:port`.
    pub history: String,
    /// Base URL of the notification service, `http://host:port`; `None`: it isn't asked.
    pub notifications: Option<String>,
    /// Longest that one question to the history or the notification service may take.
    pub history_timeout: Duration,
    /// Within this a POST is answered, whatever happens. Also the lease of an Idempotency-Key.
    pub deadline: Duration,
    /// How long the answer to an Idempotency-Key is kept.
    pub keep_answers: Duration,
    /// Who is let in, what they may see and how often they may ask.
    pub keys: ApiKeys,
    /// Requests for orders being worked on at once; one more is answered 503.
    pub most_requests: usize,
    /// Connections open at once; one more waits to be accepted.
    pub most_connections: usize,
    /// Where prices come from.
    pub prices: Prices,
    /// Orders to be followed live; `None`: not here. Its streams have room of their own beside
    /// [`most_requests`](Self::most_requests) and [`most_connections`](Self::most_connections).
    pub live: Option<Live>,
    /// Where replicas share what was read of orders; `None`: each keeps its own.
    pub redis: Option<Redis>,
    /// Answers about orders that are kept in this process, for moments, and their bytes.
    pub most_kept: (usize, usize),
    /// Whether an order may be taken just now; `None`: always.
    pub admission: Option<Admission>,
    /// What `/metrics` shows; `None`: nothing. Its upkeep is the owner's.
    pub metrics: Option<PrometheusHandle>,
}

impl Settings {
    /// These parts, the usual bounds, and prices as given. Everybody is let in until there are other
    /// [`keys`](Self::keys).
    pub fn new(emitter: Emitter, database: Database, history: impl Into<String>) -> Self {
        Self {
            emitter,
            database,
            history: history.into(),
            notifications: None,
            history_timeout: Duration::from_secs(3),
            deadline: Duration::from_secs(10),
            keep_answers: Duration::from_secs(24 * 60 * 60),
            keys: ApiKeys::anonymous(),
            most_requests: 4_096,
            most_connections: 10_000,
            prices: Prices::AsGiven,
            live: None,
            redis: None,
            most_kept: (4_096, 16 * 1024 * 1024),
            admission: None,
            metrics: None,
        }
    }
}

/// Every event type that the service emits.
pub fn declares() -> Declared {
    Encoders::of("order-api")
        .event::<OrderPlaced>()
        .event::<OrderCancellationRequested>()
        .event::<OrderCollected>()
        .event::<OrderReturned>()
        .event::<ContactGiven>()
}

/// How the emitter of a service with this deadline should behave: no waiting for batches, since
/// somebody awaits each acknowledgement, and given up early enough that the caller still hears
/// whether the order was written.
pub fn emit_settings(deadline: Duration) -> EmitSettings {
    EmitSettings {
        linger: Duration::ZERO,
        delivery_timeout: Some(deadline * 4 / 5),
        room_timeout: deadline / 2,
        health: Health::of("order-api"),
        ..EmitSettings::default()
    }
}
