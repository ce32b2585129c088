//! What is committed: an effect and the event that tells of it, in one transaction.

use std::sync::Arc;

use orderly_sdk::{Meta, OutRecord, codec::Encoders};
use orderly_stores::Database;
use tokio::{sync::mpsc, task::JoinSet};

use super::{KEYS, Place, relay::Relay};
use crate::{
    Error,
    event::Measured,
    keys::{Keys, Skew},
    open_loop::{IS_WARM_UP, now, pace},
    postgres::connect,
};

/// Transactions at once: more than ever wait at the set rate.
const CONNECTIONS: &str = "?pool_size=16";
/// Of what is committed in advance, records a transaction.
const AT_ONCE: usize = 1_000;
/// What is committed before anything is measured.
pub(super) const WARM_UP: u64 = 2_000;

const EFFECTS: &str = "CREATE TABLE effects (number BIGINT NOT NULL)";
const EFFECT: &str = "INSERT INTO effects (number) VALUES ($1)";

/// One of a set rate; times in microseconds since 1970.
pub(super) struct Commit {
    number: u64,
    pub(super) due_at: i64,
    pub(super) asked_at: i64,
}

/// Who commits.
pub(super) struct Committer {
    relay: Relay,
    database: Database,
    encoders: Encoders,
    topic: String,
}

impl Committer {
    pub(super) async fn ready(relay: &Relay, place: &Place) -> Result<Arc<Self>, Error> {
        connect(&place.database).await?.batch_execute(EFFECTS).await?;
        Ok(Arc::new(Self {
            relay: relay.clone(),
            database: Database::open(&format!("{}{CONNECTIONS}", place.database.url()))?,
            encoders: place.encoders.clone(),
            topic: place.topic(),
        }))
    }

    /// What isn't measured, so that every part was used before.
    pub(super) async fn warm_up(self: &Arc<Self>) -> Result<(), Error> {
        self.in_advance(WARM_UP, IS_WARM_UP, 10).await
    }

    /// So many events in the order of their numbers, as fast as they go.
    pub(super) async fn backlog(self: &Arc<Self>, count: u64) -> Result<(), Error> {
        self.in_advance(count, now(), AT_ONCE).await
    }

    /// A transaction each, so many of them, so many a second, whatever becomes of those before.
    pub(super) async fn at_rate(
        self: &Arc<Self>,
        rate: u32,
        count: u64,
    ) -> Result<Vec<Commit>, Error> {
        let (due, mut dues) = mpsc::unbounded_channel();
        let pacing = tokio::task::spawn_blocking(move || {
            // Who hears it is there until the last was sent.
            pace(rate.into(), count, |number, due_at| Ok(due.send((number, due_at))?))
        });
        let mut committing = JoinSet::new();
        let mut keys = Keys::new(KEYS, Skew::Uniform);
        while let Some((number, due_at)) = dues.recv().await {
            let event = Measured::new(keys.next().unwrap_or_default(), number, due_at);
            let committer = Arc::clone(self);
            committing.spawn(async move { committer.commit(&event).await });
        }
        pacing.await??;
        let mut commits = Vec::new();
        while let Some(commit) = committing.join_next().await {
            commits.push(commit??);
        }
        commits.sort_unstable_by_key(|commit| commit.number);
        Ok(commits)
    }

    async fn commit(&self, event: &Measured) -> Result<Commit, Error> {
        let record = self.encoders.record(event, &Meta::new(self.encoders.source()))?;
        let mut tx = self.database.begin().await?;
        tx.execute(EFFECT, &[i64::try_from(event.number())?.into()]).await?;
        self.relay.insert(&mut tx, &self.topic, &[record]).await?;
        let asked_at = now();
        tx.commit().await?;
        Ok(Commit { number: event.number(), due_at: event.placed_at, asked_at })
    }

    async fn in_advance(
        self: &Arc<Self>,
        count: u64,
        placed_at: i64,
        at_once: usize,
    ) -> Result<(), Error> {
        let (encoded, mut parts) = mpsc::channel::<Vec<OutRecord>>(2);
        let encoders = self.encoders.clone();
        let encoding = tokio::task::spawn_blocking(move || {
            let numbers: Vec<u64> = (0..count).collect();
            let mut keys = Keys::new(KEYS, Skew::Uniform);
            for part in numbers.chunks(at_once) {
                let record = |number: &u64| {
                    let event = Measured::new(keys.next().unwrap_or_default(), *number, placed_at);
                    encoders.record(&event, &Meta::new(encoders.source()))
                };
                encoded.blocking_send(part.iter().map(record).collect::<Result<_, _>>()?)?;
            }
            Ok::<_, Error>(())
        });
        while let Some(part) = parts.recv().await {
            let mut tx = self.database.begin().await?;
            self.relay.insert(&mut tx, &self.topic, &part).await?;
            tx.commit().await?;
        }
        encoding.await?
    }
}
