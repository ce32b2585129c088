//! A history service that has read as much as a test lets it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use chrono::DateTime;
use orderly_schemas::every_schema;
use orderly_sdk::{Config, codec::Schema, kafka::Tail, record::InRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

const TOPICS: [&str; 2] = ["orders", "order-status"];

#[derive(Clone)]
pub(crate) struct FoldingHistory {
    url: String,
    inner: Arc<Mutex<Inner>>,
    asked: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    /// What happened, by topic and partition.
    read: BTreeMap<(String, i32), Vec<Kept>>,
    /// How many of them are folded; all where there is none.
    folded: Option<HashMap<(String, i32), usize>>,
    is_away: bool,
    /// What an answer takes.
    takes: Duration,
    /// Questions that are being answered, and how many there were at most.
    at_once: usize,
    most_at_once: usize,
}

#[derive(Clone)]
struct Kept {
    offset: i64,
    order_id: String,
    caller: Option<String>,
    entry: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    sequence: Option<i64>,
    stage: Option<String>,
    reason: Option<String>,
    caused_by: Option<String>,
    station: Option<i64>,
    ends_at: Option<i64>,
    caller: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    orders: i32,
    statuses: i32,
    caller: Option<String>,
}

impl FoldingHistory {
    pub(crate) async fn start(config: &Config) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let it = Self { url, inner: Arc::default(), asked: watch::Sender::new(0) };
        let app = Router::new().route("/orders/{id}/events", get(answer)).with_state(it.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut tail = Tail::from_start(config, &TOPICS).await.unwrap();
        let reading = it.clone();
        tokio::spawn(async move {
            while let Some(Ok(record)) = tail.next().await {
                reading.read(&record);
            }
        });
        it
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Folds nothing more.
    pub(crate) fn hold(&self) {
        let mut inner = self.inner.lock().unwrap();
        let folded = inner.read.iter().map(|(at, kept)| (at.clone(), kept.len())).collect();
        inner.folded = Some(folded);
    }

    /// Folds one more record of a topic, in each partition that has one.
    pub(crate) fn fold_one_of(&self, topic: &str) {
        let mut inner = self.inner.lock().unwrap();
        let Inner { read, folded, .. } = &mut *inner;
        let folded = folded.as_mut().unwrap();
        for (at, kept) in read.iter().filter(|((of, _), _)| of == topic) {
            let count = folded.entry(at.clone()).or_default();
            *count = (*count + 1).min(kept.len());
        }
    }

    /// Folds everything again.
    pub(crate) fn go_on(&self) {
        self.inner.lock().unwrap().folded = None;
    }

    pub(crate) fn be_away(&self, is_away: bool) {
        self.inner.lock().unwrap().is_away = is_away;
    }

    pub(crate) fn be_slow(&self, takes: Duration) {
        self.inner.lock().unwrap().takes = takes;
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.inner.lock().unwrap().most_at_once
    }

    /// Waits for this many more questions.
    pub(crate) async fn asked_more(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        let before = *asked.borrow();
        asked.wait_for(|asked| *asked >= before + count).await.unwrap();
    }

    pub(crate) fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    fn read(&self, record: &InRecord) {
        let event_type = record.header_str("ce_type").unwrap();
        let at = record.at();
        let place = (at.partition.topic.to_string(), at.partition.partition);
        let mut inner = self.inner.lock().unwrap();
        let kept = inner.read.entry(place).or_default();
        let order_id = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
        let event_id = record.header_str("ce_id").unwrap();
        let is_known = kept.iter().any(|kept| kept.entry["event_id"] == event_id);
        let schema = every_schema().iter().rev().find(|schema| schema.event == event_type);
        let mut said = Said::default();
        if let Some(schema) = schema {
            said = decode(schema.text, record).unwrap();
        }
        let mut entry = json!({
            "topic": at.partition.topic.to_string(), "offset": at.offset,
            "type": event_type.rsplit('.').next().unwrap(),
            "at": record.header_str("ce_time").unwrap(), "event_id": event_id,
        });
        for (name, value) in [
            ("sequence", json!(said.sequence)),
            ("stage", json!(said.stage)),
            // An answer is bounded, and a test may say much.
            ("reason", json!(said.reason.filter(|reason| reason.len() < 100))),
            ("caused_by", json!(said.caused_by)),
            ("station", json!(said.station)),
            ("due_at", json!(said.ends_at.and_then(DateTime::from_timestamp_millis))),
        ] {
            if !value.is_null() {
                entry[name] = value;
            }
        }
        // As history does: what it doesn't know, or knows already, is passed over.
        let order_id = if is_known || schema.is_none() { String::new() } else { order_id };
        kept.push(Kept { offset: at.offset, order_id, caller: said.caller, entry });
    }
}

fn decode(schema: &str, record: &InRecord) -> Option<Said> {
    Schema::parse(schema).unwrap().decode(&record.payload()?[5..]).ok()
}

async fn answer(
    State(history): State<FoldingHistory>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let takes = history.begin();
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    let answer = history.answer(&id, &asked);
    history.asked.send_modify(|count| *count += 1);
    answer
}

impl FoldingHistory {
    fn begin(&self) -> Duration {
        let mut inner = self.inner.lock().unwrap();
        inner.at_once += 1;
        inner.most_at_once = inner.most_at_once.max(inner.at_once);
        inner.takes
    }

    fn answer(&self, id: &str, asked: &Asked) -> Response {
        let mut inner = self.inner.lock().unwrap();
        inner.at_once -= 1;
        if inner.is_away {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let mut next = [0, 0];
        let mut events = Vec::new();
        let mut caller = None;
        for (index, partition) in [asked.orders, asked.statuses].into_iter().enumerate() {
            let at = (TOPICS[index].to_owned(), partition);
            let read = inner.read.get(&at).map_or(&[][..], Vec::as_slice);
            let folded = inner.folded.as_ref().map(|folded| folded.get(&at).copied());
            let folded = folded.map_or(read.len(), Option::unwrap_or_default);
            next[index] = read[..folded].last().map_or(0, |kept| kept.offset + 1);
            for kept in read[..folded].iter().filter(|kept| kept.order_id == id) {
                events.push(kept.entry.clone());
                if kept.entry["type"] == "OrderPlaced" {
                    caller = Some(kept.caller.clone());
                }
            }
        }
        let may_see = |owner: &Option<String>| asked.caller.is_none() || *owner == asked.caller;
        if !caller.as_ref().is_some_and(may_see) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let [orders_next, statuses_next] = next;
        Json(json!({
            "orders_next": orders_next, "statuses_next": statuses_next, "events": events,
        }))
        .into_response()
    }
}
