//! Once, however often it is asked.

use std::sync::Arc;

use fulfilment_payment::{PaymentError, Provider as _, Reply, Request};

use crate::parts::{Place, authorise, capture, refund, void};

/// Asks for all of them at once; each answer.
async fn at_once(place: &Place, requests: Vec<Request>) -> Vec<Result<Reply, PaymentError>> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let provider = Arc::clone(&place.provider);
            tokio::spawn(async move { provider.perform(&request).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

pub(crate) async fn a_repeat_gets_the_first_answer(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    assert_eq!(place.done(&authorise("a", "tok_ok")).await, payment);
    for _ in 0..2 {
        place.done(&capture("c", &payment, "20.00")).await;
    }
    for _ in 0..2 {
        place.done(&refund("r", &payment, "5.00")).await;
    }
    // An authorisation that is captured by now is still the answer to its key.
    assert_eq!(place.done(&authorise("a", "tok_ok")).await, payment);

    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!((totals.authorised_count, totals.calls), (1, 7));
    assert_eq!(totals.refunded.to_string(), "5.00");
}

pub(crate) async fn a_key_with_other_content_is_refused(place: &Place) {
    let first = authorise("a", "tok_ok");
    let payment = place.done(&first).await;
    for other in [
        authorise("a", "tok_other"),
        Request { amount: "20.01".parse().unwrap(), ..first.clone() },
        Request { currency: "GBP".into(), ..first.clone() },
        Request { order_id: "o2".into(), ..first.clone() },
        capture("a", &payment, "20.00"),
    ] {
        place.refused(&other, "used for another request").await;
    }
    // The same amount, written otherwise.
    let same = Request { amount: "20".parse().unwrap(), ..first };
    assert_eq!(place.done(&same).await, payment);
}

pub(crate) async fn twenty_at_once_with_one_key_do_it_once(place: &Place) {
    for answer in at_once(place, vec![authorise("plain", "tok_ok"); 20]).await {
        answer.unwrap();
    }
    let lossy = at_once(place, vec![authorise("lossy", "tok_timeout_once"); 20]).await;
    let lost =
        lossy.iter().filter(|answer| matches!(answer, Err(PaymentError::Unknown(_)))).count();
    let done = lossy.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((lost, done), (1, 19));

    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!((totals.authorised_count, totals.calls), (2, 40));
    assert_eq!(totals.authorised.to_string(), "40.00");
}

pub(crate) async fn captures_and_voids_at_once_do_one_of_them(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    let each = (0..10).flat_map(|n| {
        [capture(&format!("c{n}"), &payment, "20.00"), void(&format!("v{n}"), &payment)]
    });
    let answers = at_once(place, each.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");

    let totals = &place.simulated.totals(None).await.unwrap()["EUR"];
    assert_eq!(totals.captured_count + totals.voided_count, 1);
}

pub(crate) async fn refunds_at_once_never_come_to_more_than_was_captured(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    place.done(&capture("c", &payment, "10.00")).await;
    let each = (0..20).map(|n| refund(&format!("r{n}"), &payment, "3.00"));
    let answers = at_once(place, each.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(place.simulated.totals(None).await.unwrap()["EUR"].refunded.to_string(), "9.00");
}

pub(crate) async fn what_was_answered_outlives_the_process(place: &Place) {
    let payment = place.done(&authorise("a", "tok_ok")).await;
    place.ask(&authorise("d", "tok_declined")).await.unwrap_err();

    let other = place.elsewhere().await;
    assert_eq!(other.perform(&authorise("a", "tok_ok")).await, Ok(Reply { reference: payment }));
    let declined = other.perform(&authorise("d", "tok_declined")).await;
    assert_eq!(declined, Err(PaymentError::Declined { reason: "declined".into() }));
}
