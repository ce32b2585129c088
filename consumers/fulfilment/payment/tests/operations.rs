//! What follows on what.

use fulfilment_payment::Request;

use crate::parts::{Place, authorise, capture, refund, void};

pub(crate) async fn an_authorisation_is_captured_and_refunded(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    assert_eq!(place.done(&capture("c", &payment, "20.00")).await, payment);
    assert_eq!(place.done(&refund("r", &payment, "20.00")).await, payment);

    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    let sums = [totals.authorised, totals.captured, totals.refunded, totals.voided];
    assert_eq!(sums.map(|sum| sum.to_string()), ["20.00", "20.00", "20.00", "0"]);
}

pub(crate) async fn a_void_lets_go_what_was_set_aside(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    assert_eq!(place.simulated.open_authorisations(None).await.unwrap().len(), 1);
    assert_eq!(place.done(&void("v", &payment)).await, payment);
    assert_eq!(place.simulated.open_authorisations(None).await.unwrap(), []);
}

pub(crate) async fn a_capture_takes_what_was_authorised_at_most_and_once(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    place.refused(&capture("c1", &payment, "20.01"), "20.01 can't be captured").await;
    place.done(&capture("c2", &payment, "12.50")).await;
    place.refused(&capture("c3", &payment, "7.50"), "is captured already").await;
}

pub(crate) async fn refunds_come_to_what_was_captured_at_most(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    place.refused(&refund("r0", &payment, "1.00"), "only what is captured").await;
    place.done(&capture("c", &payment, "10.00")).await;
    place.done(&refund("r1", &payment, "6.00")).await;
    place.refused(&refund("r2", &payment, "4.01"), "4.00 left").await;
    place.done(&refund("r3", &payment, "4.00")).await;
    place.refused(&refund("r4", &payment, "0.01"), "left").await;
}

pub(crate) async fn only_an_open_authorisation_is_voided(place: &Place) {
    let captured = place.done(&authorise("a1", "tok_ok")).await;
    place.done(&capture("c", &captured, "20.00")).await;
    place.refused(&void("v1", &captured), "is captured already").await;

    let voided = place.done(&authorise("a2", "tok_ok")).await;
    place.done(&void("v2", &voided)).await;
    place.refused(&void("v3", &voided), "is voided already").await;
    place.refused(&capture("c2", &voided, "20.00"), "is voided already").await;
    place.refused(&refund("r", &voided, "20.00"), "only what is captured").await;
}

pub(crate) async fn an_unknown_payment_is_refused(place: &Place) {
    place.refused(&capture("c", "pay_none", "1.00"), "there is no payment pay_none").await;
    place.refused(&void("v", "pay_none"), "there is no payment").await;
    place.refused(&refund("r", "pay_none", "1.00"), "there is no payment").await;
}

pub(crate) async fn another_orders_payment_is_refused(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    let others = Request { order_id: "o2".into(), ..capture("c", &payment, "20.00") };
    place.refused(&others, "another order's").await;
}

pub(crate) async fn another_currency_is_refused(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    let pounds = Request { currency: "GBP".into(), ..capture("c", &payment, "20.00") };
    place.refused(&pounds, "is in EUR, and not in GBP").await;
}

pub(crate) async fn a_refusal_is_not_kept(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    let early = refund("r", &payment, "5.00");
    place.refused(&early, "only what is captured").await;
    place.done(&capture("c", &payment, "20.00")).await;
    place.done(&early).await;
}

pub(crate) async fn what_no_provider_takes_is_refused(place: &Place) {
    let fine = authorise("a", "tok_ok");
    let amount = |text: &str| Request { amount: text.parse().unwrap(), ..fine.clone() };
    for (request, part) in [
        (amount("0"), "amount"),
        (amount("-1.00"), "amount"),
        (amount("1.005"), "amount"),
        (amount("10000000000000"), "amount"),
        (Request { key: String::new(), ..fine.clone() }, "key"),
        (Request { key: "a\nb".into(), ..fine.clone() }, "key"),
        (Request { order_id: "o 1".into(), ..fine.clone() }, "order id"),
        (Request { currency: "eur".into(), ..fine.clone() }, "currency"),
        (authorise("a", "4111 1111 1111 1111"), "card's number"),
        (authorise("a", ""), "token"),
        (capture("c", "..", "1.00"), "reference"),
        (capture("c", "a/b", "1.00"), "reference"),
    ] {
        place.refused(&request, part).await;
    }
    assert!(place.simulated.totals(None).await.unwrap().is_empty());
}
