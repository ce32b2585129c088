use std::sync::Arc;

use orderly_sdk::{
    Meta, OutRecord,
    consume::{Consumer, Limits},
    emit::{EmitSettings, Emitter},
    kafka::Kept,
};
use tokio::sync::Semaphore;

use crate::{
    members::{Gated, HeldUp, Script, end, ok, quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_pauses_its_partition_and_loses_nothing() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let (gate, entered, done) = (Arc::new(Semaphore::new(0)), Seen::default(), Seen::default());
    let gated = Gated { gate: Arc::clone(&gate), entered: entered.clone(), done: done.clone() };
    let limits = Limits { partition_records: 10, ..Limits::default() };
    let member = run(Consumer::new("group", &parts.config).limited(limits).on::<Greeted>(gated));
    for number in 0..500 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    entered.until("one is in hand", |all| all.len() == 1).await;
    gate.add_permits(500);
    let all = done.until("all", |all| all.len() == 500).await;
    assert_eq!(all, (0..500).collect::<Vec<_>>());
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_held_up_is_not_read_on_while_another_is() {
    const SIZE: usize = 100_000;
    const COUNT: usize = 40;
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let mut noise = Noise::default();
    for _ in 0..COUNT {
        let held_up = greeted(&hex::encode(noise.bytes(SIZE / 2)), -1);
        emit_to(&emitter, 0, &held_up).await;
    }
    let wire = Wire::before(&parts.broker).await;
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Seen::default());
    let handler = HeldUp { gate: Arc::clone(&gate), entered: entered.clone() };
    let limits = Limits { partition_records: 2, ..Limits::default() };
    // What is fetched ahead of a partition, beside one fetch of at most 1 MiB.
    let config = wire.config(&parts.config).with_property("queued.max.messages.kbytes", "256");
    let member = run(Consumer::new("group", &config).limited(limits).on::<Greeted>(handler));
    entered.until("one is held up", |all| all.contains(&-1)).await;
    // Each of these takes a fetch, which could bring one more of the other partition's.
    for number in 0..2 * i64::try_from(COUNT).unwrap() {
        emit_to(&emitter, 1, &greeted("k", number)).await;
        entered.until("the other partition goes on", |all| all.contains(&number)).await;
    }
    let read = wire.answered_bytes();
    assert!((SIZE..COUNT * SIZE / 2).contains(&read), "read {read} bytes");

    gate.add_permits(COUNT);
    let is_held_up = |number: &&i64| **number == -1;
    entered.until("all", |all| all.iter().filter(is_held_up).count() == COUNT).await;
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_next_record_was_removed_ends_and_says_so() {
    const SIZE: usize = 500_000;
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let member = || {
        let script = Script { seen: seen.clone(), act: ok };
        run(Consumer::new("group", &parts.config).retrying(quick()).on::<Greeted>(script))
    };
    emitter.emit(&greeted("k", 1)).await.unwrap();
    let first = member();
    seen.until("the first", |all| all.len() == 1).await;
    stop(first).await.unwrap();

    let mut noise = Noise::default();
    let good = emitter.encoders().record(&greeted("k", 2), &Meta::new(&"test".into())).unwrap();
    let kept = usize::try_from(Kept::BYTES).unwrap();
    for _ in 0..=kept * 4 / 3 / SIZE {
        let record = OutRecord { payload: Some(noise.bytes(SIZE)), ..good.clone() };
        emitter.send_encoded(record).await.unwrap().await.unwrap();
    }
    let error = end(member()).await.unwrap_err().to_string();
    assert!(error.contains("removed by retention") && error.contains("`group`"), "{error}");
    assert_eq!(seen.all().len(), 1);
}

async fn emit_to(emitter: &Emitter, partition: i32, event: &Greeted) {
    let record = emitter.encoders().record(event, &Meta::new(&"test".into())).unwrap();
    let record = OutRecord { partition: Some(partition), key: Some(b"k".to_vec()), ..record };
    emitter.send_encoded(record).await.unwrap().await.unwrap();
}

/// Bytes that no compression makes smaller (xorshift).
struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        };
        (0..count.div_ceil(8)).flat_map(|_| next().to_be_bytes()).take(count).collect()
    }
}
