//! What transactions emit comes out once they are committed, and wakes the relay.

use std::time::Duration;

use orderly_sdk::{OutRecord, record::RecordHeaders};
use orderly_stores::{Database, Outbox, outbox};

use crate::{Place, record};

pub(crate) async fn records_come_out_as_they_went_in(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    let records = [
        record("a", "1"),
        OutRecord { partition: Some(7), key: None, payload: None, ..record("b", "2") },
        OutRecord {
            key: Some(vec![]),
            payload: Some(vec![0, 255]),
            headers: RecordHeaders::from_iter([
                ("ce_type", &b"OrderPlaced"[..]),
                ("", b""),
                ("ce_type", &[0, 159, 146, 150]),
            ]),
            timestamp_ms: -1,
            ..record("c", "3")
        },
        OutRecord { headers: RecordHeaders::default(), ..record("d", "4") },
    ];

    put(&db, &records[..2]).await;
    put(&db, &records[2..]).await;

    assert_eq!(records_of(relay.take(10).await.unwrap()), records);
    // Not sent yet, so they come again.
    assert_eq!(records_of(relay.take(10).await.unwrap()), records);
}

pub(crate) async fn a_rolled_back_record_never_comes_out(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    // Leases its buckets, for which it writes.
    assert!(relay.take(10).await.unwrap().is_empty());
    let mut tx = db.begin().await.unwrap();
    outbox::insert(&mut tx, &[record("a", "1")]).await.unwrap();
    assert!(relay.take(10).await.unwrap().is_empty());
    drop(tx);
    put(&db, &[record("a", "2")]).await;

    assert_eq!(records_of(relay.take(10).await.unwrap()), [record("a", "2")]);
}

pub(crate) async fn a_take_is_bounded_by_records_and_bytes(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    let mib = |n: usize| OutRecord { payload: Some(vec![7; n << 20]), ..record("a", "") };
    put(&db, &[record("a", "1"), record("a", "2"), mib(2), mib(1), mib(1), mib(5), mib(1)]).await;

    let mut sizes = Vec::new();
    for limit in [1, 10, 10, 10, 10, 10] {
        let taken = relay.take(limit).await.unwrap();
        sizes.push(taken.len());
        relay.sent(&ids(&taken)).await.unwrap();
    }

    // One by its limit; 2 + 1 MiB; one that would have made 4 MiB and a bit; 5 MiB alone; the last.
    assert_eq!(sizes, [1, 3, 1, 1, 1, 0]);
}

pub(crate) async fn sent_records_are_gone_and_their_ids_stay_used(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    assert!(relay.is_empty().await.unwrap());
    assert_eq!(relay.backlog().await.unwrap().oldest, None);
    put(&db, &[record("a", "1"), record("a", "2")]).await;
    let first = relay.take(10).await.unwrap();
    let backlog = relay.backlog().await.unwrap();
    assert_eq!(backlog.records, 2);
    assert!(backlog.oldest.is_some());
    assert!(!relay.is_empty().await.unwrap());

    relay.sent(&ids(&first)).await.unwrap();
    relay.sent(&[]).await.unwrap();

    assert!(relay.is_empty().await.unwrap());
    put(&db, &[record("a", "3")]).await;
    let later = relay.take(10).await.unwrap();
    assert!(later[0].0 > first[1].0, "{} after {}", later[0].0, first[1].0);
}

pub(crate) async fn a_commit_between_take_and_wait_wakes(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    assert!(relay.take(10).await.unwrap().is_empty());

    put(&db.clone(), &[record("a", "1")]).await;

    in_time(relay.changed()).await;
    assert_eq!(relay.take(10).await.unwrap().len(), 1);
}

pub(crate) async fn a_commit_while_a_take_is_under_way_wakes(place: &Place) {
    let (db, mut relay) = prepared(place).await;
    // The take is asked first. It may also have to see to its leases, in a transaction for which the
    // commit waits: so both go on together.
    let (taken, ()) = tokio::join!(biased; relay.take(10), async {
        // By then its read has run, and found nothing; if not, it finds the record, which is as well.
        for _ in 0..50 {
            db.query("SELECT 1", &[]).await.unwrap();
        }
        put(&db, &[record("a", "1")]).await;
    });
    let taken = taken.unwrap();

    if taken.is_empty() {
        in_time(relay.changed()).await;
    }
}

pub(crate) async fn what_lay_there_before_wakes_the_first_wait(place: &Place) {
    let (db, _) = prepared(place).await;
    put(&db, &[record("a", "1")]).await;

    in_time(Outbox::new(place.open()).changed()).await;
}

pub(crate) async fn a_relay_that_only_waits_misses_nothing(place: &Place) {
    const WRITERS: usize = 4;
    const EACH: usize = 25;
    let (db, mut relay) = prepared(place).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let db = db.clone();
        writers.spawn(async move {
            for number in 0..EACH {
                put(&db, &[record(&writer.to_string(), &number.to_string())]).await;
            }
        });
    }

    let relayed = in_time(async {
        let mut relayed = 0;
        while relayed < WRITERS * EACH {
            let taken = relay.take(3).await.unwrap();
            relay.sent(&ids(&taken)).await.unwrap();
            relayed += taken.len();
            if taken.is_empty() {
                relay.changed().await;
            }
        }
        relayed
    });

    assert_eq!(relayed.await, WRITERS * EACH);
    assert!(relay.is_empty().await.unwrap());
}

/// So long that nothing is to be renewed while a test holds the database.
pub(crate) const LONG_LEASE: Duration = Duration::from_secs(600);

async fn prepared(place: &Place) -> (Database, Outbox) {
    let db = place.open();
    outbox::prepare(&db).await.unwrap();
    let relay = Outbox::leasing(db.clone(), LONG_LEASE);
    (db, relay)
}

async fn put(db: &Database, records: &[OutRecord]) {
    let mut tx = db.begin().await.unwrap();
    outbox::insert(&mut tx, records).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) fn ids(taken: &[(i64, OutRecord)]) -> Vec<i64> {
    taken.iter().map(|(id, _)| *id).collect()
}

fn records_of(taken: Vec<(i64, OutRecord)>) -> Vec<OutRecord> {
    taken.into_iter().map(|(_, record)| record).collect()
}

/// A lost wake-up fails rather than hangs.
async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap()
}
