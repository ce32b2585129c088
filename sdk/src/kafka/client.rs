//! Client configuration: what the SDK sets by itself, and the user's properties over it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext, Offset,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    message::DeliveryResult,
    producer::ProducerContext,
    types::RDKafkaErrorCode,
};

use super::{KafkaError, errors};
use crate::{Config, HAS_TLS, lacks};

/// Errors that wait to be told of; the library repeats itself.
const MOST_ERRORS: usize = 1_000;

/// What every client has.
pub(super) fn base(config: &Config, client_id: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.bootstrap)
        .set("client.id", client_id)
        .set("topic.metadata.refresh.interval.ms", "60000")
        .set("reconnect.backoff.max.ms", "2000")
        // A broker that says nothing more is a sign after this, and not after a minute.
        .set("socket.timeout.ms", "10000")
        .set_log_level(RDKafkaLogLevel::Warning);
    if HAS_TLS {
        // An OpenSSL of our own doesn't know where this system keeps whom it trusts.
        client.set("ssl.ca.location", "probe");
    }
    client
}

/// Lets the user's properties win, but for those that a promise stands on.
pub(super) fn finish(
    client: ClientConfig,
    config: &Config,
    fixed: &[(&str, &str)],
) -> Result<ClientConfig, KafkaError> {
    finish_with(client, config, fixed, |_| true)
}

/// The same for one that joins no group: what belongs to a member means nothing there, or is refused.
pub(super) fn finish_ungrouped(
    client: ClientConfig,
    config: &Config,
    fixed: &[(&str, &str)],
) -> Result<ClientConfig, KafkaError> {
    let is_for_all = |name: &str| {
        let of_a_member = ["group.", "session.timeout", "heartbeat.", "partition.assignment"];
        !of_a_member.iter().any(|prefix| name.starts_with(prefix))
    };
    finish_with(client, config, fixed, is_for_all)
}

fn finish_with(
    mut client: ClientConfig,
    config: &Config,
    fixed: &[(&str, &str)],
    takes: impl Fn(&str) -> bool,
) -> Result<ClientConfig, KafkaError> {
    lacks::properties_fit(config).map_err(|e| KafkaError::Configuration(e.to_string()))?;
    for (name, value) in config.properties.iter().filter(|(name, _)| takes(name)) {
        if let Some((_, ours)) = fixed.iter().find(|(fixed, ours)| fixed == name && ours != value) {
            return Err(KafkaError::Configuration(format!(
                "property `{name}` must stay `{ours}`: what Orderly promises rests on it"
            )));
        }
        client.set(name, value);
        if name == "debug" {
            // Who asks for it wants to see it: it comes to `tracing` under the target `librdkafka`.
            client.set_log_level(RDKafkaLogLevel::Debug);
        }
    }
    for (name, value) in fixed {
        client.set(*name, *value);
    }
    Ok(client)
}

/// Where a reader without a position begins.
pub(super) fn oldest(config: &Config) -> Offset {
    if config.from_first { Offset::Offset(0) } else { Offset::Beginning }
}

pub(super) fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// How the library begins to say that it couldn't get a token to log in with.
const NO_TOKEN: &str = "Failed to acquire SASL OAUTHBEARER token";

/// Passes the library's own log lines and errors to `tracing`, at their level; and keeps why a
/// broker didn't let us in.
#[derive(Default)]
pub(super) struct Logged {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    refusal: Option<String>,
    /// Asked for once in ten seconds only, so that it stands until a broker answers.
    no_token: Option<String>,
}

impl Logged {
    /// Why a broker didn't let this client in since it was asked last.
    pub(super) fn refusal(client: &BaseConsumer<Self>, within: Duration) -> Option<String> {
        // What happened is told by polling only, one error at a time. With no time at all it would
        // end at the first log line.
        for _ in 0..MOST_ERRORS {
            if client.poll(within).is_none() {
                break;
            }
        }
        client.context().kept().refusal.take()
    }

    /// Why there was no token for this client when it asked last.
    pub(super) fn no_token(&self) -> Option<String> {
        self.kept().no_token.clone()
    }

    /// A broker answered.
    pub(super) fn answered(&self) {
        self.kept().no_token = None;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Logged {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        if reason.starts_with(NO_TOKEN) {
            self.kept().no_token = Some(reason.to_owned());
        } else if errors::is_refusal(&error) {
            self.kept().refusal = Some(reason.to_owned());
        }
        log_client_error(&error, reason);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for Logged {}

impl ProducerContext for Logged {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Set when an embedded broker of this process goes: what its last clients then report is no news.
pub(super) static IS_BROKER_GONE: AtomicBool = AtomicBool::new(false);

/// The library reports here what it will try again by itself.
pub(super) fn log_client_error(error: &rdkafka::error::KafkaError, reason: &str) {
    // Readers ask to be told of ends: that is no error. That all brokers are away is said again and again;
    // whoever waits for them says it, too.
    let is_known = matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AllBrokersDown)
    );
    if is_known || IS_BROKER_GONE.load(Ordering::Relaxed) {
        tracing::debug!(%error, reason, "Kafka client");
    } else {
        tracing::warn!(%error, reason, "Kafka client");
    }
}
