//! What an order comes to.

use rust_decimal::Decimal;

use crate::{
    Basket, NoSuchCoupon, Rules,
    fits::{coupons, fits},
    left::Left,
    rules::Rule,
};

/// What an order comes to. What was given and what is to be paid add up to its total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// What was given, in the order in which it was.
    pub discounts: Vec<Given>,
    /// What is left to be paid: scale 2, nothing at least.
    pub to_pay: Decimal,
    /// The coupons that gave anything, in upper case. One that was given and isn't here isn't used up.
    pub coupons_used: Vec<String>,
}

/// One amount that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The promotion's name.
    pub rule: String,
    /// Its coupon, in upper case.
    pub coupon: Option<String>,
    /// The one product that it was given on; `None`: on several together, or on the order.
    pub sku: Option<String>,
    /// How much: scale 2, more than nothing.
    pub amount: Decimal,
}

/// Prices a basket: with all that stacks, or with one exclusive promotion, whichever is best for the
/// customer.
///
/// # Errors
/// If a coupon was given that is unknown, out of its dates, or not for this basket.
pub fn price(rules: &Rules, basket: &Basket<'_>) -> Result<Priced, NoSuchCoupon> {
    let given = coupons(rules, basket)?;
    let list = Left::of(basket);
    let applying = rules.each.iter().filter(|rule| {
        rule.coupon.as_ref().is_none_or(|coupon| given.contains(&coupon.code))
            && fits(rule, basket, &list).is_ok()
    });
    let (alone, stacked): (Vec<_>, Vec<_>) = applying.partition(|rule| rule.exclusive);
    let mut best = apply(&list, &stacked);
    for rule in alone {
        let other = apply(&list, &[rule]);
        let cost = |priced: &Priced| (priced.to_pay, priced.coupons_used.len());
        if cost(&other) < cost(&best) {
            best = other;
        }
    }
    Ok(best)
}

fn apply(list: &Left<'_>, rules: &[&Rule]) -> Priced {
    let mut left = list.clone();
    let discounts: Vec<Given> = rules.iter().flat_map(|rule| left.take(rule)).collect();
    let mut coupons_used: Vec<String> = discounts.iter().filter_map(|d| d.coupon.clone()).collect();
    coupons_used.dedup();
    let mut to_pay = left.whole;
    to_pay.rescale(2);
    Priced { discounts, to_pay, coupons_used }
}
