//! Every invoice number met so far, on disk: memory doesn't grow with the file.

use rusqlite::Connection;

use crate::error::ImportError;

/// A private temporary SQLite file, gone with this value. SQLite holds at most the page cache.
pub(crate) struct SeenInvoices {
    table: Connection,
}

impl SeenInvoices {
    pub(crate) fn new() -> Result<Self, ImportError> {
        // Without a name it is a temporary file. Nobody rolls it back, so it keeps no journal;
        // in one transaction it spills pages instead of writing all of them after each insert.
        let create = || {
            let table = Connection::open("")?;
            table.execute_batch(
                "PRAGMA temp_store = FILE;
                 PRAGMA journal_mode = OFF;
                 PRAGMA synchronous = OFF;
                 PRAGMA cache_size = -2048;
                 CREATE TABLE seen (number TEXT PRIMARY KEY) WITHOUT ROWID;
                 BEGIN",
            )?;
            Ok(Self { table })
        };
        create().map_err(|cause| ImportError::SeenInvoices { cause })
    }

    /// Whether this is the first time that the number is met.
    pub(crate) fn is_first(&self, number: &str) -> Result<bool, ImportError> {
        self.table
            .execute("INSERT OR IGNORE INTO seen VALUES (?1)", [number])
            .map(|inserted| inserted == 1)
            .map_err(|cause| ImportError::SeenInvoices { cause })
    }
}
