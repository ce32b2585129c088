//! Whatever is committed or dropped, and however it interleaves: each key's records come out in
//! the order of its commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use orderly_stores::{Database, Outbox, outbox};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use tokio::task::{JoinSet, yield_now};

use crate::{Place, outbox::LONG_LEASE, record};

const SCHEDULES: usize = 40;

pub(crate) async fn a_key_comes_out_in_commit_order(place: &Place) {
    let db = place.open();
    outbox::prepare(&db).await.unwrap();
    let mut relay = Outbox::new(db.clone());
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..SCHEDULES {
        let members = members().new_tree(&mut runner).unwrap().current();
        let story = format!("{members:?}");
        let committed = run(&db, members).await;

        let mut relayed = Committed::new();
        loop {
            let taken = relay.take(4).await.unwrap();
            if taken.is_empty() {
                break;
            }
            for (_, record) in &taken {
                let text = |bytes: &Option<Vec<u8>>| {
                    String::from_utf8(bytes.clone().unwrap_or_default()).unwrap()
                };
                relayed.entry(text(&record.key)).or_default().push(text(&record.payload));
            }
            relay.sent(&crate::outbox::ids(&taken)).await.unwrap();
        }
        assert_eq!(relayed, committed, "{story}");
    }
}

/// Payloads by key.
type Committed = BTreeMap<String, Vec<String>>;

/// One transaction: a key, how many records it emits, how often it pauses between them, and
/// whether it commits.
#[derive(Clone, Debug)]
struct Work {
    key: u8,
    records: u8,
    pauses: u8,
    commits: bool,
}

fn members() -> impl Strategy<Value = Vec<Vec<Work>>> {
    let work = (0..3_u8, 0..4_u8, 0..3_u8, any::<bool>())
        .prop_map(|(key, records, pauses, commits)| Work { key, records, pauses, commits });
    prop::collection::vec(prop::collection::vec(work, 0..5), 1..5)
}

/// Runs the members at once; says what they committed.
async fn run(db: &Database, members: Vec<Vec<Work>>) -> Committed {
    let committed = Arc::new(Mutex::new(Committed::new()));
    let mut tasks = JoinSet::new();
    for (member, works) in members.into_iter().enumerate() {
        let (db, committed) = (db.clone(), Arc::clone(&committed));
        tasks.spawn(async move {
            for (number, work) in works.into_iter().enumerate() {
                let mut tx = db.begin().await.unwrap();
                let key = work.key.to_string();
                let mut payloads = Vec::new();
                for nth in 0..work.records {
                    let payload = format!("{member}.{number}.{nth}");
                    outbox::insert(&mut tx, &[record(&key, &payload)]).await.unwrap();
                    payloads.push(payload);
                    for _ in 0..work.pauses {
                        yield_now().await;
                    }
                }
                if work.commits && !payloads.is_empty() {
                    // The key is still held here, so this is the order of its commits.
                    committed.lock().unwrap().entry(key).or_default().extend(payloads);
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    let mut committed = committed.lock().unwrap();
    std::mem::take(&mut committed)
}

pub(crate) async fn a_slower_transaction_keeps_its_place(place: &Place) {
    let db = place.open();
    outbox::prepare(&db).await.unwrap();
    let other = place.open();
    let mut relay = Outbox::leasing(place.open(), LONG_LEASE);
    // Leases its buckets, for which it writes.
    assert!(relay.take(10).await.unwrap().is_empty());

    let mut slower = db.begin().await.unwrap();
    outbox::insert(&mut slower, &[record("k", "first")]).await.unwrap();
    // It asks for the key while the slower one holds it, and would commit at once.
    let mut faster = tokio::spawn(async move {
        let mut tx = other.begin().await.unwrap();
        outbox::insert(&mut tx, &[record("k", "second")]).await.unwrap();
        tx.commit().await.unwrap();
    });
    // Long enough for it to overtake, were nothing in its way. Whatever is there is not sent yet.
    let overtook = tokio::time::timeout(Duration::from_millis(300), &mut faster).await.is_ok();
    assert!(!overtook && relay.take(10).await.unwrap().is_empty());
    slower.commit().await.unwrap();
    faster.await.unwrap();

    let taken = relay.take(10).await.unwrap();
    let payloads: Vec<_> = taken.into_iter().map(|(_, record)| record.payload.unwrap()).collect();
    assert_eq!(payloads, [b"first".to_vec(), b"second".to_vec()]);
}

pub(crate) async fn what_a_held_key_stands_for_is_replaced_by_one_at_a_time(place: &Place) {
    let db = place.open();
    outbox::prepare(&db).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE versions (key TEXT NOT NULL, version BIGINT NOT NULL)", &[])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let db = db.clone();
        tasks.spawn(async move {
            let mut tx = db.begin().await.unwrap();
            outbox::hold(&mut tx, &[("stock", "k"), ("orders", "k")]).await.unwrap();
            let sql = "SELECT count(*) FROM versions WHERE key = $1";
            let row = tx.query_opt(sql, &["k".into()]).await.unwrap().unwrap();
            let version: i64 = row.get(0).unwrap();
            yield_now().await;
            let sql = "INSERT INTO versions (key, version) VALUES ($1, $2)";
            tx.execute(sql, &["k".into(), version.into()]).await.unwrap();
            outbox::insert(&mut tx, &[record("k", &version.to_string())]).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    tasks.join_all().await;

    let taken = Outbox::new(db).take(10).await.unwrap();
    let payloads: Vec<_> = taken.into_iter().map(|(_, record)| record.payload.unwrap()).collect();
    let versions: Vec<_> = (0..8).map(|version| version.to_string().into_bytes()).collect();
    assert_eq!(payloads, versions);
}
