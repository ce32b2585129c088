//! Sends the oldest records, and marks as sent what was acknowledged.

use std::{
    collections::HashSet,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use orderly_sdk::{
    OutRecord,
    emit::{EmitError, Emitter, Pending},
};
use orderly_stores::{Outbox, StoreError};
use tokio_util::sync::CancellationToken;

use crate::producers::Producers;

/// How often it looks whether the producer is given up.
const LOOK: Duration = Duration::from_millis(50);

/// An acknowledgement that takes longer is a sign that the brokers are away.
const LONG: Duration = Duration::from_secs(2);

/// What became of a batch.
pub(crate) struct Relayed {
    /// Records that are in Kafka and no more in the outbox.
    pub(crate) sent: usize,
    /// The first that isn't: its row and why. One that is refused for good counts before others,
    /// which may have failed because of it.
    pub(crate) failed: Option<(i64, EmitError)>,
}

/// One batch of at most `most` records. Waits for their outcomes until `give_up`; what has none by then
/// stays in the outbox.
pub(crate) async fn relay_batch(
    outbox: &mut Outbox,
    producers: &Producers,
    most: u32,
    give_up: &CancellationToken,
) -> Result<Relayed, StoreError> {
    let taken = outbox.take(most).await?;
    let mut failures = Failures::default();
    let mut under_way: Vec<Vec<UnderWay>> = producers.iter().map(|_| Vec::new()).collect();
    let emitters: Vec<_> = producers.iter().collect();
    for (row, record) in taken {
        let (place, lane) = (producers.place_of(&record), Lane::of(&record));
        match emitters[place].send_encoded(record).await {
            Ok(pending) => under_way[place].push(UnderWay { row, lane, pending }),
            Err(error) => {
                // Nothing goes past it, so nothing has to go again either.
                failures.note(row, error);
                break;
            }
        }
    }
    let settling = emitters.into_iter().zip(under_way);
    let settling = settling.map(|(emitter, records)| settle(emitter, records, give_up));
    let mut sent = Vec::new();
    for (acknowledged, failed) in join_all(settling).await {
        sent.extend(acknowledged);
        failures.merge(failed);
    }
    outbox.sent(&sent).await?;
    metrics::counter!("orderly_outbox_relayed_total").increment(sent.len() as u64);
    Ok(Relayed { sent: sent.len(), failed: failures.first })
}

/// A record that its producer has.
struct UnderWay {
    row: i64,
    lane: Lane,
    pending: Pending,
}

/// Waits for what became of one producer's records; says which are written.
async fn settle(
    emitter: &Emitter,
    under_way: Vec<UnderWay>,
    give_up: &CancellationToken,
) -> (Vec<i64>, Failures) {
    let (mut sent, mut failures) = (Vec::with_capacity(under_way.len()), Failures::default());
    let (mut breaking, mut is_broken) = (pin!(broken(emitter)), false);
    for UnderWay { row, lane, pending } in under_way {
        let outcome = tokio::select! {
            biased;
            outcome = pending => outcome,
            () = give_up.cancelled() => break,
            () = async { if !is_broken { breaking.as_mut().await } } => {
                // A producer that is given up keeps what it hasn't sent, and says nothing of it.
                is_broken = true;
                failures.lanes.insert(lane);
                continue;
            }
        };
        match outcome {
            // Behind one that failed it goes again, so that it is behind it in the topic, too.
            Ok(_) if failures.lanes.contains(&lane) => {}
            Ok(_) => sent.push(row),
            Err(error) => {
                failures.lanes.insert(lane);
                failures.note(row, error);
            }
        }
    }
    (sent, failures)
}

/// Waits until nothing more goes by this producer. Where that takes long it has it asked whether the
/// brokers are there: nothing is given up here, so that no failure would tell.
async fn broken(emitter: &Emitter) {
    let (mut again, mut asked) = (tokio::time::interval(LOOK), Instant::now());
    while emitter.fatal_error().is_none() {
        again.tick().await;
        if asked.elapsed() > LONG {
            asked = Instant::now();
            emitter.doubt_brokers();
        }
    }
}

/// Whether the record will never be taken.
pub(crate) fn is_final(error: &EmitError) -> bool {
    matches!(error, EmitError::NotWritten(error) if error.is_final)
}

/// Topic and key: what order holds in.
#[derive(PartialEq, Eq, Hash)]
struct Lane {
    topic: Arc<str>,
    key: Option<Vec<u8>>,
}

impl Lane {
    fn of(record: &OutRecord) -> Self {
        Self { topic: Arc::clone(&record.topic), key: record.key.clone() }
    }
}

/// Of some records.
#[derive(Default)]
struct Failures {
    first: Option<(i64, EmitError)>,
    lanes: HashSet<Lane>,
}

impl Failures {
    fn note(&mut self, row: i64, error: EmitError) {
        let counts = match &self.first {
            None => true,
            Some((known_row, known)) => (!is_final(&error), row) < (!is_final(known), *known_row),
        };
        if counts {
            self.first = Some((row, error));
        }
    }

    /// Those of another producer's, which are of other keys.
    fn merge(&mut self, others: Self) {
        if let Some((row, error)) = others.first {
            self.note(row, error);
        }
    }
}
