//! Marks on `<group>.parked`, as records: `<kind>:<topic>:<key>` is the key, so that compaction keeps
//! the last of each; the value is JSON. A state's end and an answer are tombstones. What is of no key
//! has none there.

use chrono::Utc;
use orderly_core::{Epoch, Key, Mark, ParkedKey, PassedOver, Position, Whose};
use serde::{Deserialize, Serialize};

use crate::{
    OutRecord,
    record::{InRecord, TopicPartition},
};

const TAKEOVER: &str = "takeover";
const STATE: &str = "state";
const PASSED_OVER: &str = "passed-over";
const REDRIVE: &str = "redrive";
const REDRIVE_PASSED_OVER: &str = "redrive-passed-over";
/// The header with its writer's epoch.
const EPOCH: &str = "parked.epoch";

/// Where a group keeps its marks.
pub(crate) fn topic_of(group: &str) -> String {
    format!("{group}.parked")
}

/// A state's value.
#[derive(Serialize, Deserialize)]
struct State {
    next: i64,
    letters_from: i64,
    laps: u32,
    is_redriving: bool,
    error: String,
}

/// How far what was passed over is done.
#[derive(Serialize, Deserialize)]
struct Passed {
    next: i64,
    done_beyond: String,
    until: i64,
}

/// A mark of a group, on a partition of one of its topics.
pub(crate) fn to_record(group: &str, at: &TopicPartition, mark: &Mark) -> OutRecord {
    let (kind, key, epoch, payload) = match mark {
        Mark::Takeover(epoch) => (TAKEOVER, None, Some(*epoch), Some("{}".into())),
        Mark::State { key, epoch, state } => {
            (STATE, Some(key), Some(*epoch), state.as_ref().map(to_json))
        }
        Mark::PassedOver { epoch, state } => {
            (PASSED_OVER, None, Some(*epoch), Some(passed_to_json(state)))
        }
        Mark::Redrive(Whose::Key(key)) => (REDRIVE, Some(key), None, Some("{}".into())),
        Mark::Redrive(Whose::PassedOver) => (REDRIVE_PASSED_OVER, None, None, Some("{}".into())),
        Mark::Answered(Whose::Key(key)) => (REDRIVE, Some(key), None, None),
        Mark::Answered(Whose::PassedOver) => (REDRIVE_PASSED_OVER, None, None, None),
    };
    let mut name = format!("{kind}:{}:", at.topic).into_bytes();
    name.extend_from_slice(key.map_or(&[], |key| &**key));
    let epoch = epoch.map(|epoch| (EPOCH, epoch.to_string()));
    OutRecord {
        topic: topic_of(group).into(),
        partition: Some(at.partition),
        key: Some(name),
        payload: payload.map(String::into_bytes),
        headers: epoch.into_iter().collect(),
        timestamp_ms: Utc::now().timestamp_millis(),
    }
}

/// The mark in a record of `<group>.parked`, and the topic that it is about; `None` where it is none.
pub(crate) fn from_record(record: &InRecord) -> Option<(String, Mark)> {
    let name = record.key()?;
    let mut parts = name.splitn(3, |byte| *byte == b':');
    let kind = parts.next()?;
    let topic = std::str::from_utf8(parts.next()?).ok()?.to_owned();
    let key: Key = parts.next()?.into();
    let epoch: Option<Epoch> = record.header_str(EPOCH).and_then(|epoch| epoch.parse().ok());
    let mark = match std::str::from_utf8(kind).ok()? {
        TAKEOVER => Mark::Takeover(epoch?),
        STATE => {
            let state = match record.payload() {
                None => None,
                Some(payload) => Some(from_json(payload)?),
            };
            Mark::State { key, epoch: epoch?, state }
        }
        PASSED_OVER => {
            Mark::PassedOver { epoch: epoch?, state: passed_from_json(record.payload()?)? }
        }
        kind @ (REDRIVE | REDRIVE_PASSED_OVER) => {
            let whose = if kind == REDRIVE { Whose::Key(key) } else { Whose::PassedOver };
            match record.payload() {
                Some(_) => Mark::Redrive(whose),
                None => Mark::Answered(whose),
            }
        }
        _ => return None,
    };
    Some((topic, mark))
}

fn to_json(state: &ParkedKey) -> String {
    let ParkedKey { next, letters_from, laps, is_redriving, error } = state.clone();
    let state = State { next, letters_from, laps, is_redriving, error };
    // Numbers and text: nothing in it can't be written.
    serde_json::to_string(&state).unwrap_or_default()
}

fn from_json(json: &[u8]) -> Option<ParkedKey> {
    let State { next, letters_from, laps, is_redriving, error } =
        serde_json::from_slice(json).ok()?;
    Some(ParkedKey { next, letters_from, laps, is_redriving, error })
}

fn passed_to_json(state: &PassedOver) -> String {
    let PassedOver { position: Position { next, done_beyond }, until } = state.clone();
    // As above.
    serde_json::to_string(&Passed { next, done_beyond, until }).unwrap_or_default()
}

fn passed_from_json(json: &[u8]) -> Option<PassedOver> {
    let Passed { next, done_beyond, until } = serde_json::from_slice(json).ok()?;
    Some(PassedOver { position: Position { next, done_beyond }, until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Coordinates;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let at = TopicPartition { topic: "orders".into(), partition: 3 };
        let key: Key = b"a:b\xff".as_slice().into();
        let state = ParkedKey {
            next: 7,
            letters_from: 2,
            laps: 1,
            is_redriving: true,
            error: "no \"stock\"".into(),
        };
        let marks = [
            Mark::Takeover(4),
            Mark::State { key: Key::clone(&key), epoch: 4, state: Some(state) },
            Mark::State { key: Key::clone(&key), epoch: 5, state: None },
            Mark::PassedOver {
                epoch: 5,
                state: PassedOver {
                    position: Position { next: 3, done_beyond: "o1:3:bQ".into() },
                    until: 9,
                },
            },
            Mark::Redrive(Whose::Key(Key::clone(&key))),
            Mark::Answered(Whose::Key(key)),
            Mark::Redrive(Whose::PassedOver),
            Mark::Answered(Whose::PassedOver),
        ];
        for mark in marks {
            let out = to_record("shop", &at, &mark);
            assert_eq!((&*out.topic, out.partition), ("shop.parked", Some(3)));
            let headers = out.headers.iter().map(|(name, value)| (name.as_bytes(), value));
            let at = TopicPartition { topic: out.topic, partition: 3 };
            let at = Coordinates { partition: at, offset: 0 };
            let read = InRecord::new(at, None, out.key.as_deref(), out.payload.as_deref(), headers);
            assert_eq!(from_record(&read), Some(("orders".to_owned(), mark)));
        }
    }
}
