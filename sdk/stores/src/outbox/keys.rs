//! The locks of a record's key, on Postgres.

use std::collections::BTreeSet;

use orderly_sdk::OutRecord;
use sha2::{Digest as _, Sha256};

/// How many locks there are. A transaction that emits for more keys holds all of them, which is
/// well within what a server has room for (`max_locks_per_transaction` × `max_connections`); two
/// keys that share one only wait for each other.
const LOCKS: u16 = 4096;

/// Those of some records, each once, in the order in which everybody takes them. A record without a
/// key is in no order with others.
pub(super) fn locks(records: &[OutRecord]) -> Vec<i32> {
    let keyed = records.iter().filter_map(|record| Some((&*record.topic, record.key.as_deref()?)));
    let locks: BTreeSet<i32> = keyed.map(|(topic, key)| lock(topic, key)).collect();
    locks.into_iter().collect()
}

fn lock(topic: &str, key: &[u8]) -> i32 {
    let hash = Sha256::new().chain_update(topic).chain_update([0]).chain_update(key).finalize();
    (u16::from_be_bytes([hash[0], hash[1]]) % LOCKS).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, key: Option<&str>) -> OutRecord {
        OutRecord {
            topic: topic.to_owned(),
            partition: None,
            key: key.map(Into::into),
            payload: None,
            headers: vec![],
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
}
