//! Where the client library's errors become ours; but what became of a record that was sent is
//! decided in `producer.rs`.

use rdkafka::{error::KafkaError as Native, types::RDKafkaErrorCode as Code};

use super::watch::KAFKA;
use crate::consume::Unavailable;

/// What Kafka or its client library couldn't do.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// No broker answered in time.
    #[error("no Kafka broker at {bootstrap} answered within {seconds} s; is it running there?")]
    Unreachable {
        /// The addresses tried.
        bootstrap: String,
        /// How long.
        seconds: u64,
        /// What the client saw.
        #[source]
        source: Unavailable,
    },
    /// A broker is there, and closed the door: what to log in with, or a certificate, is wrong. No
    /// waiting helps.
    #[error("the Kafka broker at {bootstrap} and this client don't accept each other: {why}")]
    Refused {
        /// The addresses tried.
        bootstrap: String,
        /// What the client saw.
        why: String,
    },
    /// Whoever hands out the tokens to log in with gave none. It may be away.
    #[error(
        "no token to log in to Kafka with; does sasl.oauthbearer say where to get one, and how?"
    )]
    NoToken(#[source] Unavailable),
    /// The topic isn't there.
    #[error(
        "topic `{0}` doesn't exist in this cluster; `orderly apply` creates what topics.yaml names"
    )]
    NoSuchTopic(String),
    /// A property was refused by the client library.
    #[error("Kafka client configuration: {0}")]
    Configuration(String),
    /// An embedded broker: it has no administration.
    #[error("{doing}: the broker there is an embedded one, which has no administration")]
    Unsupported {
        /// What was being done.
        doing: String,
    },
    /// Anything else, with what was being done.
    #[error("{doing}: {why}")]
    Failed {
        /// What was being done.
        doing: String,
        /// What the client saw.
        why: String,
    },
}

impl KafkaError {
    pub(super) fn unreachable(bootstrap: &str, waited: std::time::Duration, why: &Native) -> Self {
        Self::Unreachable {
            bootstrap: bootstrap.to_owned(),
            seconds: waited.as_secs(),
            source: Unavailable { part: KAFKA, message: why.to_string() },
        }
    }

    pub(super) fn no_token(why: String) -> Self {
        Self::NoToken(Unavailable { part: "issuer", message: why })
    }

    pub(super) fn failed(doing: impl Into<String>, error: &Native) -> Self {
        match error {
            Native::ClientConfig(_, why, name, _) => {
                Self::Configuration(format!("property `{name}`: {why}"))
            }
            Native::ClientCreation(why) => Self::Configuration(why.clone()),
            _ => Self::Failed { doing: doing.into(), why: error.to_string() },
        }
    }

    /// The error of a question that was given `patience`.
    pub(super) fn asked(
        bootstrap: &str,
        patience: std::time::Duration,
        doing: impl Into<String>,
        error: &Native,
    ) -> Self {
        if is_away(error) {
            Self::unreachable(bootstrap, patience, error)
        } else {
            Self::failed(doing, error)
        }
    }
}

/// Whether the fetch error says that records were removed before this reader got to them.
pub(super) fn is_out_of_range(error: &Native) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// Whether it says that no broker could be reached, or none that could do it now.
pub(super) fn is_away(error: &Native) -> bool {
    let code = match error {
        Native::AdminOp(code) => Some(*code),
        _ => error.rdkafka_error_code(),
    };
    matches!(
        code,
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                // The library threw its connection away while it waited for an answer.
                | Code::DestroyBroker
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::MessageTimedOut
                | Code::Resolve
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::BrokerNotAvailable
                | Code::NotEnoughReplicas
                | Code::NotEnoughReplicasAfterAppend
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
        )
    )
}

/// Whether a partition's leader isn't ready yet, or another one by now.
pub(super) fn is_between_leaders(error: &Native) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable)
    )
}

/// Whether the library knows of no such partition, or of nobody who leads it.
pub(super) fn is_unknown_partition(error: &Native) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::UnknownPartition))
}

/// Whether a broker was found, but TLS or SASL failed.
pub(super) fn is_refusal(error: &Native) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::Authentication | Code::SSL))
}

/// Whether it passes by itself: the library goes on trying.
pub(super) fn is_transient(error: &Native) -> bool {
    !matches!(error, Native::MessageConsumptionFatal(_))
        && !matches!(
            error.rdkafka_error_code(),
            Some(
                Code::Fatal
                    | Code::Fenced
                    | Code::FencedInstanceId
                    | Code::GroupAuthorizationFailed
                    | Code::TopicAuthorizationFailed
                    | Code::InvalidConfig
            )
        )
}
