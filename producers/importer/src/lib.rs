#![doc = include_str!("../README.md")]

mod document;
mod emit_documents;
mod fill_shelves;
mod import;
mod open;
mod tally;

mod online_retail;
mod pizzaplace;

mod error;
mod parse_values;
mod read_bytes;
mod read_rows;
mod seen_invoices;

pub use document::{Document, Invoice, Line};
pub use emit_documents::{
    Accepted, EmitDocumentsError, NAME, Progress, declares, declares_with_shelves, emit_documents,
};
pub use error::{ImportError, OpenError};
pub use fill_shelves::{FillError, MAX_PRODUCTS, Sold, fill_shelves, read_sold};
pub use import::Import;
pub use online_retail::{MAX_HELD_LINES, WINDOW};
pub use open::{Format, UnknownFormat, open, read_online_retail};
pub use parse_values::{MAX_QUANTITY, PRICE_LIMIT};
pub use read_rows::{MAX_FIELD_BYTES, MAX_LINES_PER_ROW, MAX_ROW_BYTES};
pub use tally::{MALFORMED_SHOWN, Malformed, MalformedLine, SkipReason, Skipped, Tally};

/// Most lines that one invoice may have; one more fails the run.
///
/// With it the total of any invoice fits the 18 digits of an event's amount.
pub const MAX_LINES_PER_INVOICE: usize = 10_000;
