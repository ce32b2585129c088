//! Opens the file, as the one writer or as a reader.

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Limits, decimal_sum, errors};
use crate::StoreError;

pub(super) fn open_writer(path: &Path, limits: Limits) -> Result<Connection, StoreError> {
    let failed = |error| errors::from_opening(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(limits.locked).map_err(failed)?;
    let mode = write_ahead(&connection, limits).map_err(failed)?;
    if mode != "wal" {
        return Err(StoreError::unavailable(format!(
            "{} can't have a write-ahead log (its journal mode stays {mode}): is it read-only, or \
             on a network file system?",
            path.display()
        )));
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(failed)?;
    decimal_sum::register(&connection).map_err(failed)?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path, limits: Limits) -> Result<Connection, StoreError> {
    let failed = |error| errors::from_opening(path, &error);
    // Not opened read-only: a reader of a write-ahead log has to write beside the file.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(limits.locked).map_err(failed)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(failed)?;
    decimal_sum::register(&connection).map_err(failed)?;
    Ok(connection)
}

/// Turns the write-ahead log on. SQLite doesn't wait for another connection that is doing the
/// same, so this does.
fn write_ahead(connection: &Connection, limits: Limits) -> rusqlite::Result<String> {
    const STEP: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && waited < limits.locked =>
            {
                thread::sleep(STEP);
                waited += STEP;
            }
            mode => return mode,
        }
    }
}
