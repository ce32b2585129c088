//! Whether a promotion is for a basket, and why a coupon isn't.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{
    Basket, Rules,
    left::Left,
    read_rules::quoted,
    rules::{Rule, canonical},
};

/// A coupon that can't be taken, and why; as text, fit to be shown to the customer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("coupon {} {why}", quoted(coupon))]
pub struct NoSuchCoupon {
    /// The code, in upper case where it is known.
    pub coupon: String,
    /// What is wrong with it.
    pub why: Misfit,
}

/// Why a coupon can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfit {
    /// No promotion has it.
    Unknown,
    /// Its time begins later.
    NotYet(DateTime<Utc>),
    /// Its time ended.
    Over(DateTime<Utc>),
    /// It is for orders in another currency: this one.
    Currency(String),
    /// It is for other customers.
    Customer,
    /// The order comes to less than it asks for.
    Spend {
        /// What it asks for.
        least: Decimal,
        /// In which currency.
        currency: String,
    },
    /// Nothing in the order is what it is for.
    Lines,
    /// Too few pieces of one kind.
    Pieces {
        /// As many as have to be ordered, the free ones with them.
        least: u32,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOMENT: &str = "%Y-%m-%d %H:%M UTC";
        match self {
            Self::Unknown => f.write_str("is not known"),
            Self::NotYet(from) => write!(f, "is valid from {}", from.format(MOMENT)),
            Self::Over(until) => write!(f, "was valid until {}", until.format(MOMENT)),
            Self::Currency(code) => write!(f, "is for orders in {code}"),
            Self::Customer => f.write_str("is not for this customer"),
            Self::Spend { least, currency } => {
                write!(f, "is for orders of {least:.2} {currency} or more")
            }
            Self::Lines => f.write_str("is for nothing in this order"),
            Self::Pieces { least } => write!(f, "is for {least} pieces or more"),
        }
    }
}

/// The codes that were given, canonical and each once. The first that can't be taken is the error.
pub(crate) fn coupons(
    rules: &Rules,
    basket: &Basket<'_>,
) -> Result<BTreeSet<String>, NoSuchCoupon> {
    let list = Left::of(basket);
    let mut given = BTreeSet::new();
    for written in basket.coupons {
        let code = canonical(written);
        let Some(rule) = rules.by_coupon.get(&code).and_then(|at| rules.each.get(*at)) else {
            return Err(NoSuchCoupon { coupon: written.trim().to_owned(), why: Misfit::Unknown });
        };
        if let Err(why) = fits(rule, basket, &list) {
            return Err(NoSuchCoupon { coupon: code, why });
        }
        given.insert(code);
    }
    Ok(given)
}

/// Whether it is for this basket, by its list prices: what other promotions leave is another question.
pub(crate) fn fits(rule: &Rule, basket: &Basket<'_>, list: &Left<'_>) -> Result<(), Misfit> {
    if let Some(from) = rule.from.filter(|from| basket.at < *from) {
        return Err(Misfit::NotYet(from));
    }
    if let Some(until) = rule.until.filter(|until| basket.at >= *until) {
        return Err(Misfit::Over(until));
    }
    if let Some(code) = rule.currency.as_ref().filter(|code| *code != basket.currency) {
        return Err(Misfit::Currency(code.clone()));
    }
    let groups = &rule.customer_groups;
    if !groups.is_empty() && !basket.customer_group.is_some_and(|group| groups.contains(group)) {
        return Err(Misfit::Customer);
    }
    if let Some(least) = rule.minimum_spend.filter(|least| basket.total < *least) {
        let currency = rule.currency.clone().unwrap_or_default();
        return Err(Misfit::Spend { least, currency });
    }
    list.has_what_it_takes(rule)
}
