//! How a consumer works exactly once: what its handlers emit, its offsets with what is done beyond them,
//! its dead letters and parked marks become visible in one transaction.

use std::time::Duration;

use super::{Begun, ConsumeError, Failure, Scope, Unit};
use crate::{Config, OutRecord, kafka::KafkaError};

/// One member of an exactly-once group, for [`Consumer::exactly_once`](super::Consumer::exactly_once).
#[derive(Clone, Debug)]
pub struct ExactlyOnce {
    pub(super) member: String,
    pub(super) every: Duration,
    pub(super) records: usize,
    timeout: Option<Duration>,
}

impl ExactlyOnce {
    /// The member with that name among its group's: the same after a restart, and no other's at the same time,
    /// as the ordinal of a replica. Its transactional id is `<group>.<member>`. A successor under the same
    /// name ends at once what was left open; under another one it waits for that to time out.
    pub fn as_member(name: impl Into<String>) -> Self {
        Self {
            member: name.into(),
            every: Duration::from_millis(100),
            records: 10_000,
            timeout: None,
        }
    }

    /// A transaction is committed when it has been open for so long, 100 ms by default: about as long a reader
    /// of what is committed waits. Each costs a few requests and a marker in every partition written to:
    /// below 20 to 50 ms that is most of the work.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Or sooner, when it has so many records, 10,000 by default: those done, or those emitted, whichever are more.
    #[must_use]
    pub fn of_records(mut self, records: usize) -> Self {
        self.records = records.max(1);
        self
    }

    /// Longest that a transaction may be open or take to end; then the brokers abort it. So long readers of
    /// what is committed wait for what a member left open that died or stands still. At most the session
    /// timeout of the group; by default that, but no more than 10 s.
    #[must_use]
    pub fn timing_out(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// When one times out. A transaction that outlived its member's session would hold up the successor.
    ///
    /// # Errors
    /// What doesn't go together.
    pub(super) fn timeout(&self, config: &Config) -> Result<Duration, ConsumeError> {
        let said = config.consumer_properties.iter().chain(&config.properties).rev();
        let session = said
            .filter(|(name, _)| name == "session.timeout.ms")
            .find_map(|(_, millis)| millis.parse().ok().map(Duration::from_millis));
        let session = session.unwrap_or(USUAL_SESSION);
        let timeout = self.timeout.unwrap_or(USUAL_TIMEOUT.min(session));
        if timeout > session || self.every >= timeout {
            return Err(ConsumeError::Kafka(KafkaError::Configuration(format!(
                "a transaction is open for {:?} and times out after {timeout:?}; that must be longer, and no \
                 longer than the group's session timeout of {session:?} (session.timeout.ms)",
                self.every
            ))));
        }
        Ok(timeout)
    }
}

const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The library's, and a broker's for KIP-848 groups.
const USUAL_SESSION: Duration = Duration::from_secs(45);

/// The scope of an exactly-once consumer: what a handler emits is held until it returns Ok, and then sent in
/// the member's open transaction. What the handler does outside of Kafka isn't in it.
pub struct Transactional(pub(super) ());

impl Scope for Transactional {
    type Tx = ();

    const KNOWS_EVENTS: bool = false;
    const HANDS_OVER: bool = true;

    async fn begin(&self, _: &Unit<'_>) -> Result<Begun<()>, Failure> {
        Ok(Begun::Fresh(()))
    }

    /// Batches only, which emit nothing.
    async fn commit(&self, (): (), _: &Unit<'_>, _: Vec<OutRecord>) -> Result<(), Failure> {
        Ok(())
    }
}
