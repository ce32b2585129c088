//! The statements of one transaction of ours, with their parameters, as Postgres logged them: so they
//! are the ones that we run, whatever the code does next year.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Job, ORDERS_CAPTURED, ours};
use crate::{
    Error,
    postgres::{connect, database},
};

/// Length of an id in text: 8-4-4-4-12 hexadecimal digits.
const UUID: usize = 36;

/// One transaction.
pub(super) struct Batch {
    pub(super) statements: Vec<Statement>,
    /// That it takes on.
    pub(super) orders: u64,
}

/// One statement, and its parameters as literals.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<String>,
}

/// The transaction that takes on the most orders.
pub(super) async fn batch(job: &Job) -> Result<Batch, Error> {
    let database = database(&job.postgres).await?;
    let client = connect(&database).await?;
    let logged = format!("ALTER DATABASE {} SET log_min_duration_statement = 0", database.name());
    client.batch_execute(&logged).await?;
    ours::confirm(job, "captured", &database, 1, ORDERS_CAPTURED).await?;
    let log = client.query_one("SELECT pg_read_file('log/statements.json')", &[]).await?;
    let log: String = log.try_get(0)?;
    let of_most = transactions(&log, database.name())
        .into_iter()
        .map(|statements| Batch { orders: orders(&statements), statements })
        .max_by_key(|batch| batch.orders);
    match of_most {
        Some(batch) if batch.orders > 0 => Ok(batch),
        _ => Err("no transaction that takes on orders is in Postgres' log".into()),
    }
}

/// What was executed in each transaction that was committed, by connection.
fn transactions(log: &str, database: &str) -> Vec<Vec<Statement>> {
    let (mut open, mut whole) = (BTreeMap::new(), Vec::new());
    for line in log.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        if entry["dbname"] != database {
            continue;
        }
        let message = entry["message"].as_str().unwrap_or_default();
        // `duration: 0.1 ms  execute s12: SELECT …`, `duration: 0.1 ms  statement: COMMIT`
        let Some((_, what)) = message.split_once(" ms  ") else { continue };
        let at: &mut Vec<Statement> = open.entry(entry["pid"].as_i64()).or_default();
        if let Some(statement) = what.strip_prefix("statement: ") {
            let statements = std::mem::take(at);
            if statement.trim_end_matches(';') == "COMMIT" {
                whole.push(statements);
            }
        } else if let Some((_, sql)) =
            what.strip_prefix("execute ").and_then(|rest| rest.split_once(": "))
        {
            let parameters = literals(entry["detail"].as_str().unwrap_or_default());
            at.push(Statement { sql: sql.to_owned(), parameters });
        }
    }
    whole
}

/// Of `Parameters: $1 = 'a', $2 = NULL`, each as it stands.
fn literals(detail: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = detail;
    while let Some((_, value)) = rest.split_once(" = ") {
        let end = match value.strip_prefix('\'') {
            None => value.find(',').unwrap_or(value.len()),
            Some(text) => end_of_text(text) + 1,
        };
        literals.push(value[..end].to_owned());
        rest = &value[end..];
    }
    literals
}

/// Behind the closing quote; a quote inside stands twice.
fn end_of_text(text: &str) -> usize {
    let mut quotes = text.match_indices('\'').map(|(at, _)| at).peekable();
    while let Some(at) = quotes.next() {
        if quotes.peek() == Some(&(at + 1)) {
            quotes.next();
        } else {
            return at + 1;
        }
    }
    text.len()
}

/// How many orders these keep: ids in the first column that is given.
fn orders(statements: &[Statement]) -> u64 {
    let keeps = |it: &&Statement| it.sql.trim_start().starts_with("INSERT INTO fulfilment_orders");
    let given = statements.iter().find(keeps).and_then(|it| it.parameters.first());
    let ids: BTreeSet<_> = given.into_iter().flat_map(|ids| uuids(ids)).collect();
    ids.len() as u64
}

/// Where ids begin in a text, and they.
pub(super) fn uuids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_id = |at: &usize| {
        let digit = |(place, byte): (usize, &u8)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        let bytes = text.as_bytes().get(*at..at + UUID);
        bytes.is_some_and(|bytes| bytes.iter().enumerate().all(digit))
    };
    (0..text.len()).filter(is_id).map(|at| (at, &text[at..at + UUID]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f0aa-1111-7222-8333-444455556666";

    #[test]
    fn parameters_are_read_with_quotes_and_commas_in_them() {
        let detail = "Parameters: $1 = 'it''s, = so', $2 = NULL, $3 = '{\"a\",\"b\"}', $4 = ''''";
        let expected = ["'it''s, = so'", "NULL", "'{\"a\",\"b\"}'", "''''"];
        assert_eq!(literals(detail), expected);
        assert!(literals("").is_empty());
    }

    #[test]
    fn a_transaction_is_what_one_connection_did_up_to_its_commit() {
        let line = |pid: i64, message: &str, detail: &str| {
            let entry = serde_json::json!({
                "dbname": "d", "pid": pid, "message": message, "detail": detail,
            });
            format!("{entry}\n")
        };
        let insert = "duration: 0.1 ms  execute s1: INSERT INTO fulfilment_orders SELECT $1";
        let log = [
            line(1, "duration: 0.0 ms  statement: BEGIN", ""),
            line(1, insert, &format!("Parameters: $1 = '{{{ID}}}'")),
            line(2, "duration: 0.0 ms  statement: BEGIN", ""),
            line(2, "duration: 0.1 ms  execute s1: SELECT 1", ""),
            line(2, "duration: 0.0 ms  statement: ROLLBACK", ""),
            line(1, "duration: 0.0 ms  statement: COMMIT", ""),
        ];
        let found = transactions(&log.concat(), "d");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(orders(&found[0]), 1);
        assert_eq!(uuids(&found[0][0].parameters[0]).collect::<Vec<_>>(), [(2, ID)]);
    }
}
