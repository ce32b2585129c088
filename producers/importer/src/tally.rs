use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::document::{Invoice, round_to_cents};

/// How many malformed lines are kept word for word; the rest is counted.
pub const MALFORMED_SHOWN: usize = 100;

/// What became of every line so far.
///
/// A line is counted in `lines` when it is read, and under one of the others when its invoice is
/// closed. Serialised, the totals have two decimals.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Data lines read, headers and blank lines apart.
    pub lines: u64,
    /// Sales handed out.
    pub orders: u64,
    /// Their lines.
    pub sales_lines: u64,
    /// Sum of their lines' amounts, unrounded.
    #[serde(serialize_with = "in_cents")]
    pub sales_total: Decimal,
    /// Returns handed out.
    pub returns: u64,
    /// Their lines.
    pub return_lines: u64,
    /// Sum of their lines' amounts, positive and unrounded.
    #[serde(serialize_with = "in_cents")]
    pub returns_total: Decimal,
    /// What is no order, on purpose.
    pub skipped: Skipped,
    /// What couldn't be understood.
    pub malformed: Malformed,
}

/// What was read and left out because it is no order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Whole invoices.
    pub invoices: u64,
    /// Their lines.
    pub lines: u64,
    /// How many of the invoices for which reason.
    pub by_reason: BTreeMap<SkipReason, u64>,
}

/// Why an invoice is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum SkipReason {
    /// Every quantity is 0 or less, at price 0.
    #[serde(rename = "stock adjustment")]
    StockAdjustment,
    /// Its number begins with `A`.
    #[serde(rename = "bad debt")]
    BadDebt,
}

/// What couldn't be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Malformed {
    /// Lines of orders; part of [`Tally::lines`].
    pub lines: u64,
    /// Rows of other files, as of an order's time or of the menu; not part of [`Tally::lines`].
    pub other_rows: u64,
    /// The first [`MALFORMED_SHOWN`] of both, as they were found.
    pub first: Vec<MalformedLine>,
}

/// Where something couldn't be understood, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MalformedLine {
    /// The file.
    pub file: String,
    /// The line its row begins on, counted from 1 with the header.
    pub line: u64,
    /// What was wrong.
    pub what: String,
}

impl Tally {
    /// Whether every line read is accounted for; true once the import has ended without error.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.lines
            == self.sales_lines + self.return_lines + self.skipped.lines + self.malformed.lines
    }

    pub(crate) fn sale(&mut self, sale: &Invoice) {
        self.orders += 1;
        self.sales_lines += sale.lines.len() as u64;
        self.sales_total += sale.unrounded_total();
    }

    pub(crate) fn came_back(&mut self, goods: &Invoice) {
        self.returns += 1;
        self.return_lines += goods.lines.len() as u64;
        self.returns_total += goods.unrounded_total();
    }

    pub(crate) fn skip(&mut self, reason: SkipReason, lines: usize) {
        self.skipped.invoices += 1;
        self.skipped.lines += lines as u64;
        *self.skipped.by_reason.entry(reason).or_default() += 1;
    }

    pub(crate) fn malformed_line(&mut self, file: &str, line: u64, what: String) {
        self.malformed.lines += 1;
        self.malformed.show(file, line, what);
    }

    pub(crate) fn malformed_row(&mut self, file: &str, line: u64, what: String) {
        self.malformed.other_rows += 1;
        self.malformed.show(file, line, what);
    }
}

impl Malformed {
    /// Everything that couldn't be understood, lines of orders and other rows.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lines + self.other_rows
    }

    fn show(&mut self, file: &str, line: u64, what: String) {
        if self.first.len() < MALFORMED_SHOWN {
            self.first.push(MalformedLine { file: file.to_owned(), line, what });
        }
    }
}

impl SkipReason {
    /// The reason in words, as in the serialised tally.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StockAdjustment => "stock adjustment",
            Self::BadDebt => "bad debt",
        }
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Display for MalformedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.what)
    }
}

fn in_cents<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&round_to_cents(*amount))
}
