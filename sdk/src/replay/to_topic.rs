//! A copy of what a topic has now, in another one: each record once, also where it is killed, and run
//! again, or the brokers are.
//!
//! Records are written in transactions under an id that is the same for every run from this topic to that
//! one; so whatever an earlier run left open has ended before this one looks. How far earlier ones came is
//! said by what they wrote: each copy names what it was made of. No group is joined, no offset committed.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::time::{sleep, sleep_until, timeout};

use super::{REPLAYED_FROM, ReplayError, came_from};
use crate::{
    Config, OutRecord, away,
    kafka::{
        Ended, KafkaError, NotSent, Open, Probe, Read, Reader, Ready, Sent, Suspicion,
        TransactionSettings,
    },
    record::{Coordinates, InRecord, RecordHeaders, TopicPartition},
};

/// What brokers know the client by.
const CLIENT: &str = "orderly-replay";
/// A transaction is ended when it has so many records, or so many bytes, or is so old.
const MOST_RECORDS: usize = 5_000;
const MOST_BYTES: usize = 8 << 20;
const OLDEST: Duration = Duration::from_secs(1);
/// The brokers abort one that is open for longer, where this process is dead.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Transactions that fail in a row, at most, and the wait after one.
const MOST_FAILURES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(500);
/// Until there is room in the client library's queue.
const ROOM: Duration = Duration::from_millis(5);

/// From a topic to another, as far as the first goes now.
pub struct ToTopic {
    config: Config,
    source: Arc<str>,
    target: Arc<str>,
    /// What is copied of each partition, by its number.
    spans: Vec<Span>,
    /// Partitions of the target.
    targets: i32,
    per_second: Option<NonZeroU32>,
}

/// A part of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The partition's number.
    pub partition: i32,
    /// Offset of the first record that may be in it.
    pub from: i64,
    /// Offset behind the last one.
    pub to: i64,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Records that this run copied: they are committed.
    pub records: u64,
    /// Offsets that are done, of all that the plan has; an earlier run's are among them.
    pub offsets: u64,
    /// Transactions that came to nothing, and were done again.
    pub aborted: u32,
}

/// By source partition, the offset of what is next.
type Positions = Vec<i64>;

impl ToTopic {
    /// What there is to be copied now. Both topics must be there; reads no record.
    pub async fn plan(config: &Config, source: &str, target: &str) -> Result<Self, ReplayError> {
        let [source, target] = [source, target].map(Arc::<str>::from);
        if source == target {
            return Err(ReplayError::Itself(source));
        }
        let probe = Probe::new(config)?;
        let targets = probe.partitions(&target).await?;
        let spans = written(config, &source).await?;
        Ok(Self { config: config.clone(), source, target, spans, targets, per_second: None })
    }

    /// Records a second, at most.
    #[must_use]
    pub fn at_most(self, per_second: Option<NonZeroU32>) -> Self {
        Self { per_second, ..self }
    }

    /// What is copied, by partition; offsets may have gaps.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether each record stays in the partition of its number. Else it goes by its key, as any
    /// producer would have it: a key's records keep their order in either case.
    pub fn keeps_partitions(&self) -> bool {
        i32::try_from(self.spans.len()) == Ok(self.targets)
    }

    /// Copies: keys, values, headers and timestamps as they are, [`REPLAYED_FROM`] besides. Goes on where
    /// an earlier run ended. Returns when all of the plan is committed; `told` hears how far it is after
    /// each transaction.
    ///
    /// Where a transaction is open in the source before the plan's ends, it waits for that to end.
    /// A record is copied once, as read_committed sees it, as long as the target keeps the last copy of
    /// each partition. What is removed from the source meanwhile isn't copied.
    pub async fn run(self, mut told: impl FnMut(&Copied)) -> Result<Copied, ReplayError> {
        let mut copied = Copied::default();
        let mut failures = Failures::default();
        let mut alone = false;
        let (mut positions, mut ready, mut source) = (None, None, None);
        // Else what is in them could be passed over.
        until_decided(&self.config, &self.source, &self.spans).await?;
        loop {
            let producer = match ready.take() {
                Some(ready) => ready,
                None => match self.connect(alone).await? {
                    Ok(ready) => ready,
                    Err(why) => {
                        failures.wait(why).await?;
                        continue;
                    }
                },
            };
            // Asked for behind the producer: nothing of an earlier one comes any more.
            let at = match &positions {
                Some(at) => at,
                None => match self.so_far().await {
                    Ok(so_far) => {
                        source = None;
                        positions.insert(so_far)
                    }
                    Err(error) if away(&error).is_some() => {
                        failures.wait(error.to_string()).await?;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            copied.offsets = self.done(at);
            told(&copied);
            if self.is_done(at) {
                return Ok(copied);
            }
            let reading = match &mut source {
                Some(reading) => reading,
                None => source.insert(self.read(at.clone())?),
            };
            let open = match producer.begin() {
                Ok(open) => open,
                Err(lost) => {
                    positions = None;
                    failures.wait(lost.why).await?;
                    continue;
                }
            };
            let (open, filled) = self.fill(reading, open).await;
            let filled = match filled {
                Ok(filled) => filled,
                Err(error) => {
                    // Else what is in it holds up readers until the brokers abort it.
                    end(open, Err(error.to_string())).await?;
                    return Err(error);
                }
            };
            match end(open, filled).await? {
                (Ended::Committed(next), records) => {
                    copied.records += records;
                    failures = Failures::default();
                    // Without a producer somebody else may write before the next one is there.
                    positions = next.is_some().then(|| reading.next.clone());
                    ready = next.filter(|_| !alone);
                    alone = false;
                }
                (Ended::Aborted { ready: next, why, refused }, _) => {
                    if let Some(refused) = refused.iter().find(|it| !it.may_be_others) {
                        let (at, why) = (refused.source.clone(), refused.why.clone());
                        return Err(ReplayError::Refused { at, target: self.target, why });
                    }
                    // Which of a batch it is shows when each goes alone.
                    alone = !refused.is_empty();
                    if alone {
                        positions = None;
                    } else {
                        (ready, source) = (Some(next), None);
                    }
                    copied.aborted += 1;
                    failures.wait(why).await?;
                }
                (Ended::Lost(lost), _) if lost.is_fenced => {
                    let (from, to) = (self.source, self.target);
                    return Err(ReplayError::TakenOver { from, to, why: lost.why });
                }
                // Whether it was committed is seen when it is looked at again.
                (Ended::Lost(lost), _) => {
                    positions = None;
                    copied.aborted += 1;
                    failures.wait(lost.why).await?;
                }
            }
        }
    }

    /// Ends what an earlier run left open, and fences who still runs. What keeps it from that may pass.
    async fn connect(&self, alone: bool) -> Result<Result<Ready, String>, ReplayError> {
        let config = self.config.clone();
        let settings = TransactionSettings {
            // No topic's name has a slash.
            id: format!("{CLIENT}/{}/{}", self.source, self.target),
            timeout: TIMEOUT,
            most_records: MOST_RECORDS,
            most_kib: MOST_BYTES / 1_024,
            alone,
        };
        let connecting = move || Ready::connect(&config, CLIENT, &settings, Suspicion::default());
        Ok(blocking(connecting).await??.map_err(|lost| lost.why))
    }

    /// How far earlier runs came, by what they wrote.
    async fn so_far(&self) -> Result<Positions, ReplayError> {
        let mut positions: Positions = self.spans.iter().map(|span| span.from).collect();
        let there = written(&self.config, &self.target).await?;
        // Others' transactions, which hide what was committed behind them.
        until_decided(&self.config, &self.target, &there).await?;
        let mut reading = Reading::of(&self.config, &self.target, &there, None)?;
        while let Some(record) = reading.next(Duration::MAX).await? {
            let from = record.header_str(REPLAYED_FROM).and_then(came_from::parse);
            let Some(from) = from.filter(|from| from.partition.topic == self.source) else {
                continue;
            };
            let number = usize::try_from(from.partition.partition).ok();
            if let Some(position) = number.and_then(|number| positions.get_mut(number)) {
                *position = (*position).max(from.offset + 1);
            }
        }
        // A run that planned later may have come further.
        let now = written(&self.config, &self.source).await?;
        let beyond = now.iter().zip(&positions).find(|(span, at)| **at > span.to);
        if let Some((span, at)) = beyond {
            let (topic, partition) = (Arc::clone(&self.source), span.partition);
            let partition = TopicPartition { topic, partition };
            let copied = Coordinates { partition, offset: at - 1 };
            return Err(ReplayError::Another { copied, target: Arc::clone(&self.target) });
        }
        Ok(positions)
    }

    fn read(&self, from: Positions) -> Result<Reading, ReplayError> {
        Reading::of(&self.config, &self.source, &self.spans, Some(from))
    }

    /// Sends what comes next, as much as a transaction is to have. Says how many, or why it can't be
    /// committed.
    async fn fill(
        &self,
        reading: &mut Reading,
        open: Open,
    ) -> (Open, Result<Result<u64, String>, ReplayError>) {
        let (mut began, mut records, mut bytes) = (Instant::now(), 0, 0);
        while records < MOST_RECORDS && bytes < MOST_BYTES {
            if records == 0 {
                began = Instant::now();
            }
            let Some(left) = OLDEST.checked_sub(began.elapsed()) else { break };
            let record = match reading.next(left).await {
                Ok(Some(record)) => record,
                Ok(None) if reading.is_done() => break,
                Ok(None) => continue,
                Err(error) => return (open, Err(error)),
            };
            if let Some(per_second) = self.per_second {
                reading.keep_pace(per_second).await;
            }
            let copy = self.copy(&record);
            bytes += copy.size();
            records += 1;
            let mut sent = Sent::Emitted(record.at().clone());
            loop {
                match open.send(&copy, sent) {
                    Ok(()) => break,
                    Err(NotSent::Full(back)) => sent = back,
                    Err(NotSent::Refused(why)) => return (open, Ok(Err(why))),
                }
                sleep(ROOM).await;
            }
        }
        (open, Ok(Ok(records as u64)))
    }

    fn copy(&self, record: &InRecord) -> OutRecord {
        let partition = record.at().partition.partition;
        let partition = match record.key() {
            Some(_) if !self.keeps_partitions() => None,
            _ => Some(partition % self.targets),
        };
        let mut headers = RecordHeaders::default();
        // A copy's copy is that of the copy: else headers would grow with each lap.
        for (name, value) in record.headers().filter(|(name, _)| *name != REPLAYED_FROM) {
            headers.push(name, value);
        }
        headers.push(REPLAYED_FROM, record.at().to_string().as_bytes());
        OutRecord {
            topic: Arc::clone(&self.target),
            partition,
            key: record.key().map(<[u8]>::to_vec),
            payload: record.payload().map(<[u8]>::to_vec),
            headers,
            timestamp_ms: record.timestamp().map_or(0, |at| at.timestamp_millis()),
        }
    }

    fn is_done(&self, at: &Positions) -> bool {
        self.spans.iter().zip(at).all(|(span, at)| *at >= span.to)
    }

    fn done(&self, at: &Positions) -> u64 {
        let done = self.spans.iter().zip(at);
        let done = done.map(|(span, at)| (*at).clamp(span.from, span.to) - span.from);
        done.map(i64::unsigned_abs).sum()
    }
}

/// Ends a transaction.
async fn end(open: Open, filled: Result<u64, String>) -> Result<(Ended, u64), ReplayError> {
    let ending = move || match filled {
        Ok(records) => (open.commit_records(), records),
        Err(why) => (open.abort(&why), 0),
    };
    blocking(ending).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ReplayError> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        KafkaError::Failed { doing: "writing a transaction".into(), why: panic.to_string() }.into()
    })
}

/// Where each partition begins and ends now, what isn't committed yet among it.
async fn written(config: &Config, topic: &Arc<str>) -> Result<Vec<Span>, ReplayError> {
    let config = config.clone().with_property("isolation.level", "read_uncommitted");
    spans(&Probe::new(&config)?, topic).await
}

/// Waits until of all that was written there it is known whether it is committed. A transaction that is
/// open is ended by who has it, or by the brokers when it times out.
async fn until_decided(
    config: &Config,
    topic: &Arc<str>,
    written: &[Span],
) -> Result<(), ReplayError> {
    let probe = Probe::new(config)?;
    let mut is_told = false;
    loop {
        let decided = spans(&probe, topic).await?;
        let open = written.iter().zip(&decided).find(|(written, now)| now.to < written.to);
        let Some((Span { partition, .. }, _)) = open else { return Ok(()) };
        if !is_told {
            tracing::warn!(%topic, partition, "waits for a transaction there to end");
            is_told = true;
        }
        sleep(AGAIN).await;
    }
}

/// Where each partition begins and ends now, for who asks so.
async fn spans(probe: &Probe, topic: &Arc<str>) -> Result<Vec<Span>, ReplayError> {
    let mut spans = Vec::new();
    for partition in 0..probe.partitions(topic).await? {
        let at = TopicPartition { topic: Arc::clone(topic), partition };
        let (from, to) = probe.ends(&at).await?;
        spans.push(Span { partition, from, to });
    }
    Ok(spans)
}

/// A topic's spans, read from some positions to their ends.
struct Reading {
    topic: Arc<str>,
    reader: Reader,
    next: Positions,
    ends: Vec<i64>,
    /// When the next record may be sent.
    due: tokio::time::Instant,
}

impl Reading {
    /// `None`: from the beginning.
    fn of(
        config: &Config,
        topic: &Arc<str>,
        spans: &[Span],
        from: Option<Positions>,
    ) -> Result<Self, ReplayError> {
        let reader = Reader::of(config, topic)?;
        let next = from.unwrap_or_else(|| spans.iter().map(|span| span.from).collect());
        let ends: Vec<_> = spans.iter().map(|span| span.to).collect();
        for ((span, next), end) in spans.iter().zip(&next).zip(&ends) {
            if next < end {
                reader.read(span.partition, Some(*next));
            }
        }
        let due = tokio::time::Instant::now();
        Ok(Self { topic: Arc::clone(topic), reader, next, ends, due })
    }

    fn is_done(&self) -> bool {
        self.next.iter().zip(&self.ends).all(|(next, end)| next >= end)
    }

    /// The next record; `None` where all is read, or nothing came for so long. Behind an open transaction
    /// nothing comes until that has ended.
    async fn next(&mut self, patience: Duration) -> Result<Option<InRecord>, ReplayError> {
        let deadline = Instant::now().checked_add(patience);
        while !self.is_done() {
            let left =
                deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            let Ok(read) = timeout(left, self.reader.next()).await else { return Ok(None) };
            match read.ok_or_else(|| ReplayError::ReaderEnded(Arc::clone(&self.topic)))?? {
                Read::End(partition, at) => {
                    self.reach(partition, at);
                }
                Read::Record(record) => {
                    let at = record.at();
                    if self.reach(at.partition.partition, at.offset + 1) {
                        return Ok(Some(record));
                    }
                }
            }
        }
        Ok(None)
    }

    /// All before that offset is read. Whether that is new, and of the span.
    fn reach(&mut self, partition: i32, next: i64) -> bool {
        let number = usize::try_from(partition).unwrap_or(usize::MAX);
        let (Some(known), Some(end)) = (self.next.get_mut(number), self.ends.get(number)) else {
            return false;
        };
        let is_new = *known < next && next <= *end;
        *known = next.clamp(*known, (*end).max(*known));
        is_new
    }

    async fn keep_pace(&mut self, per_second: NonZeroU32) {
        sleep_until(self.due).await;
        // What wasn't used is no credit.
        let now = tokio::time::Instant::now();
        self.due = self.due.max(now - OLDEST) + Duration::from_secs(1) / per_second.get();
    }
}

/// Transactions that came to nothing, in a row.
#[derive(Default)]
struct Failures(u32);

impl Failures {
    /// One more; an error where they are too many.
    async fn wait(&mut self, why: String) -> Result<(), ReplayError> {
        self.0 += 1;
        if self.0 == MOST_FAILURES {
            return Err(ReplayError::Failing { times: self.0, why });
        }
        tracing::warn!(why, "a transaction came to nothing");
        sleep(AGAIN * self.0).await;
        Ok(())
    }
}
