//! Our side: the history service itself, in this process, into a database of its own.

use std::{sync::Arc, time::Duration};

use history::Settings;
use orderly_harness::TestDatabase;
use orderly_stores::Database;
use tokio_util::sync::CancellationToken;

use super::{Job, copied::Tables};
use crate::{
    Error,
    postgres::{connect, database, until_all},
    round::Round,
};

/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(90);
/// How many records of its topics the group is through with: the position moves with the rows.
const DONE: (&str, Duration) =
    ("SELECT coalesce(sum(next_offset), 0)::bigint FROM positions", Duration::from_millis(10));

/// One round, held against the rows that are expected.
pub(super) async fn round(job: Job, expected: Arc<Tables>) -> Result<Round, Error> {
    let (round, database) = run(&job).await?;
    if !round.is_cut {
        expected.compare(&database).await?;
    }
    let part = |events: u64| events * expected.rows() / job.events;
    Ok(Round { records: part(round.records), ..round })
}

/// The rows that the events come to.
pub(super) async fn rows(job: &Job) -> Result<Tables, Error> {
    let (round, database) = run(job).await?;
    if round.is_cut {
        return Err(format!("history didn't read its topics in {} s", LIMIT.as_secs()).into());
    }
    Tables::of(&database).await
}

/// Counts events.
async fn run(job: &Job) -> Result<(Round, TestDatabase), Error> {
    let database = database(&job.postgres).await?;
    let stop = CancellationToken::new();
    let settings = Settings::new(job.config.clone(), Database::open(database.url())?, "bench");
    let running = tokio::spawn(history::run(settings, None, stop.clone()));
    let client = connect(&database).await?;
    let round = until_all(&client, DONE, job.events, LIMIT).await;
    stop.cancel();
    running.await??;
    Ok((round?, database))
}
