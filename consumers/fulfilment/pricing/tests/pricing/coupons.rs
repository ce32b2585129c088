//! Coupons: taken, passed over, refused.

use fulfilment_pricing::{Misfit, Rules};

use crate::{Order, given, rules};

fn pizza() -> Order {
    Order::of(&[("margherita", "pizza", 2, "10.00")])
}

fn offers() -> Rules {
    rules(
        "- {name: Summer, percent: 10, coupon: Summer-10, coupon_limit: 3, from: 2026-06-01, until: 2026-07-01}
- {name: Drinks, percent: 10, categories: [drinks], coupon: DRINKS}
- {name: Staff, percent: 10, customer_groups: [staff], coupon: STAFF}
- {name: Big, amount_off: 5, minimum_spend: 30.5, currency: EUR, coupon: BIG}
- {name: Pounds, amount_off: 5, currency: GBP, coupon: QUID}
- {name: Third, buy: 2, get: 1, coupon: THIRD}",
    )
}

#[test]
fn a_promotion_whose_coupon_was_not_given_does_not_apply() {
    let priced = pizza().price(&offers()).unwrap();
    assert_eq!((priced.discounts.len(), priced.coupons_used.len()), (0, 0));
}

#[test]
fn a_coupon_counts_once_in_whatever_case() {
    let priced = pizza().with(&["summer-10", " SUMMER-10 "]).price(&offers()).unwrap();
    assert_eq!(given(&priced), [("-", "2.00".into())]);
    assert_eq!(priced.coupons_used, ["SUMMER-10"]);
    assert_eq!(priced.discounts[0].coupon.as_deref(), Some("SUMMER-10"));
}

#[test]
fn limits_are_found_in_whatever_case() {
    let offers = offers();
    assert_eq!(offers.coupon_limit("suMMer-10"), Some(Some(3)));
    assert_eq!(offers.coupon_limit("DRINKS"), Some(None));
    assert_eq!(offers.coupon_limit("WINTER"), None);
}

#[test]
fn a_coupon_that_cannot_be_taken_says_why() {
    let why = |order: Order| order.price(&offers()).unwrap_err().to_string();
    for (code, message) in [
        ("winter", "coupon `winter` is not known"),
        ("drinks", "coupon `DRINKS` is for nothing in this order"),
        ("staff", "coupon `STAFF` is not for this customer"),
        ("big", "coupon `BIG` is for orders of 30.50 EUR or more"),
        ("quid", "coupon `QUID` is for orders in GBP"),
        ("third", "coupon `THIRD` is for 3 pieces or more"),
    ] {
        assert_eq!(why(pizza().with(&[code])), message);
    }
    let summer = pizza().with(&["SUMMER-10"]);
    assert_eq!(
        why(summer.clone().at("2026-05-31T23:59:59.999Z")),
        "coupon `SUMMER-10` is valid from 2026-06-01 00:00 UTC"
    );
    assert_eq!(
        why(summer.at("2026-07-01T00:00:00Z")),
        "coupon `SUMMER-10` was valid until 2026-07-01 00:00 UTC"
    );
}

#[test]
fn what_the_customer_wrote_is_shown_on_one_short_line() {
    let long = format!("x\n{}", "y".repeat(10_000));
    let error = pizza().with(&[&long]).price(&offers()).unwrap_err();
    assert_eq!(error.why, Misfit::Unknown);
    let shown = error.to_string();
    assert!(shown.len() < 120 && !shown.contains('\n'), "{shown}");
}

#[test]
fn one_wrong_coupon_refuses_the_order_whatever_the_others() {
    assert!(pizza().with(&["SUMMER-10", "WINTER"]).price(&offers()).is_err());
}

#[test]
fn a_coupon_that_gives_nothing_is_not_used_up() {
    let all = rules("- {name: Free, percent: 100}\n- {name: More, percent: 10, coupon: MORE}");
    let priced = pizza().with(&["MORE"]).price(&all).unwrap();
    assert_eq!((priced.to_pay.to_string(), priced.coupons_used.len()), ("0.00".into(), 0));
}
