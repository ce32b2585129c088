//! [`Meta`] as record headers, and back.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use uuid::fmt::Hyphenated;

use crate::{
    EventId, Meta,
    record::{InRecord, RecordHeaders, USUAL_HEADERS},
};

pub(crate) const TYPE: &str = "ce_type";
const SPEC_VERSION: &str = "ce_specversion";
pub(crate) const ID: &str = "ce_id";
pub(crate) const SOURCE: &str = "ce_source";
const TIME: &str = "ce_time";
/// An extension attribute of ours.
const HISTORIC: &str = "ce_historic";
const CONTENT_TYPE: &str = "content-type";
const TRACEPARENT: &str = "traceparent";

/// Longest text that is taken over from a header.
const MOST_TEXT: usize = 256;

/// The headers of an event of that type.
pub(crate) fn write(event_type: &str, meta: &Meta) -> RecordHeaders {
    let mut headers = RecordHeaders::with_room(USUAL_HEADERS);
    headers.push(SPEC_VERSION, b"1.0");
    headers.push(
        ID,
        meta.id.as_uuid().hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]).as_bytes(),
    );
    headers.push(SOURCE, meta.source.as_bytes());
    headers.push(TYPE, event_type.as_bytes());
    headers.push(TIME, meta.time.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes());
    headers.push(CONTENT_TYPE, b"application/avro");
    if meta.historic {
        headers.push(HISTORIC, b"true");
    }
    if let Some(traceparent) = &meta.traceparent {
        headers.push(TRACEPARENT, traceparent.as_bytes());
    }
    headers
}

/// What a record says of itself. Whatever a foreign producer left out is filled in: the id from
/// its coordinates, the time from its timestamp, else 1970.
pub(crate) fn read(record: &InRecord) -> Meta {
    let said = Said::of(record);
    let source: Arc<str> = said.source.unwrap_or("unknown").into();
    let id = match said.id {
        Some(id) => EventId::from_header(&source, id),
        None => EventId::derived(&["no ce_id", &record.at().to_string()]),
    };
    let time = said
        .time
        .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
        .map(|time| time.with_timezone(&Utc))
        .filter(is_writable)
        .or_else(|| record.timestamp().filter(is_writable))
        .unwrap_or_default();
    Meta {
        id,
        source,
        time,
        historic: said.historic == Some("true"),
        traceparent: said.traceparent.map(Into::into),
    }
}

/// The same, read when it is asked for.
pub(crate) struct MetaOf<'r> {
    record: &'r InRecord,
    read: OnceLock<Meta>,
}

impl<'r> MetaOf<'r> {
    pub(crate) fn of(record: &'r InRecord) -> Self {
        Self { record, read: OnceLock::new() }
    }

    pub(crate) fn get(&self) -> &Meta {
        self.read.get_or_init(|| read(self.record))
    }
}

/// The last header of each name, where it is a text that isn't too long.
#[derive(Default)]
struct Said<'r> {
    id: Option<&'r str>,
    source: Option<&'r str>,
    time: Option<&'r str>,
    historic: Option<&'r str>,
    traceparent: Option<&'r str>,
}

impl<'r> Said<'r> {
    fn of(record: &'r InRecord) -> Self {
        let mut said = Self::default();
        for (name, value) in record.headers() {
            let place = match name {
                ID => &mut said.id,
                SOURCE => &mut said.source,
                TIME => &mut said.time,
                HISTORIC => &mut said.historic,
                TRACEPARENT => &mut said.traceparent,
                _ => continue,
            };
            *place = std::str::from_utf8(value).ok().filter(|value| value.len() <= MOST_TEXT);
        }
        said
    }
}

/// Within the years that RFC 3339 can write.
fn is_writable(time: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}
