//! The lock of a record's key, on Postgres, and the bucket that it is in.

use std::collections::BTreeSet;

use orderly_sdk::OutRecord;
use sha2::{Digest as _, Sha256};

use super::BUCKETS;

/// How many locks there are. A transaction that emits for more keys holds all of them, which is
/// well within what a server has room for (`max_locks_per_transaction` × `max_connections`); two
/// keys that share one only wait for each other.
const LOCKS: u16 = 4096;

/// Those of some records, each once, in the order in which everybody takes them. A record without a
/// key is in no order with others.
pub(super) fn locks(records: &[OutRecord]) -> Vec<i32> {
    let keyed = records.iter().filter_map(|record| Some((&*record.topic, record.key.as_deref()?)));
    locks_of(keyed)
}

/// The same of topics and keys.
pub(super) fn locks_of<'a>(keys: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<i32> {
    let locks: BTreeSet<i32> = keys.map(|(topic, key)| lock(topic, key)).collect();
    locks.into_iter().collect()
}

/// The bucket of a record: its key's, so that one relay has all of a key. Those without a key are
/// spread by what tells them apart, their headers. Never to be changed: rows know theirs.
pub(super) fn bucket(topic: &str, key: Option<&[u8]>, headers: &[u8]) -> u32 {
    let [.., third, fourth] = hash(topic, key.unwrap_or(headers));
    u32::from(u16::from_be_bytes([third, fourth])) % BUCKETS
}

fn lock(topic: &str, key: &[u8]) -> i32 {
    let [first, second, ..] = hash(topic, key);
    (u16::from_be_bytes([first, second]) % LOCKS).into()
}

fn hash(topic: &str, key: &[u8]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(topic).chain_update([0]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use orderly_sdk::record::RecordHeaders;

    use super::*;

    fn record(topic: &str, key: Option<&str>) -> OutRecord {
        OutRecord {
            topic: topic.into(),
            partition: None,
            key: key.map(Into::into),
            payload: None,
            headers: RecordHeaders::default(),
            timestamp_ms: 0,
        }
    }

    #[test]
    fn each_key_of_a_topic_has_a_lock_and_all_take_them_in_one_order() {
        let (a, b) = (record("orders", Some("a")), record("orders", Some("b")));
        let one = locks(&[a.clone(), b.clone(), a.clone()]);
        assert_eq!(one, locks(&[b.clone(), a.clone()]));
        assert_eq!(one.len(), 2);
        assert_ne!(locks(&[a]), locks(&[record("stock", Some("a"))]));
        assert!(locks(&[record("orders", None)]).is_empty());
    }

    #[test]
    fn the_bucket_of_a_key_stays_and_all_buckets_are_used() {
        assert_eq!(bucket("orders", Some(b"a"), b"x"), bucket("orders", Some(b"a"), b"y"));
        assert_eq!(bucket("order-status", Some(b"1"), b""), 30);
        let of = |n: u32| n.to_string().into_bytes();
        let keyed: BTreeSet<u32> =
            (0..1_000).map(|n| bucket("orders", Some(&of(n)), b"")).collect();
        let keyless: BTreeSet<u32> = (0..1_000).map(|n| bucket("orders", None, &of(n))).collect();
        assert_eq!((keyed.len(), keyless.len()), (64, 64));
    }
}
