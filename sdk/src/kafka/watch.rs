//! Whether the brokers are away. A client that sees signs of it raises a suspicion; they are away
//! once they don't answer a question either, and back when they answer one.

use std::{sync::Arc, time::Duration};

use rdkafka::error::KafkaError as Native;
use tokio::{sync::Notify, task::JoinHandle};

use super::{Probe, errors};
use crate::{Config, Health};

/// The part's name.
pub(crate) const KAFKA: &str = "kafka";
/// How long a question waits for its answer, and how long the next one waits.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// Watches as long as it lives.
pub(crate) struct Watch {
    suspicion: Suspicion,
    task: JoinHandle<()>,
}

/// Where signs that the brokers are away are told. Cheap to clone and to tell.
#[derive(Clone, Default)]
pub(crate) struct Suspicion(Arc<Notify>);

impl Watch {
    /// Asks nothing as long as nothing is suspected.
    pub(crate) fn start(config: &Config, health: &Health) -> Self {
        health.needs(KAFKA);
        let suspicion = Suspicion::default();
        let mut config = config.clone();
        config.connect_timeout = PATIENCE;
        let task = tokio::spawn(watch(config, health.clone(), suspicion.clone()));
        Self { suspicion, task }
    }

    pub(crate) fn suspicion(&self) -> &Suspicion {
        &self.suspicion
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Suspicion {
    pub(crate) fn raise(&self) {
        self.0.notify_one();
    }

    /// Raised where the error is a sign.
    pub(super) fn weigh(&self, error: &Native) {
        if errors::is_away(error) {
            self.raise();
        }
    }
}

async fn watch(config: Config, health: Health, suspicion: Suspicion) {
    loop {
        suspicion.0.notified().await;
        let probe = match Probe::new(&config) {
            Ok(probe) => probe,
            Err(error) => {
                tracing::warn!(%error, "nobody can ask whether the brokers are there");
                return;
            }
        };
        let mut away = None;
        while let Err(error) = probe.answers().await {
            if away.is_none() {
                tracing::warn!(%error, "Kafka is away");
            }
            let told = health.away(KAFKA, &error.to_string());
            drop(away.replace(told));
            tokio::time::sleep(PAUSE).await;
        }
        if away.is_some() {
            tracing::info!(bootstrap = %config.bootstrap, "Kafka is back");
        }
        // Closing a client blocks for a moment.
        tokio::task::spawn_blocking(move || drop(probe));
    }
}
