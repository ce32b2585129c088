//! An exclusive promotion or all the others, whichever is better.

use crate::{Order, rules};

fn names(order: &Order, text: &str) -> Vec<String> {
    let priced = order.price(&rules(text)).unwrap();
    priced.discounts.into_iter().map(|given| given.rule).collect()
}

fn pizza() -> Order {
    Order::of(&[("margherita", "pizza", 2, "10.00")])
}

#[test]
fn the_customer_gets_what_is_better() {
    let alone = "- {name: a, percent: 10}\n- {name: b, percent: 10}\n- {name: x, percent: 20, exclusive: true}";
    assert_eq!(names(&pizza(), alone), ["x"]);

    let together = "- {name: x, percent: 18, exclusive: true}\n- {name: a, percent: 10}\n- {name: b, percent: 10}";
    assert_eq!(names(&pizza(), together), ["a", "b"]);
}

#[test]
fn of_two_exclusive_ones_the_better_is_given() {
    let both =
        "- {name: x, percent: 10, exclusive: true}\n- {name: y, percent: 11, exclusive: true}";
    assert_eq!(names(&pizza(), both), ["y"]);
}

#[test]
fn where_both_save_the_same_no_coupon_is_used() {
    let same = "- {name: x, percent: 10, coupon: TEN}\n- {name: y, percent: 10, exclusive: true}";
    let order = pizza().with(&["ten"]);
    assert_eq!(names(&order, same), ["y"]);

    let other = "- {name: x, percent: 10, coupon: TEN, exclusive: true}\n- {name: y, percent: 10}";
    assert_eq!(names(&order, other), ["y"]);
}
