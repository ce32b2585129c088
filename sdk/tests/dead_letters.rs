use orderly_sdk::{
    Event, Meta, OutRecord,
    consume::{BatchContext, BatchHandler, Consumer, Failure, Received, RetryPolicy},
    emit::{EmitSettings, Emitter},
    event_set,
    kafka::Tail,
};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    members::{Script, ok, run, skipping, stop},
    parts::{Greeted, Parted, Parts, Seen, greeted},
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let good = emitter.encoders().record(&greeted("k", 1), &orderly_sdk::Meta::new(&"t".into()));
    let good = good.unwrap();
    let bad = |payload: &[u8]| OutRecord { payload: Some(payload.to_vec()), ..good.clone() };
    let payload = good.payload.clone().unwrap();
    let truncated = bad(&payload[..payload.len() - 1]);
    let unknown_id = bad(&[0, 0, 0, 3, 231, 2, 65]);
    let records = [
        bad(b""),
        bad(b"hello"),
        truncated.clone(),
        unknown_id,
        bad(&[&payload[..], b"x"].concat()),
    ];
    let count = records.len();
    for record in records {
        emitter.send_encoded(record).await.unwrap().await.unwrap();
    }
    let last = emitter.send_encoded(good).await.unwrap().await.unwrap();

    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let member =
        run(Consumer::new("group", &parts.config).retrying(skipping()).on::<Greeted>(script));
    seen.until("the good one", |all| all.len() == 1).await;
    assert_eq!(last.at.offset, i64::try_from(count).unwrap());

    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    for offset in 0..count {
        let letter = tail.next().await.unwrap().unwrap();
        assert_eq!(letter.header_str("dead-letter.topic"), Some("greetings"));
        assert_eq!(letter.header_str("dead-letter.offset"), Some(offset.to_string().as_str()));
        assert_eq!(letter.header_str("dead-letter.group"), Some("group"));
        assert_eq!(letter.header_str("ce_type"), Some("test.Greeted"));
        assert_eq!(letter.key(), Some(b"k".as_slice()));
        if offset == 2 {
            assert_eq!(letter.payload(), truncated.payload.as_deref());
        }
    }
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_of_a_personal_topic_keeps_a_hash_and_no_value() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("k", 1)).await.unwrap();
    let act = |event: &Greeted, _: u32| {
        Err(Failure::reject(format_args!("{} lives in Elm Street", event.name)))
    };
    let script = Script { seen: Seen::default(), act };
    let member = run(Consumer::new("group", &parts.config)
        .keeping_private(["greetings".to_owned()])
        .on::<Greeted>(script));
    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    let letter = tail.next().await.unwrap().unwrap();
    assert_eq!(letter.payload(), None);
    assert!(letter.header_str("dead-letter.sha256").is_some_and(|hash| hash.len() == 64));
    assert!(letter.headers().all(|(_, v)| !String::from_utf8_lossy(v).contains("Elm Street")));
    stop(member).await.unwrap();
}

/// Emits this, then a good record; returns what the first one's dead letter is, once the second
/// one was handled.
async fn letter_of(
    parts: &Parts,
    policy: RetryPolicy,
    bad: OutRecord,
) -> orderly_sdk::record::InRecord {
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.send_encoded(bad).await.unwrap().await.unwrap();
    emitter.emit(&greeted("k", 7)).await.unwrap();
    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let member = run(Consumer::new("group", &parts.config).retrying(policy).on::<Greeted>(script));
    seen.until("the one after it", |all| all.iter().any(|(number, _)| *number == 7)).await;
    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    let letter = tail.next().await.unwrap().unwrap();
    stop(member).await.unwrap();
    letter
}

fn with_payload(emitter: &Emitter, payload: Vec<u8>) -> OutRecord {
    let good = emitter.encoders().record(&greeted("k", 1), &Meta::new(&"test".into())).unwrap();
    OutRecord { payload: Some(payload), ..good }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_no_registry_has_stops_nobody() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let bad = with_payload(&emitter, vec![0, 0, 0, 3, 231, 2, 65]);
    // Its attempts are many; a schema is looked for a few times only.
    let many = RetryPolicy { attempts: 100, ..skipping() };
    let letter = letter_of(&parts, many, bad.clone()).await;
    assert_eq!(letter.payload(), bad.payload.as_deref());
    assert!(letter.header_str("dead-letter.error").is_some_and(|error| error.contains("999")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_for_its_dead_letter_leaves_its_hash_and_blocks_nothing() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let letter = letter_of(&parts, skipping(), with_payload(&emitter, vec![7; 999_500])).await;
    assert_eq!(letter.payload(), None);
    assert!(letter.header_str("dead-letter.sha256").is_some_and(|hash| hash.len() == 64));
    assert_eq!(letter.header_str("dead-letter.offset"), Some("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_no_text_neither_panics_nor_blocks() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    wire.rewrite(b"odd-name", b"odd-\xff\xfe\xfd!");
    let config = wire.config(&parts.config).with_property("compression.type", "none");
    let encoders = parts.encoders("test").await;
    let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
    let meta = Meta::new(&"test".into());
    let mut odd = emitter.encoders().record(&greeted("k", 1), &meta).unwrap();
    odd.headers.push("odd-name", b"x");
    emitter.send_encoded(odd).await.unwrap().await.unwrap();
    assert!(wire.has_rewritten());

    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let member =
        run(Consumer::new("group", &parts.config).retrying(skipping()).on::<Greeted>(script));
    let all = seen.until("it", |all| all.len() == 1).await;
    assert_eq!(all, [(1, meta.id)]);
    stop(member).await.unwrap();
    let mut tail = Tail::from_start(&parts.config, &["greetings"]).await.unwrap();
    let read = tail.next().await.unwrap().unwrap();
    assert_eq!(read.header_str("ce_id"), Some(meta.id.to_string().as_str()));
    assert_eq!(read.header("odd-name"), None);
}

/// A [`Parted`] whose decoder has a bug.
#[derive(Clone, Debug, Serialize)]
pub struct Bomb {
    name: String,
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("the decoder's bug")
    }
}

impl Event for Bomb {
    const TYPE: &'static str = Parted::TYPE;
    const TOPIC: &'static str = Parted::TOPIC;
    const SCHEMA: &'static str = Parted::SCHEMA;

    fn key(&self) -> &str {
        &self.name
    }
}

event_set! {
    /// What may panic.
    enum Delicate { Greeted, Bomb }
}

struct Delicately {
    seen: Seen<i64>,
}

impl BatchHandler<Delicate> for Delicately {
    async fn handle(
        &self,
        _: &mut BatchContext<'_>,
        events: &[Received<Delicate>],
    ) -> Result<(), Failure> {
        for received in events {
            if let Delicate::Greeted(event) = &received.event {
                self.seen.add(event.number);
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_a_batch_is_decoded_costs_that_record_alone() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("k", 6)).await.unwrap();
    emitter.emit(&Parted { name: "k".into() }).await.unwrap();
    emitter.emit(&greeted("k", 7)).await.unwrap();
    let seen = Seen::default();
    let member = run(Consumer::new("group", &parts.config)
        .retrying(skipping())
        .in_batches::<Delicate>(Delicately { seen: seen.clone() }));
    let all = seen.until("the one after it", |all| all.contains(&7)).await;
    assert_eq!(all, [6, 7]);
    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    let letter = tail.next().await.unwrap().unwrap();
    assert_eq!(letter.header_str("dead-letter.offset"), Some("1"));
    let error = letter.header_str("dead-letter.error").unwrap();
    assert!(error.contains("the decoder's bug"), "{error}");
    stop(member).await.unwrap();
}
