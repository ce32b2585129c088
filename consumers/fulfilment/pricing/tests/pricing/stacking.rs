//! Promotions stand one on the other.

use crate::{Order, given, rules};

#[test]
fn each_takes_from_what_the_ones_before_it_left() {
    let order = Order::of(&[("a", "", 1, "100.00")]);
    let percent_first = "- {name: p, percent: 10}\n- {name: o, amount_off: 10, currency: EUR}";
    assert_eq!(order.price(&rules(percent_first)).unwrap().to_pay.to_string(), "80.00");

    let amount_first = "- {name: o, amount_off: 10, currency: EUR}\n- {name: p, percent: 10}";
    assert_eq!(order.price(&rules(amount_first)).unwrap().to_pay.to_string(), "81.00");
}

#[test]
fn what_was_given_on_the_order_is_taken_from_each_line_in_proportion() {
    let order = Order::of(&[("a", "", 1, "60.00"), ("b", "", 1, "40.00")]);
    let text = "- {name: h, percent: 50}\n- {name: f, percent: 100, skus: [a]}";
    let priced = order.price(&rules(text)).unwrap();
    assert_eq!(given(&priced), [("-", "50.00".into()), ("a", "30.00".into())]);
    assert_eq!(priced.to_pay.to_string(), "20.00");
}

#[test]
fn a_free_piece_is_worth_what_is_left_of_it() {
    let order = Order::of(&[("a", "", 3, "10.00")]);
    let text = "- {name: h, percent: 50, skus: [a]}\n- {name: f, buy: 2, get: 1}";
    assert_eq!(
        given(&order.price(&rules(text)).unwrap()),
        [("a", "15.00".into()), ("a", "5.00".into())]
    );
}

#[test]
fn nothing_is_given_on_nothing() {
    let order = Order::of(&[("a", "", 1, "10.00")]);
    let text = "- {name: all, percent: 100}\n- {name: f, percent: 10}\n- {name: o, amount_off: 1, currency: EUR}";
    let priced = order.price(&rules(text)).unwrap();
    assert_eq!((priced.discounts.len(), priced.to_pay.to_string()), (1, "0.00".into()));
}
