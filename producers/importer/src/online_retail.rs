//! UCI's "Online Retail" table: one row a line, an invoice's lines next to each other or nearly.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;
use rust_decimal::Decimal;

use crate::{
    MAX_LINES_PER_INVOICE,
    document::{Document, Invoice, Line},
    error::{ImportError, OpenError},
    parse_values,
    read_bytes::Bytes,
    read_rows::Rows,
    seen_invoices::SeenInvoices,
    tally::{SkipReason, Tally},
};

/// An invoice is closed and handed out once this many lines have passed without one of its own.
pub const WINDOW: u64 = 1_000;

/// Most lines of all open invoices together; one more fails the run.
pub const MAX_HELD_LINES: usize = 100_000;

const COLUMNS: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

pub(crate) struct OnlineRetail {
    rows: Rows<8>,
    open: HashMap<Arc<str>, OpenInvoice>,
    /// Invoices by the line that was their last when they were put here, oldest first. At most
    /// `WINDOW` + 1 long: what lies further back has been closed.
    last_lines: VecDeque<(u64, Arc<str>)>,
    held_lines: usize,
    seen: SeenInvoices,
    ready: VecDeque<Document>,
    /// Why the run ends once what is ready has been handed out.
    failed: Option<ImportError>,
}

impl OnlineRetail {
    pub(crate) fn open(file: String, bytes: Bytes) -> Result<Self, OpenError> {
        Ok(Self {
            rows: Rows::open(file, bytes, &COLUMNS)?,
            open: HashMap::new(),
            last_lines: VecDeque::new(),
            held_lines: 0,
            seen: SeenInvoices::new()?,
            ready: VecDeque::new(),
            failed: None,
        })
    }

    pub(crate) fn open_documents(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn next(&mut self, tally: &mut Tally) -> Result<Option<Document>, ImportError> {
        loop {
            if let Some(document) = self.ready.pop_front() {
                return Ok(Some(document));
            }
            if let Some(failed) = self.failed.take() {
                return Err(failed);
            }
            if !self.read_row(tally)? {
                self.close_last_before(u64::MAX, tally);
                if self.ready.is_empty() {
                    return Ok(None);
                }
            }
        }
    }

    /// False at the end of the file.
    fn read_row(&mut self, tally: &mut Tally) -> Result<bool, ImportError> {
        let Some(row) = self.rows.next()? else {
            return Ok(false);
        };
        tally.lines += 1;
        let place = Place { line: row.line, position: tally.lines };
        let entry = row.fields.and_then(|fields| Entry::parse(&fields));
        self.close_last_before(place.position.saturating_sub(WINDOW), tally);
        match entry {
            Ok(entry) => {
                if let Err(failed) = self.add(entry, place, tally) {
                    self.failed = Some(failed);
                }
            }
            Err(what) => tally.malformed_line(self.rows.file(), place.line, what),
        }
        Ok(true)
    }

    fn add(&mut self, entry: Entry, place: Place, tally: &mut Tally) -> Result<(), ImportError> {
        let number = match self.open.get_key_value(entry.number.as_str()) {
            Some((number, _)) => Arc::clone(number),
            None if self.seen.is_first(&entry.number)? => entry.number.as_str().into(),
            None => {
                return Err(ImportError::LateLine {
                    file: self.rows.file().to_owned(),
                    line: place.line,
                    invoice: entry.number,
                    window: WINDOW,
                });
            }
        };
        let invoice = self.open.entry(Arc::clone(&number)).or_insert_with(|| OpenInvoice {
            kind: entry.kind,
            user_id: None,
            happened_at: entry.happened_at,
            lines: Vec::new(),
            last: place.position,
        });
        if let (Some(of_line), Some(of_invoice)) = (&entry.user_id, &invoice.user_id)
            && of_line != of_invoice
        {
            let what = format!(
                "CustomerID {} on an invoice of customer {}",
                parse_values::shown(of_line),
                parse_values::shown(of_invoice)
            );
            tally.malformed_line(self.rows.file(), place.line, what);
            return Ok(());
        }
        if invoice.lines.len() == MAX_LINES_PER_INVOICE {
            return Err(ImportError::TooManyLines {
                file: self.rows.file().to_owned(),
                line: place.line,
                invoice: entry.number,
                limit: MAX_LINES_PER_INVOICE,
            });
        }
        if self.held_lines == MAX_HELD_LINES {
            return Err(ImportError::TooManyHeld {
                file: self.rows.file().to_owned(),
                line: place.line,
                open: self.open.len(),
                limit: MAX_HELD_LINES,
            });
        }
        invoice.user_id = invoice.user_id.take().or(entry.user_id);
        invoice.happened_at = invoice.happened_at.min(entry.happened_at);
        invoice.lines.push((place.line, entry.goods));
        invoice.last = place.position;
        self.held_lines += 1;
        match self.last_lines.back_mut() {
            Some((last, newest)) if *newest == number => *last = place.position,
            _ => self.last_lines.push_back((place.position, number)),
        }
        Ok(())
    }

    /// Closes the invoices whose last line lies before `position`, in the order of these lines.
    fn close_last_before(&mut self, position: u64, tally: &mut Tally) {
        while let Some((last, number)) = self.last_lines.pop_front_if(|(last, _)| *last < position)
        {
            let went_quiet = self.open.get(&number).is_some_and(|invoice| invoice.last == last);
            if went_quiet && let Some(invoice) = self.open.remove(&number) {
                self.held_lines -= invoice.lines.len();
                self.ready.extend(invoice.close(&number, self.rows.file(), tally));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    /// Line of the file.
    line: u64,
    /// How many data lines there were up to this one.
    position: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sale,
    Return,
    BadDebt,
}

/// One row, understood.
struct Entry {
    number: String,
    kind: Kind,
    user_id: Option<String>,
    happened_at: DateTime<Utc>,
    /// The quantity as the file has it: negative where goods came back.
    goods: Line,
}

impl Entry {
    fn parse(fields: &[&str; 8]) -> Result<Self, String> {
        let [number, sku, name, quantity, at, price, customer, _country] = *fields;
        parse_values::number_of_order(COLUMNS[0], number)?;
        let kind = match number.as_bytes().first() {
            Some(b'C' | b'c') => Kind::Return,
            Some(b'A' | b'a') => Kind::BadDebt,
            _ => Kind::Sale,
        };
        let goods = Line {
            sku: parse_values::code(COLUMNS[1], sku)?,
            name: (!name.is_empty()).then(|| name.to_owned()),
            quantity: parse_values::quantity(COLUMNS[3], quantity)?,
            unit_price: parse_values::price(COLUMNS[5], price)?,
        };
        if goods.unit_price < Decimal::ZERO && kind != Kind::BadDebt {
            return Err(format!("UnitPrice {} is negative", parse_values::shown(price)));
        }
        if kind == Kind::Return && goods.quantity >= 0 {
            return Err(format!("Quantity {quantity} on a return, where it must be negative"));
        }
        Ok(Self {
            number: number.to_owned(),
            kind,
            user_id: (!customer.is_empty())
                .then(|| parse_values::code(COLUMNS[6], customer))
                .transpose()?,
            happened_at: parse_values::local_time(COLUMNS[4], at, "%Y-%m-%dT%H:%M:%S", &London)?,
            goods,
        })
    }
}

/// An invoice of which more lines may come.
struct OpenInvoice {
    kind: Kind,
    user_id: Option<String>,
    happened_at: DateTime<Utc>,
    /// With their line in the file.
    lines: Vec<(u64, Line)>,
    /// Position of its last line.
    last: u64,
}

impl OpenInvoice {
    fn close(self, number: &str, file: &str, tally: &mut Tally) -> Option<Document> {
        match self.kind {
            Kind::BadDebt => {
                tally.skip(SkipReason::BadDebt, self.lines.len());
                None
            }
            Kind::Sale if self.is_stock_adjustment() => {
                tally.skip(SkipReason::StockAdjustment, self.lines.len());
                None
            }
            Kind::Sale => {
                let sale = self.into_invoice(number, |line, goods| {
                    if goods.quantity > 0 {
                        return Some(goods);
                    }
                    let what =
                        format!("Quantity {} on a sale, where it must be positive", goods.quantity);
                    tally.malformed_line(file, line, what);
                    None
                })?;
                tally.sale(&sale);
                Some(Document::Sale(sale))
            }
            Kind::Return => {
                let goods = self.into_invoice(number, |_, goods| {
                    Some(Line { quantity: -goods.quantity, ..goods })
                })?;
                tally.came_back(&goods);
                Some(Document::Return(goods))
            }
        }
    }

    fn is_stock_adjustment(&self) -> bool {
        self.lines.iter().all(|(_, goods)| goods.quantity <= 0 && goods.unit_price.is_zero())
    }

    /// `None` if no line is kept.
    fn into_invoice(
        self,
        number: &str,
        mut keep: impl FnMut(u64, Line) -> Option<Line>,
    ) -> Option<Invoice> {
        let lines: Vec<Line> =
            self.lines.into_iter().filter_map(|(line, goods)| keep(line, goods)).collect();
        (!lines.is_empty())
            .then(|| Invoice::new(number.to_owned(), self.user_id, "GBP", self.happened_at, lines))
    }
}
