//! Rounded once, half away from zero, and never up over what is there.

use fulfilment_pricing::{Basket, Line, price};
use rust_decimal::Decimal;

use crate::{Order, decimal, given, moment, rules};

#[test]
fn a_half_cent_goes_to_the_customer() {
    let priced =
        Order::of(&[("a", "", 1, "0.50")]).price(&rules("- {name: p, percent: 5}")).unwrap();
    // 0.025
    assert_eq!(given(&priced), [("-", "0.03".into())]);
}

#[test]
fn lines_are_not_rounded_one_by_one() {
    let lines = [("a", "pizza", 1, "0.0050"), ("b", "pizza", 1, "0.0050"), ("c", "", 1, "5.00")];
    let priced =
        Order::of(&lines).price(&rules("- {name: p, percent: 100, categories: [pizza]}")).unwrap();
    assert_eq!(given(&priced), [("-", "0.01".into())]);
}

#[test]
fn what_rounds_to_nothing_is_not_given() {
    let priced =
        Order::of(&[("a", "", 1, "0.01")]).price(&rules("- {name: p, percent: 10}")).unwrap();
    assert_eq!(given(&priced), []);
}

#[test]
fn no_sku_gets_more_than_its_lines_come_to_unrounded() {
    let order = Order::of(&[("a", "", 1, "0.335")]);
    let by_sku = order.price(&rules("- {name: p, percent: 100, skus: [a]}")).unwrap();
    assert_eq!(by_sku.to_pay, decimal("0.01"));
    let on_all = order.price(&rules("- {name: p, percent: 100}")).unwrap();
    assert_eq!(on_all.to_pay, decimal("0.00"));
}

#[test]
fn amounts_beyond_all_reason_break_nothing() {
    let text = "- {name: f, buy: 2, get: 1}\n- {name: p, percent: 33.3333}\n- {name: s, percent: 7, skus: [a]}";
    let lines = [
        Line { sku: "a", category: None, quantity: i32::MAX, unit_price: Decimal::MAX },
        Line { sku: "b", category: None, quantity: i32::MAX, unit_price: decimal("0.0001") },
        Line { sku: "c", category: None, quantity: -1, unit_price: Decimal::MIN },
    ];
    for total in [Decimal::MAX, Decimal::MIN, Decimal::ZERO] {
        let at = moment("2026-06-01T12:00:00Z");
        let basket = Basket {
            lines: &lines,
            total,
            currency: "EUR",
            customer_group: None,
            coupons: &[],
            at,
        };
        assert!(price(&rules(text), &basket).unwrap().to_pay >= Decimal::ZERO);
    }
}
