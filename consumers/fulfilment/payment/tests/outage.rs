//! An outage, begun and ended.

use fulfilment_payment::PaymentError;

use crate::parts::{Place, authorise, capture};

async fn is_away(place: &Place, request: &fulfilment_payment::Request) {
    let answer = place.ask(request).await;
    assert!(matches!(answer, Err(PaymentError::Unavailable(_))), "{answer:?}");
}

pub(crate) async fn in_an_outage_nothing_is_done_and_after_it_everything(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    let turned_away = async || place.simulated.turned_away(&["o1", "o2"]).await.unwrap();
    assert_eq!(turned_away().await, 0);
    // Whoever opens the same sandbox has it too.
    place.elsewhere().await.set_outage(true).await.unwrap();
    is_away(place, &authorise("b", "tok_ok")).await;
    is_away(place, &capture("c", &payment, "20.00")).await;
    assert_eq!(turned_away().await, 1);
    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!((totals.authorised_count, totals.captured_count, totals.calls), (1, 0, 1));

    place.simulated.set_outage(false).await.unwrap();
    place.done(&authorise("b", "tok_ok")).await;
    place.done(&capture("c", &payment, "20.00")).await;
}

pub(crate) async fn what_was_done_before_an_outage_is_not_told_in_it(place: &Place) {
    let request = authorise("a", "tok_ok");
    let payment = place.done(&request).await;
    place.simulated.set_outage(true).await.unwrap();
    is_away(place, &request).await;
    // Opened anew, it goes on.
    place.elsewhere().await;
    is_away(place, &request).await;
    place.simulated.set_outage(false).await.unwrap();
    assert_eq!(place.done(&request).await, payment);
}
