//! Runs statements on one connection, each prepared once.

mod bind;
mod numeric;
mod read;

use std::pin::pin;

use deadpool_postgres::Client;
use futures::TryStreamExt as _;
use tokio_postgres::{RowStream, Statement, types::ToSql};

use super::{DIALECT, errors};
use crate::{Row, StoreError, Value, row::Found};
use bind::Bound;

/// More texts than the services have between them.
const MOST_PREPARED: usize = 256;
/// Rows that go to the server in one statement.
const MOST_A_STATEMENT: usize = 10_000;

pub(super) async fn execute(
    client: &Client,
    sql: &str,
    values: &[Value],
) -> Result<u64, StoreError> {
    let statement = prepare(client, sql).await?;
    gives_no_rows(sql, &statement)?;
    let bound = bind::one(sql, &statement, values)?;
    let done = client.execute_raw(&statement, &bound).await;
    done.map_err(|error| errors::from_statement(sql, &error))
}

pub(super) async fn execute_many(
    client: &Client,
    sql: &str,
    rows: &[Vec<Value>],
) -> Result<u64, StoreError> {
    let mut changed = 0;
    for rows in rows.chunks(MOST_A_STATEMENT) {
        let statement = prepare(client, sql).await?;
        gives_no_rows(sql, &statement)?;
        let columns: Vec<Vec<Bound<'_>>> = bind::many(sql, &statement, rows)?;
        let columns = columns.iter().map(|column| column as &(dyn ToSql + Sync));
        let done = client.execute_raw(&statement, columns.collect::<Vec<_>>()).await;
        changed += done.map_err(|error| errors::from_statement(sql, &error))?;
    }
    Ok(changed)
}

pub(super) async fn query(
    client: &Client,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let statement = prepare(client, sql).await?;
    let bound = bind::one(sql, &statement, values)?;
    let mut found = Found::default();
    let rows = client.query_raw(&statement, &bound).await;
    collect(sql, rows, &mut found).await?;
    Ok(found.rows())
}

pub(super) async fn query_many(
    client: &Client,
    sql: &str,
    rows: &[Vec<Value>],
) -> Result<Vec<Row>, StoreError> {
    let mut found = Found::default();
    for rows in rows.chunks(MOST_A_STATEMENT) {
        let statement = prepare(client, sql).await?;
        let columns: Vec<Vec<Bound<'_>>> = bind::many(sql, &statement, rows)?;
        let columns = columns.iter().map(|column| column as &(dyn ToSql + Sync));
        let rows = client.query_raw(&statement, columns.collect::<Vec<_>>()).await;
        collect(sql, rows, &mut found).await?;
    }
    Ok(found.rows())
}

async fn collect(
    sql: &str,
    rows: Result<RowStream, tokio_postgres::Error>,
    found: &mut Found,
) -> Result<(), StoreError> {
    let failed = |error| errors::from_read(sql, &error);
    let mut rows = pin!(rows.map_err(failed)?);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        found.add(sql, read::row(sql, &row)?)?;
    }
    Ok(())
}

pub(super) async fn script(client: &Client, sql: &str) -> Result<(), StoreError> {
    client.batch_execute(sql).await.map_err(|error| errors::from_statement(sql, &error))
}

/// Whether a statement only reads, as far as its first word says; the session refuses the rest.
pub(super) fn is_read(sql: &str) -> bool {
    is_first_word(sql, &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"])
}

/// Whether a statement begins or ends transactions.
pub(super) fn is_about_transactions(sql: &str) -> bool {
    is_first_word(sql, &["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"])
}

fn is_first_word(sql: &str, words: &[&str]) -> bool {
    let sql = sql.trim_start();
    let first = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    words.iter().any(|word| word.eq_ignore_ascii_case(first))
}

async fn prepare(client: &Client, sql: &str) -> Result<Statement, StoreError> {
    let cache = &client.statement_cache;
    if cache.size() >= MOST_PREPARED {
        cache.clear();
    }
    let prepared = client.prepare_cached(&DIALECT.of(sql)).await;
    prepared.map_err(|error| errors::from_statement(sql, &error))
}

fn gives_no_rows(sql: &str, statement: &Statement) -> Result<(), StoreError> {
    if statement.columns().is_empty() {
        return Ok(());
    }
    Err(StoreError::statement(sql, "it gives rows: use query"))
}
