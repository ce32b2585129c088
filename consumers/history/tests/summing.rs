//! Sums are exact.

use history::SumError;
use orderly_schemas::OrderPlaced;

use crate::parts::{Of, Store, decimal, placed, received, returned, with_lines};

on_both! {
    tenths_add_up,
    lines_add_up_unrounded_and_the_sum_is_rounded_once,
    the_largest_amounts_lose_no_digit,
    a_sum_that_no_decimal_holds_is_an_error,
    currencies_are_not_added_to_each_other,
    more_lines_than_a_page_are_all_added,
}

async fn tenths_add_up(store: Store) {
    let order = with_lines(placed("o1"), &[("a", 1, "0.1"), ("b", 1, "0.2")]);
    store.fold(&[received(order, 0)]).await;

    assert_eq!(store.history.sales().await.unwrap()["EUR"].to_string(), "0.30");
}

async fn lines_add_up_unrounded_and_the_sum_is_rounded_once(store: Store) {
    // Rounded by order they would come to 0.01 each.
    let orders = (0..3).map(|i| with_lines(placed(&format!("o{i}")), &[("a", 1, "0.005")]));
    let orders: Vec<_> = orders.map(|order| received(order, 0)).collect();
    store.fold(&orders).await;
    assert_eq!(store.history.sales().await.unwrap()["EUR"].to_string(), "0.02");

    store
        .fold(&[received(with_lines(placed("p"), &[("a", 7, "1.125"), ("b", 1, "0.0001")]), 0)])
        .await;
    // 0.015 + 7.875 + 0.0001
    assert_eq!(store.history.sales().await.unwrap()["EUR"].to_string(), "7.89");
}

async fn the_largest_amounts_lose_no_digit(store: Store) {
    let line = ("gold", 100_000_000, "99999999999999.9999");
    store.fold(&[received(with_lines(placed("o1"), &[line, ("dust", 1, "0.0100")]), 0)]).await;

    let sum = store.history.sales().await.unwrap()["EUR"];
    assert_eq!(sum.to_string(), "9999999999999999990000.01");
}

async fn a_sum_that_no_decimal_holds_is_an_error(store: Store) {
    let line = ("gold", i32::MAX, "99999999999999.9999");
    let lines = vec![line; 50];
    store.fold(&[received(with_lines(placed("o1"), &lines), 0)]).await;

    let error = store.history.sales().await.unwrap_err();
    assert!(matches!(&error, SumError::TooLarge { currency } if currency == "EUR"), "{error}");
}

async fn currencies_are_not_added_to_each_other(store: Store) {
    let in_pounds = Of(OrderPlaced { currency: "GBP".into(), ..placed("o2").0 });
    let events = [received(placed("o1"), 0), received(in_pounds, 0), received(returned("c1"), 1)];
    store.fold(&events).await;

    let sales: Vec<_> = store.history.sales().await.unwrap().into_iter().collect();
    assert_eq!(sales, [("EUR".into(), decimal("12.30")), ("GBP".into(), decimal("12.30"))]);
    let returns: Vec<_> = store.history.returns().await.unwrap().into_iter().collect();
    assert_eq!(returns, [("EUR".into(), decimal("5.25"))]);
}

async fn more_lines_than_a_page_are_all_added(store: Store) {
    let lines: Vec<_> = (0..7_000).map(|_| ("a", 1, "0.01")).collect();
    let orders = [
        received(with_lines(placed("o1"), &lines), 0),
        received(with_lines(placed("o2"), &lines), 0),
    ];
    store.fold(&orders).await;

    assert_eq!(store.history.sales().await.unwrap()["EUR"], decimal("140.00"));
}
