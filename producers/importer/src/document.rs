use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, RoundingStrategy};

/// What a file holds: things sold, or things that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An order was placed.
    Sale(Invoice),
    /// Goods came back, under a number of their own. Quantities and total are positive.
    Return(Invoice),
}

/// One sale or one return, with at least one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// The number as the file has it: 1 to 64 characters of `A-Za-z0-9._-`. Unique in an import.
    pub number: String,
    /// The customer; `None` for a guest.
    pub user_id: Option<String>,
    /// ISO 4217 code of every amount here.
    pub currency: &'static str,
    /// When it happened, never before 1970.
    pub happened_at: DateTime<Utc>,
    /// Its lines in the file's order, at most [`crate::MAX_LINES_PER_INVOICE`].
    pub lines: Vec<Line>,
    /// Sum of the lines' amounts, rounded once to exactly two decimals, halves away from zero.
    pub total: Decimal,
}

/// One line of a sale or a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// What the file calls it; `None` where it gives no name.
    pub name: Option<String>,
    /// Pieces, 1 to [`crate::MAX_QUANTITY`].
    pub quantity: i32,
    /// Price of one piece, at most four decimals; may be 0.
    pub unit_price: Decimal,
}

impl Invoice {
    pub(crate) fn new(
        number: String,
        user_id: Option<String>,
        currency: &'static str,
        happened_at: DateTime<Utc>,
        lines: Vec<Line>,
    ) -> Self {
        let mut invoice =
            Self { number, user_id, currency, happened_at, lines, total: Decimal::ZERO };
        invoice.total = round_to_cents(invoice.unrounded_total());
        invoice
    }

    /// Sum of the lines' amounts as they are, at most four decimals.
    #[must_use]
    pub fn unrounded_total(&self) -> Decimal {
        self.lines.iter().map(Line::amount).sum()
    }
}

impl Line {
    /// Quantity times unit price, unrounded.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        Decimal::from(self.quantity) * self.unit_price
    }
}

pub(crate) fn round_to_cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}
