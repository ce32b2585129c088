use std::{io, path::PathBuf};

/// Why an import could not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path can't be opened.
    #[error("{}: can't be opened: {cause}", path.display())]
    Unopened {
        /// The path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A directory where one file is expected.
    #[error(
        "{}: is a directory; online-retail is one file, .csv or .csv.gz: name that file",
        path.display()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file where a directory is expected.
    #[error(
        "{}: is a file; pizzaplace is a directory with orders.csv, order_details.csv, pizzas.csv \
         and pizza_types.csv: name that directory",
        path.display()
    )]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// One of a directory's files is missing.
    #[error("{}: {table}.csv is missing there, and so is {table}.csv.gz", directory.display())]
    MissingTable {
        /// Where it was looked for.
        directory: PathBuf,
        /// The file's name without ending.
        table: &'static str,
    },
    /// The first row doesn't name the columns of this format.
    #[error(
        "{file}: the first row must be the header `{expected}`; found {found}. Is it a file of \
         another format?"
    )]
    Header {
        /// The file.
        file: String,
        /// The columns of the format.
        expected: String,
        /// What the file has there, cut to what can be shown.
        found: String,
    },
    /// A small table, held in memory, is not small.
    #[error("{file}: has more than {limit} rows; that is no menu of a pizza place")]
    TooManyRows {
        /// The file.
        file: String,
        /// Most rows it may have.
        limit: usize,
    },
    /// It failed while it was read, as an import fails later.
    #[error(transparent)]
    Read(#[from] ImportError),
}

/// Why an import stopped before the end of its files. What was handed out before stands.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line came after its invoice was closed and handed out.
    #[error(
        "{file}, line {line}: belongs to invoice {invoice}, which was closed after {window} lines \
         without it: sort the file by invoice, then import it again"
    )]
    LateLine {
        /// The file.
        file: String,
        /// The line, counted from 1 with the header.
        line: u64,
        /// The invoice it belongs to.
        invoice: String,
        /// Lines without an invoice after which it is closed.
        window: u64,
    },
    /// A file that must be sorted by order id isn't.
    #[error(
        "{file}, line {line}: order {order} comes after order {previous}: the file must be sorted \
         by order_id"
    )]
    OutOfOrder {
        /// The file.
        file: String,
        /// The line, counted from 1 with the header.
        line: u64,
        /// The order there.
        order: u64,
        /// The order before it.
        previous: u64,
    },
    /// One invoice has more lines than are held for one.
    #[error("{file}, line {line}: invoice {invoice} has more than {limit} lines")]
    TooManyLines {
        /// The file.
        file: String,
        /// The line that is one too many.
        line: u64,
        /// The invoice.
        invoice: String,
        /// Most lines of one invoice.
        limit: usize,
    },
    /// The invoices that are open together have more lines than are held.
    #[error(
        "{file}, line {line}: the {open} invoices that are open here have more than {limit} lines \
         together: sort the file by invoice, then import it again"
    )]
    TooManyHeld {
        /// The file.
        file: String,
        /// The line that is one too many.
        line: u64,
        /// Invoices open at once.
        open: usize,
        /// Most lines of all open invoices.
        limit: usize,
    },
    /// The file can't be read on: damaged, cut off, or the disk failed.
    #[error(
        "{file}: can't be read on after line {line}: {cause}. Is it damaged or cut off? Get the \
         file again"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// The last line that was read whole; 0 if none was.
        line: u64,
        /// What the system or the decompression said.
        cause: io::Error,
    },
    /// The temporary table of the invoices seen failed; it lies where SQLite keeps temporary files.
    #[error("the temporary table of the invoices seen failed: {cause}. Is the disk full?")]
    SeenInvoices {
        /// What SQLite said.
        cause: rusqlite::Error,
    },
}
