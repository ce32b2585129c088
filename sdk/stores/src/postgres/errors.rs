//! What Postgres says → what follows from it. The one place where its errors are converted.

use std::error::Error as _;

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::{Error, error::DbError};

use crate::{StoreError, error::shorten};

/// An error of a statement. Of the server's message only the main line is kept: its detail holds
/// values.
pub(super) fn from_statement(sql: &str, error: &Error) -> StoreError {
    let Some(said) = error.as_db_error() else {
        return StoreError::unavailable(format!("{} during `{}`", chain(error), shorten(sql)));
    };
    let code = said.code().code();
    if is_database_at_fault(code) {
        return StoreError::unavailable(format!("{} during `{}`", text(said), shorten(sql)));
    }
    match &code[..2] {
        "23" => StoreError::Constraint { sql: shorten(sql), message: text(said) },
        // Its main line quotes the value.
        "22" => StoreError::statement(sql, format!("a value doesn't fit (SQLSTATE {code})")),
        _ => StoreError::statement(sql, text(said)),
    }
}

/// The same for a read outside of a transaction, where a write is the statement's fault.
pub(super) fn from_read(sql: &str, error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(said) if said.code().code() == "25006" => {
            StoreError::statement(sql, "it writes: begin a transaction for it")
        }
        _ => from_statement(sql, error),
    }
}

/// No connection, for whatever reason, is the database's fault.
pub(super) fn from_connecting(server: &str, error: &PoolError) -> StoreError {
    if let PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) = error
        && let Some(said) = error.as_db_error()
        && is_for_a_person(said.code().code())
    {
        return StoreError::Url(format!(
            "Postgres {server} lets nobody in by this url: {}",
            text(said)
        ));
    }
    let why = match error {
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => {
            "all its connections are in use".to_owned()
        }
        PoolError::Timeout(_) => "connecting took too long".to_owned(),
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            error.as_db_error().map_or_else(|| chain(error), text)
        }
        error => error.to_string(),
    };
    StoreError::unavailable(format!("Postgres {server}: {why}"))
}

/// Whether it stays so until somebody mends the url, the password or the server's tables: no such
/// user or password, no such database.
fn is_for_a_person(code: &str) -> bool {
    code.starts_with("28") || code == "3D000"
}

/// Whether a SQLSTATE says that the same statement may go through later.
fn is_database_at_fault(code: &str) -> bool {
    matches!(
        code,
        // Too much at once: a serialization failure, a deadlock, a lock or statement that took too
        // long, a shutdown, a read-only standby, damaged files.
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" | "XX001" | "XX002"
    ) || ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class))
}

fn text(said: &DbError) -> String {
    format!("{} (SQLSTATE {})", said.message(), said.code().code())
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::is_database_at_fault;

    #[test]
    fn the_servers_faults_are_the_databases_and_the_statements_are_not() {
        for code in [
            "08006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01",
            "57P02", "57P03", "58030", "25006",
        ] {
            assert!(is_database_at_fault(code), "{code}");
        }
        for code in ["23505", "42601", "42P01", "22P02", "22021", "0A000", "25P02"] {
            assert!(!is_database_at_fault(code), "{code}");
        }
    }
}
