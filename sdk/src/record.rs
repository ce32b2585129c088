//! Records as they are on the wire: bytes, key, headers. The typed layers stand on these.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use crate::kafka::{Headers, Message};

use headers::Pairs;
pub use headers::RecordHeaders;

mod headers;

/// One partition of a topic.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a record is: its partition and offset.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinates {
    /// The partition it is in.
    pub partition: TopicPartition,
    /// Its offset there.
    pub offset: i64,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

impl fmt::Debug for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A record that is to be written: encoded, framed, ready to send or to lie in an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRecord {
    /// Where it goes.
    pub topic: Arc<str>,
    /// The partition, where it isn't the key's.
    pub partition: Option<i32>,
    /// What it is ordered by. `None` only where a dead letter's source had none.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Names and values, in order.
    pub headers: RecordHeaders,
    /// When it happened, milliseconds since 1970 UTC.
    pub timestamp_ms: i64,
}

impl OutRecord {
    /// About how many bytes of memory and network it takes.
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len)
            + self.payload.as_ref().map_or(0, Vec::len)
            + self.headers.as_bytes().len()
            + 64
    }
}

/// A record that was read.
pub struct InRecord {
    at: Coordinates,
    /// Counted once: what is taken up and given back must be the same.
    size: usize,
    body: Body,
}

enum Body {
    /// Where the client library put it.
    Lent(Message),
    /// In one buffer of its own.
    Own(Own),
}

/// Key, payload and headers, one behind the other.
struct Own {
    timestamp_ms: Option<i64>,
    bytes: Vec<u8>,
    key: Option<Span>,
    payload: Option<Span>,
    headers: u32,
}

impl InRecord {
    /// Copies a record's parts together.
    pub fn new<'a>(
        at: Coordinates,
        timestamp_ms: Option<i64>,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let own = Own::of(timestamp_ms, key, payload, headers);
        let size = own.bytes.capacity() + size_of::<Self>();
        Self { at, size, body: Body::Own(own) }
    }

    /// One that stays where it is, and keeps what was fetched with it: until it is looked at.
    pub(crate) fn lent(partition: TopicPartition, message: Message) -> Self {
        let at = Coordinates { partition, offset: message.offset() };
        let size = own_size(message.key(), message.payload()) + size_of::<Self>();
        Self { at, size, body: Body::Lent(message) }
    }

    /// The same in a buffer of its own, to be kept for any time.
    #[must_use]
    pub(crate) fn owned(self) -> Self {
        let own = match self.body {
            Body::Lent(it) => Own::of(it.timestamp_ms(), it.key(), it.payload(), it.headers()),
            Body::Own(own) => own,
        };
        Self { body: Body::Own(own), ..self }
    }

    /// Where it was read.
    pub fn at(&self) -> &Coordinates {
        &self.at
    }

    /// The record's timestamp, where it has one.
    pub fn timestamp(&self) -> Option<DateTime<Utc>> {
        let millis = match &self.body {
            Body::Lent(message) => message.timestamp_ms(),
            Body::Own(own) => own.timestamp_ms,
        };
        millis.and_then(DateTime::from_timestamp_millis)
    }

    /// Its key's bytes.
    pub fn key(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Lent(message) => message.key(),
            Body::Own(own) => own.key.map(|span| own.slice(span)),
        }
    }

    /// Its value's bytes; `None` is a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Lent(message) => message.payload(),
            Body::Own(own) => own.payload.map(|span| own.slice(span)),
        }
    }

    /// Its headers in order; those whose name is no text are left out.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.raw_headers().filter_map(headers::named)
    }

    /// The last header of that name, which is the one that counts.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        headers::last(self.raw_headers(), name)
    }

    /// The same, where it is text.
    pub fn header_str(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// About how many bytes it holds on to.
    pub fn size(&self) -> usize {
        self.size
    }

    fn raw_headers(&self) -> RawHeaders<'_> {
        match &self.body {
            Body::Lent(message) => RawHeaders::Lent(message.headers()),
            Body::Own(own) => RawHeaders::Own(Pairs(&own.bytes[own.headers as usize..])),
        }
    }
}

impl Own {
    fn of<'a>(
        timestamp_ms: Option<i64>,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(own_size(key, payload));
        let mut put = |part: &[u8]| {
            let start = short(bytes.len());
            bytes.extend_from_slice(part);
            Span { start, end: short(bytes.len()) }
        };
        let key = key.map(&mut put);
        let payload = payload.map(&mut put);
        let start_of_headers = short(bytes.len());
        for (name, value) in headers {
            self::headers::put(&mut bytes, name);
            self::headers::put(&mut bytes, value);
        }
        Self { timestamp_ms, bytes, key, payload, headers: start_of_headers }
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }
}

impl orderly_core::Record for InRecord {
    fn offset(&self) -> i64 {
        self.at.offset
    }

    fn key(&self) -> Option<&[u8]> {
        self.key()
    }

    fn size(&self) -> usize {
        self.size()
    }
}

/// Room for the headers that an event of ours has.
pub(crate) const USUAL_HEADERS: usize = 384;

fn own_size(key: Option<&[u8]>, payload: Option<&[u8]>) -> usize {
    key.map_or(0, <[u8]>::len) + payload.map_or(0, <[u8]>::len) + USUAL_HEADERS
}

/// A record's headers: names and values.
enum RawHeaders<'a> {
    Lent(Headers<'a>),
    Own(Pairs<'a>),
}

impl<'a> Iterator for RawHeaders<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lent(headers) => headers.next(),
            Self::Own(headers) => headers.next(),
        }
    }
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

/// In the protocol lengths are of 31 bits, and so is that of a whole record.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(0)
}
