use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use orderly_sdk::{
    Meta,
    emit::{EmitError, EmitSettings, Emitter},
    kafka::{KafkaError, Tail},
};
use sha2::{Digest, Sha256};

use crate::{
    parts::{Parts, greeted},
    wire::{Producing, Wire},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_where_the_record_lies_and_what_it_is() {
    let parts = Parts::start(4).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let meta = Meta::new(&"test".into());

    let receipt = emitter.emit_as(&greeted("ada", 1), &meta).await.unwrap();

    let mut tail = Tail::from_start(&parts.config, &["greetings"]).await.unwrap();
    let record = tail.next().await.unwrap().unwrap();
    assert_eq!(*record.at(), receipt.at);
    assert_eq!(receipt.event_id, meta.id);
    let hash: [u8; 32] = Sha256::digest(record.payload().unwrap()).into();
    assert_eq!(receipt.hash, hash);
    assert_eq!(record.key(), Some(b"ada".as_slice()));
    assert_eq!(record.timestamp(), Some(meta.time));
    for (name, value) in [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", meta.id.to_string()),
        ("ce_type", "test.Greeted".to_owned()),
        ("ce_source", "test".to_owned()),
        ("ce_time", meta.time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        ("traceparent", meta.traceparent.unwrap().to_string()),
    ] {
        assert_eq!(record.header_str(name), Some(value.as_str()), "{name}");
    }
    assert_eq!(record.header("ce_historic"), None);
}

/// Java's DefaultPartitioner: `toPositive(murmur2(key)) % partitions`. The expectations are from
/// Kafka's own `Utils.murmur2` (its unit test's vectors).
#[tokio::test(flavor = "multi_thread")]
async fn keys_go_to_the_partitions_that_java_clients_use() {
    let parts = Parts::start(12).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for (key, murmur2) in [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        let receipt = emitter.emit(&greeted(key, 1)).await.unwrap();
        assert_eq!(receipt.at.partition.partition, (murmur2 & 0x7fff_ffff) % 12, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_keep_the_order_in_which_they_were_sent() {
    let parts = Parts::start(3).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let mut pending = Vec::new();
    for number in 0..3_000 {
        let event = greeted(&format!("key-{}", number % 7), number);
        pending.push(emitter.send(&event, &Meta::new(&"test".into())).await.unwrap());
    }
    let mut last = HashMap::new();
    for (number, outcome) in pending.into_iter().enumerate() {
        let at = outcome.await.unwrap().at;
        let before = last.insert(number % 7, at.clone());
        assert!(before.is_none_or(|before| before < at), "event {number} at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn awaiting_each_outcome_does_not_serialise_the_others() {
    let parts = Parts::start(1).await;
    let settings = EmitSettings { linger: Duration::from_millis(500), ..EmitSettings::default() };
    let emitter = parts.emitter(settings).await;
    // One by one, 100 events would take 100 lingers of half a second.
    let started = Instant::now();
    let emits = (0..100).map(|number| {
        let emitter = emitter.clone();
        tokio::spawn(async move { emitter.emit(&greeted("k", number)).await.unwrap() })
    });
    for emit in emits.collect::<Vec<_>>() {
        emit.await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(20), "took {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_broker_at_start_is_a_clear_error_within_the_timeout() {
    let parts = Parts::start(1).await;
    let mut config = parts.config.clone();
    config.bootstrap = "127.0.0.1:1".into();
    config.connect_timeout = Duration::from_millis(700);
    let encoders = parts.encoders("test").await;
    let started = Instant::now();
    let error = Emitter::connect(&config, encoders, EmitSettings::default()).await.err().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(matches!(error, KafkaError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_at_start() {
    let parts = Parts::start(1).await;
    let broker = orderly_sdk::kafka::EmbeddedBroker::start([("other", 1)]).unwrap();
    let config = broker.config(&parts.registry.url());
    let encoders = parts.encoders("test").await;
    let error = Emitter::connect(&config, encoders, EmitSettings::default()).await.err().unwrap();
    assert!(matches!(&error, KafkaError::NoSuchTopic(topic) if topic == "greetings"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_in_the_middle_gives_an_outcome_in_time_and_then_goes_on() {
    let parts = Parts::start(1).await;
    let settings =
        EmitSettings { delivery_timeout: Some(Duration::from_secs(3)), ..EmitSettings::default() };
    let emitter = parts.emitter(settings).await;
    emitter.emit(&greeted("k", 1)).await.unwrap();

    parts.broker.go_down().unwrap();
    let started = Instant::now();
    let error = emitter.emit(&greeted("k", 2)).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(15), "took {:?}", started.elapsed());
    let is_named = match &error {
        EmitError::NotWritten(e) => e.key == "k" && !e.is_final,
        EmitError::Unknown(e) => e.key == "k" && e.meta.is_some(),
    };
    assert!(is_named, "{error}");

    parts.broker.come_back().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = emitter.emit(&greeted("k", 3)).await {
        assert!(Instant::now() < deadline, "never came back: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_sent_and_never_answered_is_unknown_and_is_repeated_under_its_id() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    let emitter = impatient(&parts, &wire).await;
    emitter.emit(&greeted("k", 0)).await.unwrap();
    wire.set(Producing::HoldAnswers);
    let meta = Meta::new(&"test".into());
    let error = emitter.emit_as(&greeted("k", 1), &meta).await.unwrap_err();
    let EmitError::Unknown(unknown) = error else { panic!("{error:?}") };
    assert_eq!(unknown.meta.as_ref(), Some(&meta));

    wire.set(Producing::Pass);
    let deadline = Instant::now() + Duration::from_secs(20);
    let again = unknown.meta.unwrap();
    let receipt = loop {
        match emitter.emit_as(&greeted("k", 1), &again).await {
            Ok(receipt) => break receipt,
            Err(error) => assert!(Instant::now() < deadline, "never healed: {error}"),
        }
    };
    assert_eq!(receipt.event_id, meta.id);
    let mut tail = Tail::from_start(&parts.config, &["greetings"]).await.unwrap();
    tail.next().await.unwrap().unwrap();
    for offset in 1..=receipt.at.offset {
        let record = tail.next().await.unwrap().unwrap();
        assert_eq!(record.at().offset, offset);
        assert_eq!(record.header_str("ce_id"), Some(meta.id.to_string().as_str()));
    }
    assert!(receipt.at.offset >= 2, "the unknown one was there: {}", receipt.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_never_sent_is_surely_not_written() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    wire.set(Producing::HoldIds);
    let emitter = impatient(&parts, &wire).await;
    let error = emitter.emit(&greeted("k", 1)).await.unwrap_err();
    assert!(matches!(&error, EmitError::NotWritten(e) if !e.is_final), "{error:?}");
}

async fn impatient(parts: &Parts, wire: &Wire) -> Emitter {
    let settings =
        EmitSettings { delivery_timeout: Some(Duration::from_secs(4)), ..EmitSettings::default() };
    let config = wire.config(&parts.config);
    Emitter::connect(&config, parts.encoders("test").await, settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_bounded_and_waiting_for_room_too() {
    let parts = Parts::start(1).await;
    let settings = EmitSettings {
        most_records: 3,
        room_timeout: Duration::from_millis(200),
        delivery_timeout: Some(Duration::from_secs(20)),
        ..EmitSettings::default()
    };
    let emitter = parts.emitter(settings).await;
    parts.broker.go_down().unwrap();
    let meta = Meta::new(&"test".into());
    let mut waiting = Vec::new();
    for number in 0..3 {
        waiting.push(emitter.send(&greeted("k", number), &meta).await.unwrap());
    }
    let refused = emitter.send(&greeted("k", 4), &meta).await.err().unwrap();
    assert!(matches!(&refused, EmitError::NotWritten(e) if e.why.contains("room")), "{refused}");

    parts.broker.come_back().unwrap();
    for outcome in waiting {
        outcome.await.unwrap();
    }
    assert!(emitter.flush(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_is_refused_for_good() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let error = emitter.emit(&greeted(&"k".repeat(2_000_000), 1)).await.unwrap_err();
    assert!(matches!(&error, EmitError::NotWritten(e) if e.is_final), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_waits_for_everything_sent() {
    let parts = Parts::start(2).await;
    let settings = EmitSettings { linger: Duration::from_millis(300), ..EmitSettings::default() };
    let emitter = parts.emitter(settings).await;
    let mut pending = Vec::new();
    for number in 0..50 {
        pending.push(emitter.send(&greeted("k", number), &Meta::new(&"t".into())).await.unwrap());
    }
    assert!(emitter.flush(Duration::from_secs(10)).await);
    for outcome in pending {
        let outcome = futures::FutureExt::now_or_never(outcome).expect("flushed");
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_was_not_declared_is_refused_with_the_way_out() {
    let parts = Parts::start(1).await;
    let registry = orderly_sdk::codec::Registry::new(&parts.config).unwrap();
    let none = orderly_sdk::codec::Encoders::of("test").register(&parts.config, &registry);
    let emitter = Emitter::connect(&parts.config, none.await.unwrap(), EmitSettings::default());
    let error = emitter.await.unwrap().emit(&greeted("k", 1)).await.unwrap_err();
    assert!(error.to_string().contains("declare"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_that_the_promises_rest_on_cannot_be_turned_off() {
    let parts = Parts::start(1).await;
    for (name, value) in [("acks", "1"), ("enable.idempotence", "false")] {
        let config = parts.config.clone().with_property(name, value);
        let encoders = parts.encoders("test").await;
        let error =
            Emitter::connect(&config, encoders, EmitSettings::default()).await.err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}
