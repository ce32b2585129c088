//! One event of an order, from history or as it is read.

use axum::response::sse::Event;
use chrono::{DateTime, Utc};
use orderly_sdk::{EventId, record::InRecord};
use serde::{Deserialize, Serialize};

use crate::history::TimelineEntry;

/// The topics that tell of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Orders,
    Statuses,
}

impl Topic {
    pub(crate) const ALL: [Self; 2] = [Self::Orders, Self::Statuses];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orders => orderly_schemas::orders::TOPIC,
            Self::Statuses => orderly_schemas::order_status::TOPIC,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::Orders => 0,
            Self::Statuses => 1,
        }
    }
}

/// An event with where it lies in its order's partition of the topic.
#[derive(Debug)]
pub(crate) struct Happening {
    pub(super) order_id: Box<str>,
    pub(super) topic: Topic,
    pub(super) offset: i64,
    pub(super) id: EventId,
    /// The event that it followed from.
    pub(super) caused_by: Option<EventId>,
    pub(super) entry: TimelineEntry,
}

/// What every event of ours may say, whatever its type: what isn't said is absent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    sequence: Option<i64>,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    station: Option<i64>,
    #[serde(default)]
    ahead: Option<i64>,
    /// Of a stage, in milliseconds since 1970.
    #[serde(default)]
    ends_at: Option<i64>,
    /// Of an order that was confirmed.
    #[serde(default)]
    ready_at: Option<i64>,
    #[serde(default)]
    caused_by: Option<String>,
}

impl Happening {
    /// As history keeps it; `None` where it is of a topic that nobody follows.
    pub(crate) fn kept(
        order_id: &str,
        topic: &str,
        offset: i64,
        caused_by: Option<&str>,
        entry: TimelineEntry,
    ) -> Option<Self> {
        let topic = Topic::named(topic)?;
        let id = id_of(&entry.event_id);
        let (order_id, caused_by) = (order_id.into(), caused_by.map(id_of));
        Some(Self { order_id, topic, offset, id, caused_by, entry })
    }

    /// As its record says: headers, and of its value what was understood. A producer that isn't ours
    /// may have left something out.
    pub(super) fn read(
        order_id: &str,
        topic: Topic,
        record: &InRecord,
        schema: Option<&str>,
        said: Said,
    ) -> Self {
        let header = |name| record.header_str(name);
        let id = match header("ce_id") {
            Some(id) => EventId::from_header(header("ce_source").unwrap_or("unknown"), id),
            None => EventId::derived(&["no ce_id", &record.at().to_string()]),
        };
        let time = header("ce_time").and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let at = time.map(|time| time.with_timezone(&Utc)).or_else(|| record.timestamp());
        let event_type = short(header("ce_type").or(schema).unwrap_or_default());
        let due_at = match &*event_type {
            "OrderConfirmed" => said.ready_at,
            _ => said.ends_at,
        };
        let entry = TimelineEntry {
            r#type: event_type,
            at: at.unwrap_or_default(),
            event_id: id.to_string(),
            sequence: said.sequence,
            stage: said.stage,
            reason: said.reason,
            station: said.station,
            ahead: said.ahead,
            due_at: due_at.and_then(DateTime::from_timestamp_millis),
        };
        let caused_by = said.caused_by.as_deref().map(id_of);
        let (order_id, offset) = (order_id.into(), record.at().offset);
        Self { order_id, topic, offset, id, caused_by, entry }
    }

    /// As it goes out. `order_id`: where it isn't known from the stream.
    pub(super) fn event(&self, order_id: Option<&str>, status: Option<&str>) -> Event {
        let data = LiveEvent { order_id, entry: &self.entry, status };
        let json = serde_json::to_string(&data).unwrap_or_default();
        Event::default().event(&self.entry.r#type).data(json)
    }
}

/// An entry of an order's timeline, and what the order is then.
#[derive(Serialize)]
struct LiveEvent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(flatten)]
    entry: &'a TimelineEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
}

fn id_of(text: &str) -> EventId {
    EventId::from_header("", text)
}

/// The type without its namespace. What can't stand in a line of a stream is left out: a header may
/// hold any text.
fn short(event_type: &str) -> String {
    let name = event_type.rsplit('.').next().unwrap_or_default();
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(100).collect();
    if name.is_empty() { "Unknown".to_owned() } else { name }
}
