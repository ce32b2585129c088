//! What the sandbox's tokens do.

use std::time::{Duration, Instant};

use fulfilment_payment::PaymentError;

use crate::parts::{Place, authorise, capture};

fn declined(reason: &str) -> PaymentError {
    PaymentError::Declined { reason: reason.into() }
}

pub(crate) async fn declining_tokens_decline_with_their_reason(place: &Place) {
    for (token, reason) in [
        ("tok_declined", "declined"),
        ("tok_insufficient_funds", "insufficient funds"),
        ("tok_expired", "expired"),
    ] {
        for _ in 0..2 {
            assert_eq!(place.ask(&authorise(token, token)).await, Err(declined(reason)));
        }
    }
    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!((totals.declined_count, totals.authorised_count), (3, 0));
}

pub(crate) async fn a_lost_answer_is_found_under_the_same_key(place: &Place) {
    let request = authorise("a", "tok_timeout_once");
    let lost = place.ask(&request).await;
    assert!(matches!(lost, Err(PaymentError::Unknown(_))), "{lost:?}");
    // It was done all the same.
    let open = place.simulated.open_authorisations(None).await.unwrap();
    assert_eq!(place.done(&request).await, open[0].reference);
    assert_eq!(place.simulated.open_authorisations(None).await.unwrap(), open);
}

pub(crate) async fn a_decline_can_be_lost_too(place: &Place) {
    let request = authorise("a", "tok_timeout_then_declined");
    let lost = place.ask(&request).await;
    assert!(matches!(lost, Err(PaymentError::Unknown(_))), "{lost:?}");
    for _ in 0..2 {
        assert_eq!(place.ask(&request).await, Err(declined("declined")));
    }
}

pub(crate) async fn nothing_is_done_while_a_token_is_away(place: &Place) {
    let request = authorise("a", "tok_unavailable_once");
    let away = place.ask(&request).await;
    assert!(matches!(away, Err(PaymentError::Unavailable(_))), "{away:?}");
    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!((totals.authorised_count, totals.undone_count), (0, 1));
    place.done(&request).await;
}

pub(crate) async fn a_slow_token_takes_half_a_second(place: &Place) {
    let began = Instant::now();
    place.done(&authorise("a", "tok_slow")).await;
    assert!(began.elapsed() >= Duration::from_millis(500));
}

pub(crate) async fn a_lost_answer_to_a_capture_is_found(place: &Place) {
    let payment = place.done(&authorise("a", "tok_capture_timeout_once")).await;
    let request = capture("c", &payment, "20.00");
    let lost = place.ask(&request).await;
    assert!(matches!(lost, Err(PaymentError::Unknown(_))), "{lost:?}");
    assert_eq!(place.simulated.totals(None).await.unwrap()["EUR"].captured_count, 1);
    assert_eq!(place.done(&request).await, payment);
    assert_eq!(place.simulated.totals(None).await.unwrap()["EUR"].captured.to_string(), "20.00");
}
