//! Relays share the buckets, and each takes from its own.

use std::{collections::BTreeSet, time::Duration};

use orderly_stores::{Database, Outbox, outbox};

use crate::{Place, record};

const LONG: Duration = Duration::from_secs(600);
/// Several turns of the database on a busy machine.
const SHORT: Duration = Duration::from_secs(3);

pub(crate) async fn shares_are_evened_out_as_relays_come_and_go(place: &Place) {
    let db = prepared(place).await;
    let [a, b, c] = [(); 3].map(|()| Outbox::leasing(db.clone(), LONG));
    let [a, b, c] = [a.leases(), b.leases(), c.leases()];
    assert_eq!(a.balance().await.unwrap(), 64);

    // Known of, and nothing is free until the first has given back.
    assert_eq!((b.balance().await.unwrap(), c.balance().await.unwrap()), (0, 0));
    assert_eq!(a.balance().await.unwrap(), 22);
    assert_eq!(free(&db).await, 42);
    assert_eq!((b.balance().await.unwrap(), c.balance().await.unwrap()), (22, 20));
    assert_eq!(free(&db).await, 0);

    b.leave().await.unwrap();
    assert_eq!((a.balance().await.unwrap(), c.balance().await.unwrap()), (32, 32));
    assert_eq!(free(&db).await, 0);
}

pub(crate) async fn a_relay_that_is_silent_loses_its_buckets_and_one_that_renews_keeps_them(
    place: &Place,
) {
    let db = prepared(place).await;
    let silent = Outbox::leasing(db.clone(), SHORT);
    let renews = Outbox::leasing(db.clone(), SHORT);
    assert_eq!(silent.leases().balance().await.unwrap(), 64);
    renews.leases().balance().await.unwrap();
    assert_eq!(silent.leases().balance().await.unwrap(), 32);
    assert_eq!(renews.leases().balance().await.unwrap(), 32);

    let other = Outbox::leasing(db.clone(), LONG);
    let takes = async {
        let mut again = tokio::time::interval(SHORT / 20);
        while other.leases().balance().await.unwrap() < 32 {
            again.tick().await;
        }
        // The other half is renewed, for longer than a lease.
        tokio::time::sleep(SHORT * 2).await;
        assert_eq!(other.leases().balance().await.unwrap(), 32);
    };
    tokio::select! {
        () = takes => {}
        () = renews.leases().renew() => {}
    }
    assert_eq!(silent.leases().balance().await.unwrap(), 0);
}

pub(crate) async fn each_record_is_taken_by_the_relay_that_holds_its_bucket(place: &Place) {
    const KEYS: usize = 300;
    let db = prepared(place).await;
    let mut relays = [(); 3].map(|()| Outbox::leasing(db.clone(), LONG));
    for _ in 0..2 {
        for relay in &relays {
            relay.leases().balance().await.unwrap();
        }
    }
    for round in ["1", "2"] {
        let mut tx = db.begin().await.unwrap();
        let records: Vec<_> = (0..KEYS).map(|key| record(&key.to_string(), round)).collect();
        outbox::insert(&mut tx, &records).await.unwrap();
        tx.commit().await.unwrap();
    }

    let mut keys = BTreeSet::new();
    for relay in &mut relays {
        let mut taken = Vec::new();
        loop {
            let some = relay.take(50).await.unwrap();
            if some.is_empty() {
                break;
            }
            relay.sent(&crate::outbox::ids(&some)).await.unwrap();
            taken.extend(some);
        }
        // Each key with both of its records, whose order is that of the ids.
        assert!(taken.is_sorted_by_key(|(id, _)| *id));
        let of_round = |round: &str| -> BTreeSet<Vec<u8>> {
            let of_it = taken
                .iter()
                .filter(|(_, record)| record.payload.as_deref() == Some(round.as_bytes()));
            of_it.map(|(_, record)| record.key.clone().unwrap()).collect()
        };
        assert_eq!(of_round("1"), of_round("2"));
        assert!(of_round("1").len() > KEYS / 6, "an uneven share: {}", of_round("1").len());
        for key in of_round("1") {
            assert!(keys.insert(key), "taken twice");
        }
    }
    assert_eq!(keys.len(), KEYS);
}

pub(crate) async fn rows_from_before_there_were_buckets_come_first(place: &Place) {
    let db = prepared(place).await;
    let put = async |payload: &str| {
        let mut tx = db.begin().await.unwrap();
        outbox::insert(&mut tx, &[record("k", payload)]).await.unwrap();
        tx.commit().await.unwrap();
    };
    let forget_buckets = async || {
        let mut tx = db.begin().await.unwrap();
        tx.execute("UPDATE outbox SET bucket = NULL", &[]).await.unwrap();
        tx.commit().await.unwrap();
    };
    let payloads = |taken: Vec<(i64, orderly_sdk::OutRecord)>| -> Vec<String> {
        taken.into_iter().map(|(_, r)| String::from_utf8(r.payload.unwrap()).unwrap()).collect()
    };
    let mut relay = Outbox::leasing(db.clone(), LONG);
    assert!(relay.take(10).await.unwrap().is_empty());

    put("older").await;
    forget_buckets().await;
    put("newer").await;

    // It isn't due yet to give the older one its bucket, and doesn't take past it.
    assert_eq!(payloads(relay.take(10).await.unwrap()), [""; 0]);
    relay.leases().leave().await.unwrap();
    assert_eq!(payloads(relay.take(10).await.unwrap()), ["older", "newer"]);
}

async fn prepared(place: &Place) -> Database {
    let db = place.open();
    outbox::prepare(&db).await.unwrap();
    db
}

/// Buckets that nobody holds.
async fn free(db: &Database) -> i64 {
    let sql = "SELECT count(*) FROM outbox_leases WHERE relay IS NULL";
    db.query(sql, &[]).await.unwrap()[0].get(0).unwrap()
}
