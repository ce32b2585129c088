//! The limit: the rows that we made, copied into staging and upserted from there into the same tables.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};
use history::ReadModel;
use orderly_harness::TestDatabase;
use orderly_stores::{Database, Positions};
use tokio_postgres::{Client, Row};

use super::Job;
use crate::{
    Error,
    postgres::{connect, database},
    round::Round,
};

/// Rows of one transaction.
pub(super) const ROWS_AT_ONCE: usize = 5_000;
/// Tables, and what an upsert does with a row that is there.
const TABLES: [(&str, &str); 3] = [
    (
        "history_orders",
        "ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, \
         status_sequence = excluded.status_sequence, stage = excluded.stage",
    ),
    ("history_lines", "ON CONFLICT (order_id, line_no) DO NOTHING"),
    ("history_timeline", "ON CONFLICT (order_id, event_id) DO NOTHING"),
];

/// Times as the peer reads them, in milliseconds since 1970.
const TIMELINE: &str = "
    SELECT order_id, (to_jsonb(t) || jsonb_build_object('happened_at',
        (extract(epoch FROM happened_at) * 1000)::bigint))::text
    FROM history_timeline AS t";

/// What is in the tables.
pub(super) struct Tables {
    /// Of each table, in COPY's text format, as many rows as are written at once.
    parts: Vec<(usize, Vec<Bytes>)>,
    sums: Vec<(i64, i64)>,
    /// What happened, a row each: its order, and all of it as JSON.
    pub(super) timeline: Vec<(String, String)>,
}

impl Tables {
    pub(super) async fn of(database: &TestDatabase) -> Result<Self, Error> {
        let client = connect(database).await?;
        let mut parts = Vec::new();
        for (table, _) in TABLES {
            parts.push(dump(&client, table).await?);
        }
        let timeline = client.query(TIMELINE, &[]).await?;
        let row = |row: &Row| Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?));
        let timeline = timeline.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { parts, sums: sums(&client).await?, timeline })
    }

    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|(rows, _)| *rows as u64).sum()
    }

    /// An error where the database has other rows than these.
    pub(super) async fn compare(&self, database: &TestDatabase) -> Result<(), Error> {
        let found = sums(&connect(database).await?).await?;
        if found == self.sums {
            return Ok(());
        }
        Err(format!("rows and their hashes are {found:?}, not {:?}", self.sums).into())
    }
}

/// One round, held against the rows that are expected.
pub(super) async fn round(job: Job, tables: Arc<Tables>) -> Result<Round, Error> {
    let database = database(&job.postgres).await?;
    let opened = Database::open(database.url())?;
    ReadModel::open(&opened).await?;
    Positions::new(opened, "bench").prepare().await?;
    let mut client = connect(&database).await?;
    for (table, _) in TABLES {
        let staging = format!("CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DELETE ROWS");
        client.batch_execute(&staging).await?;
    }
    let began = Instant::now();
    for ((table, on_conflict), (_, parts)) in TABLES.iter().zip(&tables.parts) {
        let upsert = format!("INSERT INTO {table} SELECT * FROM new_{table} {on_conflict}");
        let upsert = client.prepare(&upsert).await?;
        for part in parts {
            let tx = client.transaction().await?;
            let copy = tx.copy_in(&format!("COPY new_{table} FROM STDIN")).await?;
            let mut copy = std::pin::pin!(copy);
            copy.send(part.clone()).await?;
            copy.finish().await?;
            tx.execute(&upsert, &[]).await?;
            tx.commit().await?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    tables.compare(&database).await?;
    Ok(Round { records: tables.rows(), seconds, is_cut: false })
}

/// A table's rows, a line each, put together.
async fn dump(client: &Client, table: &str) -> Result<(usize, Vec<Bytes>), Error> {
    let out = client.copy_out(&format!("COPY {table} TO STDOUT")).await?;
    // Postgres sends a message for each row.
    let rows: Vec<Bytes> = out.try_collect().await?;
    let parts = rows.chunks(ROWS_AT_ONCE).map(|rows| Bytes::from(rows.concat())).collect();
    Ok((rows.len(), parts))
}

/// Of each table, how many rows it has, and the sum of their hashes.
async fn sums(client: &Client) -> Result<Vec<(i64, i64)>, Error> {
    let mut sums = Vec::new();
    for (table, _) in TABLES {
        let sum = format!(
            "SELECT count(*), coalesce(sum(hashtext(t::text)), 0)::bigint FROM {table} AS t"
        );
        let row = client.query_one(&sum, &[]).await?;
        sums.push((row.try_get(0)?, row.try_get(1)?));
    }
    Ok(sums)
}
