//! A bare connection to a benchmark's database, and how far something in it is.

use std::time::{Duration, Instant};

use orderly_harness::{Postgres, TestDatabase};
use tokio_postgres::{Client, NoTls};

use crate::{Error, round::Round};

/// A database of its own, for a round.
pub(crate) async fn database(postgres: &Postgres) -> Result<TestDatabase, Error> {
    postgres.database().await.map_err(|why| format!("a database: {why}").into())
}

/// Connects; the connection ends with the client.
pub(crate) async fn connect(database: &TestDatabase) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// From when something is first seen to be done until all `records` are. `count` says how many are, and
/// fails as long as its table isn't there; it is asked every so often, which is to cost little. Cut after
/// `limit`.
pub(crate) async fn until_all(
    client: &Client,
    (count, every): (&str, Duration),
    records: u64,
    limit: Duration,
) -> Result<Round, Error> {
    let started = Instant::now();
    let mut first: Option<(Instant, u64)> = None;
    loop {
        let done = match client.query_one(count, &[]).await {
            Ok(row) => u64::try_from(row.try_get::<_, i64>(0)?)?,
            Err(why) if client.is_closed() => return Err(why.into()),
            Err(_) => 0,
        };
        let now = Instant::now();
        if done > records {
            return Err(format!("{done} are done, of {records}").into());
        }
        if done > 0 && first.is_none() {
            first = Some((now, done));
        }
        let is_cut = done < records && started.elapsed() > limit;
        if done == records || is_cut {
            let (began, before) = first.ok_or("nothing was done in time")?;
            let seconds = (now - began).as_secs_f64();
            return Ok(Round { records: done - before, seconds, is_cut });
        }
        tokio::time::sleep(every).await;
    }
}
