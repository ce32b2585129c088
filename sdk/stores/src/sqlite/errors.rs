//! What SQLite says → what follows from it. The one place where its errors are converted.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::{StoreError, error::shorten};

pub(super) fn from_statement(sql: &str, error: &Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        return StoreError::statement(sql, hint(error));
    };
    let message = message(error);
    if is_database_at_fault(code) {
        StoreError::unavailable(message)
    } else if code == ErrorCode::ConstraintViolation {
        StoreError::Constraint { sql: shorten(sql), message }
    } else {
        StoreError::statement(sql, message)
    }
}

pub(super) fn from_opening(path: &Path, error: &Error) -> StoreError {
    StoreError::unavailable(format!("{} can't be opened: {}", path.display(), message(error)))
}

fn is_database_at_fault(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::OutOfMemory
    )
}

/// What was seen, without the statement that `rusqlite` would repeat.
fn message(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

fn hint(error: &Error) -> String {
    match error {
        Error::ExecuteReturnedResults => "it gives rows: use query".to_owned(),
        Error::MultipleStatement => "it is more than one statement".to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn the_disks_faults_are_the_databases_and_the_statements_are_not() {
        let classify =
            |code| from_statement("INSERT …", &Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_FULL,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_NOMEM,
        ] {
            assert!(classify(code).cause().is_some_and(|c| c.part == "database"), "code {code}");
        }
        for code in [ffi::SQLITE_ERROR, ffi::SQLITE_CONSTRAINT, ffi::SQLITE_TOOBIG] {
            assert!(classify(code).cause().is_none(), "code {code}");
        }
    }
}
