//! A record that can never go.

use outbox_relay::RelayError;

use crate::parts::{Parts, assert_all_in_order, record, wire::Wire, with_payload};

/// In the payload of a record that the broker refuses.
const TOO_LARGE: &[u8] = b"too large for the topic";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_larger_than_any_may_be_stops_it_and_is_not_overtaken() {
    let parts = Parts::start(1).await;
    let large = with_payload("a", 1, vec![b'x'; 1_200_000]);
    parts.commit(&[record("a", 0), large, record("a", 2), record("b", 3)]).await;

    let error = parts.run().ended().await.unwrap_err();

    let RelayError::Refused { row, .. } = &error else { panic!("{error}") };
    let text = error.to_string();
    for part in [&format!("row {row} "), "test.Said", "key `a`", "`said`", "refused for good"] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    parts.topic.until(1).await;
    assert_eq!(parts.topic.ids(), ["a/0"]);
    assert_eq!(parts.outbox().await, ["a/1", "a/2", "b/3"]);

    // As the error says.
    parts.execute(&format!("DELETE FROM outbox WHERE id = {row}")).await;
    let relay = parts.run();
    parts.topic.until(3).await;
    relay.stop().await;
    assert_eq!(parts.topic.ids(), ["a/0", "a/2", "b/3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_flight_behind_a_refused_record_is_not_written_either() {
    let parts = Parts::start(1).await;
    let wire = Wire::refusing(&parts.broker, |request| {
        request.windows(TOO_LARGE.len()).any(|bytes| bytes == TOO_LARGE)
    });
    let wire = wire.await;
    // Each record is a request of its own, and five are under way at once.
    let config = wire
        .config(&parts.config)
        .with_property("batch.num.messages", "1")
        .with_property("compression.type", "none");
    let refused = with_payload("a", 2, TOO_LARGE.to_vec());
    let behind = [record("a", 3), record("a", 4), record("a", 5), record("a", 6)];
    parts.commit(&[record("a", 0), record("b", 1), refused]).await;
    parts.commit(&behind).await;

    let error = parts.run_on(&config).ended().await.unwrap_err();

    assert!(matches!(&error, RelayError::Refused { row: 3, .. }), "{error}");
    parts.topic.until(2).await;
    assert_eq!(parts.topic.ids()[..2], ["a/0", "b/1"]);
    assert_eq!(parts.outbox().await, ["a/2", "a/3", "a/4", "a/5", "a/6"]);
    parts.commit(&[record("last", 7)]).await;
    parts.execute("DELETE FROM outbox WHERE id <> 8").await;
    let relay = parts.run();
    parts.topic.until(3).await;
    relay.stop().await;
    assert_eq!(parts.topic.ids().last().unwrap(), "last/7");
    assert!(parts.topic.ids().iter().all(|id| !id.starts_with("a/") || id == "a/0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_too_large_only_together_go_one_by_one() {
    let parts = Parts::start(1).await;
    let wire = Wire::refusing(&parts.broker, |request| request.len() > 5_000).await;
    let config = wire
        .config(&parts.config)
        .with_property("linger.ms", "20")
        .with_property("compression.type", "none");
    let records: Vec<_> =
        (0..40).map(|n| with_payload(["a", "b"][n % 2], n, vec![b'x'; 1_000])).collect();
    parts.commit(&records).await;

    let relay = parts.run_on(&config);

    parts.topic.until(40).await;
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_row_stops_it_and_is_named() {
    let parts = Parts::start(1).await;
    parts.commit(&[record("a", 0), record("a", 1)]).await;
    parts.execute("UPDATE outbox SET headers = x'0000000561' WHERE id = 2").await;

    let error = parts.run().ended().await.unwrap_err();

    assert!(matches!(&error, RelayError::Store(_)), "{error}");
    assert!(error.to_string().contains("row 2 of table outbox"), "{error}");
}
