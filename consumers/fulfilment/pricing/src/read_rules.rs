//! From text to promotions: what is written, and whether it makes sense.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_saphyr::{Error, Location, Spanned};

use crate::{
    Rules, RulesError,
    nearest::nearest,
    rules::{Coupon, Gives, On, Rule, Within, canonical},
};

const MAX_BYTES: usize = 1 << 20;
const MOST_RULES: usize = 1_000;
/// Names in one list.
const MOST_NAMES: usize = 1_000;
const LONGEST_NAME: usize = 100;
const LONGEST_CODE: usize = 32;
const MOST_PIECES: u32 = 1_000;

pub(crate) fn read(text: &str) -> Result<Rules, RulesError> {
    if text.len() > MAX_BYTES {
        return Err(whole("is larger than 1 MiB: that is no file of promotions"));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0, max_depth: 16, },
    };
    let file: FileForm =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| refused(&error))?;
    if file.promotions.len() > MOST_RULES {
        return Err(whole(format!("there are more than {MOST_RULES} promotions")));
    }
    let mut rules = Rules::none();
    let mut names = BTreeMap::new();
    for written in file.promotions {
        let (place, form) = (written.referenced, written.value);
        let wrong = |why: String| at(place, format!("promotion {}: {why}", quoted(&form.name)));
        if let Some(line) = names.insert(form.name.clone(), place.line()) {
            return Err(wrong(format!("its name stands on line {line} already")));
        }
        let rule = form.rule().map_err(wrong)?;
        if let Some(coupon) = &rule.coupon {
            let other = rules.by_coupon.insert(coupon.code.clone(), rules.each.len());
            if let Some(other) = other.and_then(|at| rules.each.get(at)) {
                return Err(wrong(format!(
                    "coupon {} is that of promotion {}: a coupon has one promotion",
                    quoted(&coupon.code),
                    quoted(&other.name)
                )));
            }
        }
        rules.each.push(rule);
    }
    Ok(rules)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    promotions: Vec<Spanned<RuleForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleForm {
    name: String,
    percent: Option<Exact>,
    amount_off: Option<Exact>,
    buy: Option<u32>,
    get: Option<u32>,
    within: Option<WithinForm>,
    skus: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    customer_groups: Option<Vec<String>>,
    minimum_spend: Option<Exact>,
    currency: Option<String>,
    from: Option<Moment>,
    until: Option<Moment>,
    coupon: Option<String>,
    coupon_limit: Option<u32>,
    #[serde(default)]
    exclusive: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WithinForm {
    Sku,
    Category,
}

/// A decimal, digit for digit as it is written: never by way of a float.
#[derive(Clone, Copy)]
struct Exact(Decimal);

/// A moment, or the beginning of a day, in UTC.
#[derive(Clone, Copy)]
struct Moment(DateTime<Utc>);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Decimal::from_str_exact(&text).map(Self).map_err(|_| {
            D::Error::custom(format!("{} is no decimal: write it as 12.50", quoted(&text)))
        })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let moment = DateTime::parse_from_rfc3339(&text).map(|moment| moment.to_utc());
        moment.or_else(|_| day()).map(Self).map_err(|_| {
            let found = quoted(&text);
            D::Error::custom(format!(
                "{found} is no time: write a day such as 2026-06-01, which begins at midnight UTC, or \
                 a moment such as 2026-06-01T18:00:00Z"
            ))
        })
    }
}

impl RuleForm {
    fn rule(&self) -> Result<Rule, String> {
        fits_a_line("its name", &self.name)?;
        let gives = self.gives()?;
        let rule = Rule {
            name: self.name.clone(),
            on: self.on()?,
            customer_groups: set("customer_groups", self.customer_groups.as_ref())?
                .unwrap_or_default(),
            minimum_spend: self
                .minimum_spend
                .map(|spend| amount("minimum_spend", spend))
                .transpose()?,
            currency: self.currency()?,
            from: self.from.map(|moment| moment.0),
            until: self.until.map(|moment| moment.0),
            coupon: self.coupon()?,
            exclusive: self.exclusive,
            gives,
        };
        let has_amount = matches!(rule.gives, Gives::AmountOff(_)) || rule.minimum_spend.is_some();
        if has_amount && rule.currency.is_none() {
            return Err(
                "it names an amount and no `currency`: write such as `currency: EUR`".into()
            );
        }
        if let (Some(from), Some(until)) = (rule.from, rule.until)
            && from >= until
        {
            return Err("`until` isn't behind `from`: it would never apply".into());
        }
        Ok(rule)
    }

    fn gives(&self) -> Result<Gives, String> {
        if self.buy.is_none() && (self.get.is_some() || self.within.is_some()) {
            return Err("`get` and `within` stand beside `buy`: buy how many?".into());
        }
        match (self.percent, self.amount_off, self.buy) {
            (Some(percent), None, None) => {
                let Exact(percent) = percent;
                if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED || percent.scale() > 4
                {
                    return Err(format!(
                        "`percent` should be more than 0 and at most 100, with at most 4 decimals, and \
                         not {percent}"
                    ));
                }
                Ok(Gives::Percent(percent))
            }
            (None, Some(off), None) => Ok(Gives::AmountOff(amount("amount_off", off)?)),
            (None, None, Some(buy)) => {
                let get = self.get.ok_or("`buy` stands beside `get`: how many are free?")?;
                for (key, pieces) in [("buy", buy), ("get", get)] {
                    if !(1..=MOST_PIECES).contains(&pieces) {
                        return Err(format!(
                            "`{key}` should be 1 to {MOST_PIECES}, and not {pieces}"
                        ));
                    }
                }
                let within = match self.within {
                    Some(WithinForm::Category) => Within::Category,
                    Some(WithinForm::Sku) | None => Within::Sku,
                };
                if within == Within::Category && self.skus.is_some() {
                    return Err(
                        "`within: category` counts whole categories: name `categories`, or \
                                neither"
                            .into(),
                    );
                }
                Ok(Gives::Free { buy, get, within })
            }
            (None, None, None) => {
                Err("it gives nothing: write one of `percent`, `amount_off`, or `buy` and `get`"
                    .into())
            }
            _ => {
                Err("it gives several things: write one of `percent`, `amount_off`, or `buy` and \
                      `get`, and another promotion for the other"
                    .into())
            }
        }
    }

    fn on(&self) -> Result<On, String> {
        let skus = set("skus", self.skus.as_ref())?;
        let categories = set("categories", self.categories.as_ref())?;
        match (skus, categories) {
            (None, None) => Ok(On::Everything),
            (Some(skus), None) => Ok(On::Skus(skus)),
            (None, Some(categories)) => Ok(On::Categories(categories)),
            (Some(_), Some(_)) => Err(
                "it names `skus` and `categories`: write one, and another promotion for the other"
                    .into(),
            ),
        }
    }

    fn currency(&self) -> Result<Option<String>, String> {
        let Some(code) = &self.currency else { return Ok(None) };
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(format!(
                "`currency` should be three capitals such as EUR, and not {}",
                quoted(code)
            ));
        }
        Ok(Some(code.clone()))
    }

    fn coupon(&self) -> Result<Option<Coupon>, String> {
        let Some(code) = &self.coupon else {
            return match self.coupon_limit {
                Some(_) => Err("`coupon_limit` stands beside `coupon`: which one?".into()),
                None => Ok(None),
            };
        };
        let is_one = (1..=LONGEST_CODE).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !is_one {
            return Err(format!(
                "`coupon` should be 1 to {LONGEST_CODE} of A-Z 0-9 - _, and not {}",
                quoted(code)
            ));
        }
        if self.coupon_limit == Some(0) {
            return Err(
                "`coupon_limit` should be 1 or more: leave the promotion out to end it".into()
            );
        }
        Ok(Some(Coupon { code: canonical(code), limit: self.coupon_limit }))
    }
}

/// An amount of money within reason.
fn amount(key: &str, Exact(amount): Exact) -> Result<Decimal, String> {
    if amount <= Decimal::ZERO
        || amount > Decimal::from(1_000_000_000_000_i64)
        || amount.scale() > 2
    {
        return Err(format!(
            "`{key}` should be more than 0 and at most a million million, with at most 2 decimals, and \
             not {amount}"
        ));
    }
    Ok(amount)
}

fn set(key: &str, names: Option<&Vec<String>>) -> Result<Option<BTreeSet<String>>, String> {
    let Some(names) = names else { return Ok(None) };
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(format!("`{key}` should name 1 to {MOST_NAMES}, and not {}", names.len()));
    }
    for name in names {
        fits_a_line(&format!("a name in `{key}`"), name)?;
    }
    Ok(Some(names.iter().cloned().collect()))
}

fn fits_a_line(what: &str, name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!(
            "{what} should be 1 to {LONGEST_NAME} bytes on one line, and not {}",
            quoted(name)
        ));
    }
    Ok(())
}

fn whole(message: impl Into<String>) -> RulesError {
    RulesError { line: 0, column: 0, message: message.into(), suggestion: None }
}

fn at(place: Location, message: String) -> RulesError {
    RulesError { line: place.line(), column: place.column(), message, suggestion: None }
}

/// The reader's error as ours.
fn refused(error: &Error) -> RulesError {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
    let (message, suggestion) = match error {
        Error::SerdeUnknownField { field, expected, .. } => named("key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => named("value", variant, expected),
        Error::SerdeMissingField { field, .. } => (format!("`{field}` is missing"), None),
        Error::Message { msg, .. } => (msg.clone(), None),
        other => (other.to_string(), None),
    };
    RulesError { line, column, message, suggestion }
}

fn named(what: &str, found: &str, expected: &[&'static str]) -> (String, Option<String>) {
    let meant = nearest(found, expected.iter().copied());
    let mut message = format!("unknown {what} {}", quoted(found));
    if meant.is_none() {
        message += &format!(": it should be one of `{}`", expected.join("`, `"));
    }
    (message, meant.map(str::to_owned))
}

/// `text` as it may stand in a message: in backquotes, on one line, not longer than a line takes.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
