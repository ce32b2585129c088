//! What orders come to, by example and by what holds for all of them.
#![allow(clippy::unwrap_used)]

mod by_kind;
mod coupons;
mod dates;
mod exclusive;
mod properties;
mod reading;
mod rounding;
mod stacking;

use chrono::{DateTime, Utc};
use fulfilment_pricing::{Basket, Line, NoSuchCoupon, Priced, Rules, price};
use rust_decimal::{Decimal, RoundingStrategy};

/// A basket that owns what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// As sku, category, quantity, unit price.
    pub(crate) lines: Vec<(String, Option<String>, i32, Decimal)>,
    pub(crate) currency: String,
    pub(crate) group: Option<String>,
    pub(crate) coupons: Vec<String>,
    pub(crate) at: DateTime<Utc>,
}

impl Order {
    pub(crate) fn of(lines: &[(&str, &str, i32, &str)]) -> Self {
        let line = |&(sku, category, quantity, unit_price): &(&str, &str, i32, &str)| {
            let category = Some(category).filter(|name| !name.is_empty()).map(str::to_owned);
            (sku.to_owned(), category, quantity, decimal(unit_price))
        };
        Self {
            lines: lines.iter().map(line).collect(),
            currency: "EUR".into(),
            group: None,
            coupons: Vec::new(),
            at: moment("2026-06-01T12:00:00Z"),
        }
    }

    pub(crate) fn with(mut self, coupons: &[&str]) -> Self {
        self.coupons = coupons.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    pub(crate) fn by(mut self, group: &str) -> Self {
        self.group = Some(group.into());
        self
    }

    pub(crate) fn at(mut self, at: &str) -> Self {
        self.at = moment(at);
        self
    }

    pub(crate) fn total(&self) -> Decimal {
        let sum =
            self.lines.iter().map(|(_, _, n, price)| price * Decimal::from(*n)).sum::<Decimal>();
        sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    }

    pub(crate) fn price(&self, rules: &Rules) -> Result<Priced, NoSuchCoupon> {
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        let basket = Basket {
            lines: &lines,
            total: self.total(),
            currency: &self.currency,
            customer_group: self.group.as_deref(),
            coupons: &self.coupons,
            at: self.at,
        };
        price(rules, &basket)
    }
}

fn line(
    (sku, category, quantity, unit_price): &(String, Option<String>, i32, Decimal),
) -> Line<'_> {
    let category = category.as_deref();
    Line { sku, category, quantity: *quantity, unit_price: *unit_price }
}

/// Promotions without the line above them.
pub(crate) fn rules(text: &str) -> Rules {
    Rules::parse(&format!("promotions:\n{text}")).unwrap()
}

/// Each amount with the sku that it was given on.
pub(crate) fn given(priced: &Priced) -> Vec<(&str, String)> {
    let each = priced.discounts.iter();
    each.map(|given| (given.sku.as_deref().unwrap_or("-"), given.amount.to_string())).collect()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
