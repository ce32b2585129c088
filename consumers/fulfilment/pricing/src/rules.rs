//! Promotions, as they hold once read and checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::read_rules;

/// Every promotion there is, in the order in which they stack. Read from text by [`Rules::parse`], which
/// says what may be written.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(crate) each: Vec<Rule>,
    /// The rule of each coupon, by its code in upper case.
    pub(crate) by_coupon: BTreeMap<String, usize>,
}

/// Why the text is no set of promotions: the first thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    /// Its line, counted from 1; 0 where the text as a whole is meant.
    pub line: u64,
    /// The column, counted from 1; 0 where the text as a whole is meant.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Rules {
    /// No promotion: every order comes to its list price.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads at most 1 MiB of YAML with at most 1,000 promotions; `promotions.example.yaml` has every key.
    ///
    /// # Errors
    /// With the first thing that is wrong and where: an unknown key, a promotion that gives nothing or two
    /// things, an amount without a currency, dates that leave no time, a name or coupon that stands twice.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        read_rules::read(text)
    }

    /// Whether any of them is for a customer group: without one, nobody has to know the groups.
    pub fn are_for_groups(&self) -> bool {
        self.each.iter().any(|rule| !rule.customer_groups.is_empty())
    }

    /// How often a coupon may be used, in whatever case it is written. `None`: there is no such coupon;
    /// `Some(None)`: as often as anybody likes. Uses are the caller's to count.
    pub fn coupon_limit(&self, code: &str) -> Option<Option<u32>> {
        let rule = self.each.get(*self.by_coupon.get(&canonical(code))?)?;
        rule.coupon.as_ref().map(|coupon| coupon.limit)
    }
}

impl FromStr for Rules {
    type Err = RulesError;

    fn from_str(text: &str) -> Result<Self, RulesError> {
        Self::parse(text)
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        write!(f, "{}", self.message)?;
        match &self.suggestion {
            Some(name) => write!(f, ": did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// One promotion.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) gives: Gives,
    pub(crate) on: On,
    /// Empty: for everybody.
    pub(crate) customer_groups: BTreeSet<String>,
    pub(crate) minimum_spend: Option<Decimal>,
    pub(crate) currency: Option<String>,
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) coupon: Option<Coupon>,
    pub(crate) exclusive: bool,
}

/// What the customer gets.
#[derive(Clone, Debug)]
pub(crate) enum Gives {
    /// Of what is left; more than 0, at most 100.
    Percent(Decimal),
    /// Once for the order.
    AmountOff(Decimal),
    /// Of each whole set of `buy` and `get` pieces, as many as `get` are free: the cheapest.
    Free { buy: u32, get: u32, within: Within },
}

/// Which pieces make a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Sku,
    Category,
}

/// What of the order is meant.
#[derive(Clone, Debug)]
pub(crate) enum On {
    Everything,
    Skus(BTreeSet<String>),
    Categories(BTreeSet<String>),
}

#[derive(Clone, Debug)]
pub(crate) struct Coupon {
    /// In upper case.
    pub(crate) code: String,
    pub(crate) limit: Option<u32>,
}

impl On {
    pub(crate) fn means(&self, sku: &str, category: Option<&str>) -> bool {
        match self {
            Self::Everything => true,
            Self::Skus(skus) => skus.contains(sku),
            Self::Categories(names) => category.is_some_and(|name| names.contains(name)),
        }
    }
}

/// A coupon's code as it is kept, counted and compared: without blanks around it, in capitals.
pub fn canonical(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}
