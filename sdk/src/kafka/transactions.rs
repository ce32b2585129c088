//! Writing within transactions. What can be done next is in the types: a [`Ready`] producer begins one,
//! an [`Open`] one takes records and is ended; and of one of which it isn't known how it ended, nothing
//! is left to go on with: only a new producer under the same id finds out, and fences what may still be
//! on its way (KAFKA-17754: the library speaks to brokers as before KIP-890, where a request to end a
//! transaction that comes late ends the next one).

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message as _, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata},
    error::{KafkaError as Native, KafkaResult},
    message::DeliveryResult,
    producer::{Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};

use super::{Assigned, KafkaError, Suspicion, client, names::Names, positions::to_list, producer};
use crate::{Config, OutRecord, faults, record::Coordinates};

/// How a transactional producer behaves.
#[derive(Clone, Debug)]
pub(crate) struct TransactionSettings {
    /// Stable over restarts, and nobody else's: whoever uses it next ends what was left open under it.
    pub(crate) id: String,
    /// An open transaction is aborted by the brokers after this; no longer than a member's session.
    pub(crate) timeout: Duration,
    /// Records on their way at most.
    pub(crate) most_records: usize,
    /// Their bytes, in KiB.
    pub(crate) most_kib: usize,
    /// Whether each record is sent alone: a broker refuses all that a batch has for one of them.
    pub(crate) alone: bool,
}

/// No transaction is open.
pub(crate) struct Ready(Connection);

/// One is.
pub(crate) struct Open(Connection);

/// How one ended.
pub(crate) enum Ended {
    /// Without a producer where a request of it may still be on its way: the next one is to be another's.
    Committed(Option<Ready>),
    /// Nothing of it is seen by anybody who reads what is committed.
    Aborted {
        ready: Ready,
        why: String,
        /// Records that could never be written as they are.
        refused: Vec<Refused>,
    },
    /// It isn't known, or the producer may do nothing more.
    Lost(Lost),
}

/// Why a producer is gone.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) why: String,
    /// Another one has its id, or the brokers had it no longer.
    pub(crate) is_fenced: bool,
}

/// A record that can't be put on its way now.
pub(crate) enum NotSent {
    /// The library's queue is full.
    Full(Sent),
    /// It never can, or the transaction has failed.
    Refused(String),
}

/// What a record was sent for.
pub(crate) enum Sent {
    /// A handler emitted it, on the record there.
    Emitted(Coordinates),
    /// Somebody is to be told its offset. Nobody is where it isn't written: the transaction has failed then.
    Told(Box<dyn FnOnce(i64) + Send + Sync>),
}

/// A record that can't be written as it is.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The record that was handled when it was emitted.
    pub(crate) source: Coordinates,
    pub(crate) why: String,
    /// It may be for others of its batch that it was.
    pub(crate) may_be_others: bool,
}

/// Which member of a group offsets are sent for: a broker refuses those of one that is none any more.
pub(crate) struct Generation(ConsumerGroupMetadata);

struct Connection {
    native: ThreadedProducer<Told>,
    names: Names,
    timeout: Duration,
}

/// Longest until a broker's answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
/// From one try of the same call to its next.
const AGAIN: Duration = Duration::from_millis(50);
/// Longest until what the library said is heard.
const LONGEST_HEARING: Duration = Duration::from_secs(1);
/// Records that can't be written, of one transaction.
const MOST_REFUSED: usize = 100;
/// Properties that the promises rest on.
const FIXED: [(&str, &str); 2] = [("enable.idempotence", "true"), ("acks", "all")];
/// What is heard of connections and of a transaction's end. The library tells of neither otherwise.
const DEBUG: &str = "broker,eos";

impl Generation {
    pub(super) fn of(consumer: &BaseConsumer<impl ConsumerContext>) -> Option<Self> {
        consumer.group_metadata().map(Self)
    }
}

impl Ready {
    /// Connects, ends what was left open under the id, and fences whoever had it. Blocks, no longer than
    /// about a transaction may be open.
    pub(crate) fn connect(
        config: &Config,
        group: &str,
        settings: &TransactionSettings,
        suspicion: Suspicion,
    ) -> Result<Result<Self, Lost>, KafkaError> {
        let names = Names::of(config);
        let mut native = client::base(config, group);
        native
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("transactional.id", &*names.there(&settings.id))
            .set("transaction.timeout.ms", client::millis(settings.timeout))
            .set("message.timeout.ms", client::millis(settings.timeout))
            // The library wants no longer one, and ours is ten seconds.
            .set("socket.timeout.ms", client::millis(settings.timeout.min(LONGEST_ANSWER)))
            .set("queue.buffering.max.messages", (2 * settings.most_records + 1_000).to_string())
            .set("queue.buffering.max.kbytes", (2 * settings.most_kib + 8_192).to_string());
        let mut native = client::finish(native, config, &FIXED)?;
        if settings.alone {
            native.set("batch.num.messages", "1");
        }
        let debug =
            native.get("debug").map_or(DEBUG.to_owned(), |asked| format!("{asked},{DEBUG}"));
        native.set("debug", debug).set_log_level(RDKafkaLogLevel::Debug);
        let is_debugged = config.properties.iter().any(|(name, _)| name == "debug");
        let told = Told {
            suspicion,
            is_debugged,
            is_alone: settings.alone,
            heard: Mutex::default(),
            ended: Condvar::new(),
        };
        let native: ThreadedProducer<Told> = native
            .create_with_context(told)
            .map_err(|e| KafkaError::failed("creating a transactional producer", &e))?;
        let connection = Connection { native, names, timeout: settings.timeout };
        let deadline = Instant::now() + settings.timeout;
        let initialised =
            connection.insist(deadline, |patience| connection.native.init_transactions(patience));
        Ok(match initialised {
            Ok(()) => Ok(Self(connection)),
            Err(Next::Again(error) | Next::Abort(error) | Next::Gone(error)) => {
                Err(Lost::of(&error))
            }
        })
    }

    /// Nothing is told to anybody before the first record.
    pub(crate) fn begin(self) -> Result<Open, Lost> {
        *self.0.told().heard() = Heard::default();
        match self.0.native.begin_transaction() {
            Ok(()) => Ok(Open(self.0)),
            Err(error) => Err(Lost::of(&error)),
        }
    }
}

impl Open {
    /// Puts a record on its way. Those of one partition are written in the order of these calls.
    pub(crate) fn send(&self, record: &OutRecord, sent: Sent) -> Result<(), NotSent> {
        let topic = self.0.names.there(&record.topic);
        let native = producer::to_native(record, &topic, Box::new(sent));
        self.0.native.send(native).map_err(|(error, refused)| {
            let sent = *refused.delivery_opaque;
            if error.rdkafka_error_code() == Some(Code::QueueFull) {
                return NotSent::Full(sent);
            }
            if let Sent::Emitted(source) = sent {
                self.0.told().refuse(source, &error, false);
            }
            NotSent::Refused(error.to_string())
        })
    }

    /// Everything sent, and how far partitions are done, become visible together; or neither does.
    /// Blocks, about as long as a transaction may be open at most.
    pub(crate) fn commit(self, offsets: &[Assigned], generation: &Generation) -> Ended {
        let deadline = Instant::now() + self.0.timeout;
        if let Some(list) = to_list(&self.0.names, offsets)
            && let Err(next) = self.0.send_offsets(&list, generation, deadline)
        {
            return match next {
                Next::Abort(error) => self.abort(&error.to_string()),
                // Whether they were written isn't known.
                Next::Again(error) | Next::Gone(error) => Ended::Lost(Lost::of(&error)),
            };
        }
        self.commit_by(deadline)
    }

    /// Everything sent becomes visible together, or nothing of it: it was read by no group. Blocks as
    /// [`commit`](Self::commit) does.
    pub(crate) fn commit_records(self) -> Ended {
        let deadline = Instant::now() + self.0.timeout;
        self.commit_by(deadline)
    }

    fn commit_by(self, deadline: Instant) -> Ended {
        let committed =
            self.0.insist(deadline, |patience| self.0.native.commit_transaction(patience));
        match committed {
            Ok(()) if self.0.told().may_be_strays() && !is_reused() => Ended::Committed(None),
            Ok(()) => Ended::Committed(Some(Ready(self.0))),
            Err(Next::Abort(error)) => self.abort(&error.to_string()),
            Err(Next::Again(error) | Next::Gone(error)) => Ended::Lost(Lost::of(&error)),
        }
    }

    /// Nothing of it becomes visible. Blocks as [`commit`](Self::commit) does.
    pub(crate) fn abort(self, why: &str) -> Ended {
        let deadline = Instant::now() + self.0.timeout;
        let aborted = self.0.insist(deadline, |patience| self.0.native.abort_transaction(patience));
        match aborted {
            Ok(()) if self.0.told().may_be_strays() && !is_reused() => {
                let why = format!("{why}; a connection was lost meanwhile");
                Ended::Lost(Lost { why, is_fenced: false })
            }
            Ok(()) => {
                let refused = std::mem::take(&mut self.0.told().heard().refused);
                Ended::Aborted { ready: Ready(self.0), why: why.to_owned(), refused }
            }
            Err(Next::Again(error) | Next::Abort(error) | Next::Gone(error)) => {
                Ended::Lost(Lost::of(&error))
            }
        }
    }
}

/// Where that bug is planted.
fn is_reused() -> bool {
    faults::is_planted(faults::PRODUCER_REUSED)
}

/// What follows from an error of a call about a transaction. Decided here only.
enum Next {
    /// The same call, as it said so; the time for it is over.
    Again(Native),
    Abort(Native),
    /// The producer may not be used any more.
    Gone(Native),
}

impl Next {
    /// In this order: what is fatal may be called other things, too.
    fn of(error: Native) -> Self {
        match &error {
            Native::Transaction(said) if said.is_fatal() => Self::Gone(error),
            Native::Transaction(said) if said.txn_requires_abort() => Self::Abort(error),
            Native::Transaction(said) if said.is_retriable() => Self::Again(error),
            // Not everything was written in time; nothing was ended yet.
            Native::Flush(_) => Self::Abort(error),
            _ => Self::Gone(error),
        }
    }
}

impl Connection {
    /// Calls again what the library says is to be called again, to a deadline.
    fn insist(
        &self,
        deadline: Instant,
        call: impl Fn(Duration) -> KafkaResult<()>,
    ) -> Result<(), Next> {
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            let Err(error) = call(patience.max(AGAIN)) else { return Ok(()) };
            self.told().suspicion.weigh(&error);
            match Next::of(error) {
                Next::Again(_) if Instant::now() + AGAIN < deadline => std::thread::sleep(AGAIN),
                over => return Err(over),
            }
        }
    }

    fn send_offsets(
        &self,
        list: &TopicPartitionList,
        generation: &Generation,
        deadline: Instant,
    ) -> Result<(), Next> {
        self.insist(deadline, |patience| {
            self.native.send_offsets_to_transaction(list, &generation.0, patience)
        })
    }

    fn told(&self) -> &Told {
        self.native.context()
    }
}

impl Lost {
    fn of(error: &Native) -> Self {
        let code = match error {
            Native::Transaction(said) => Some(said.code()),
            other => other.rdkafka_error_code(),
        };
        let is_fenced =
            matches!(code, Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch));
        Self { why: error.to_string(), is_fenced }
    }
}

/// What the library tells of a transactional producer.
struct Told {
    suspicion: Suspicion,
    /// Somebody asked to see what the library says.
    is_debugged: bool,
    /// No record shares its batch.
    is_alone: bool,
    heard: Mutex<Heard>,
    /// A transaction's end was answered.
    ended: Condvar,
}

/// Of one transaction.
#[derive(Default)]
struct Heard {
    /// A connection was lost: what was sent by it may still arrive.
    is_cut: bool,
    is_ended: bool,
    refused: Vec<Refused>,
}

impl Told {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests of the transaction that has ended may be on their way twice. What the library says
    /// comes in order: by the answer to its end, all that was lost before is heard. Where that isn't
    /// heard of, it may be.
    fn may_be_strays(&self) -> bool {
        let waiting = |heard: &mut Heard| !heard.is_ended;
        let heard = self.ended.wait_timeout_while(self.heard(), LONGEST_HEARING, waiting);
        let (heard, _) = heard.unwrap_or_else(PoisonError::into_inner);
        heard.is_cut || !heard.is_ended
    }

    fn hear_end(&self) {
        self.heard().is_ended = true;
        self.ended.notify_all();
    }

    fn refuse(&self, source: Coordinates, error: &Native, may_be_others: bool) {
        let mut heard = self.heard();
        if is_final(error) && heard.refused.len() < MOST_REFUSED {
            heard.refused.push(Refused { source, why: error.to_string(), may_be_others });
        }
    }
}

/// Whether a record with this error can never be written.
fn is_final(error: &Native) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::MessageSizeTooLarge
                | Code::InvalidMessage
                | Code::InvalidMessageSize
                | Code::InvalidRecord
                | Code::InvalidTopic
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::UnknownTopicOrPartition
                | Code::TopicAuthorizationFailed
        )
    )
}

impl ClientContext for Told {
    /// `FAIL` is said of every connection that is lost, `REQTMOUT` of requests that weren't answered in
    /// time, each before anything is sent again; `ENDTXN` of the answer to a transaction's end, `TXNCOMMIT`
    /// and `TXNABORT` that there is none to be sent. Nothing else tells: calls succeed when the library has
    /// sent such a request a second time.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        match facility {
            "FAIL" | "REQTMOUT" => self.heard().is_cut = true,
            "ENDTXN" if said.contains("returned NO_ERROR") => self.hear_end(),
            // Nothing was sent in it, so there was nothing to end.
            "TXNCOMMIT" | "TXNABORT" if said.contains("not sending EndTxn") => self.hear_end(),
            _ => {}
        }
        if self.is_debugged || !matches!(level, RDKafkaLogLevel::Debug) {
            tracing::debug!(target: "librdkafka", ?level, facility, "{said}");
        }
    }

    fn error(&self, error: Native, reason: &str) {
        client::log_client_error(&error, reason);
        self.suspicion.weigh(&error);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ProducerContext for Told {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Sent>) {
        match (result, *sent) {
            (Ok(message), Sent::Told(tell)) => tell(message.offset()),
            (Err((error, _)), Sent::Emitted(source)) => {
                self.refuse(source, error, !self.is_alone);
            }
            _ => {}
        }
    }
}
