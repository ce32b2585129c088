//! What became of the money.

use fulfilment_payment::Request;

use crate::parts::{Place, authorise, capture, void};

/// Of order `order` in `currency`.
fn of(order: &str, currency: &str, request: Request) -> Request {
    Request { order_id: order.into(), currency: currency.into(), ..request }
}

pub(crate) async fn totals_are_by_currency_and_of_the_orders_asked_for(place: &Place) {
    // More than one question's part of ids.
    let orders: Vec<_> = (0..150).map(|n| format!("o{n}")).collect();
    for order in &orders[..120] {
        place.done(&of(order, "EUR", authorise(&format!("a:{order}"), "tok_ok"))).await;
    }
    place.done(&of("o0", "GBP", authorise("pounds", "tok_ok"))).await;
    place.ask(&of("o1", "EUR", authorise("declined", "tok_declined"))).await.unwrap_err();

    let all = place.simulated.totals(None).await.unwrap();
    assert_eq!(all["EUR"].authorised.to_string(), "2400.00");
    assert_eq!((all["EUR"].calls, all["EUR"].declined_count), (121, 1));
    assert_eq!(all["GBP"].authorised.to_string(), "20.00");

    let named: Vec<_> = orders[10..].iter().map(String::as_str).collect();
    let some = place.simulated.totals(Some(&named)).await.unwrap();
    assert_eq!(some.keys().collect::<Vec<_>>(), ["EUR"]);
    assert_eq!(
        (some["EUR"].authorised.to_string(), some["EUR"].declined_count),
        ("2200.00".into(), 0)
    );
    assert!(place.simulated.totals(Some(&[])).await.unwrap().is_empty());
}

pub(crate) async fn what_is_neither_captured_nor_voided_is_open(place: &Place) {
    let captured = place.done(&of("o1", "EUR", authorise("a1", "tok_ok"))).await;
    place.done(&of("o1", "EUR", capture("c1", &captured, "5.00"))).await;
    let voided = place.done(&of("o2", "EUR", authorise("a2", "tok_ok"))).await;
    place.done(&of("o2", "EUR", void("v2", &voided))).await;
    for order in ["o4", "o3"] {
        place.done(&of(order, "EUR", authorise(order, "tok_ok"))).await;
    }

    let of_orders = |open: Vec<fulfilment_payment::OpenAuthorisation>| {
        open.into_iter().map(|one| one.order_id).collect::<Vec<_>>()
    };
    let all = place.simulated.open_authorisations(None).await.unwrap();
    assert_eq!((all[0].amount.to_string(), all[0].currency.as_str()), ("20.00".into(), "EUR"));
    assert_eq!(of_orders(all), ["o3", "o4"]);
    let some = place.simulated.open_authorisations(Some(&["o1", "o4"])).await.unwrap();
    assert_eq!(of_orders(some), ["o4"]);
}
