//! A store, and what happened.

pub mod cluster;
pub mod server;

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use history::{Happened, ReadModel, fold};
use orderly_harness::decide;
use orderly_schemas::{
    OrderCancelled, OrderCollected, OrderCompleted, OrderConfirmed, OrderLine, OrderPlaced,
    OrderReturned, ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::{
    EventId, Meta,
    consume::Received,
    record::{Coordinates, TopicPartition},
};
use orderly_stores::{Database, Row, Tx};

/// A database of a test's own, with history's tables.
pub struct Store {
    pub db: Database,
    pub history: ReadModel,
    url: String,
    /// What it stands on, removed with it.
    _ground: Box<dyn Any + Send + Sync>,
}

impl Store {
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("h.db").display());
        Self::on(&url, Box::new(dir)).await
    }

    /// On a Postgres, if there is one.
    pub async fn on_postgres(test: &str) -> Option<Self> {
        let database = decide(test, orderly_harness::parts::postgres().await)?;
        let url = database.url().to_owned();
        Some(Self::on(&url, Box::new(database)).await)
    }

    async fn on(url: &str, ground: Box<dyn Any + Send + Sync>) -> Self {
        let db = Database::open(url).unwrap();
        let history = ReadModel::open(&db).await.unwrap();
        Self { db, history, url: url.to_owned(), _ground: ground }
    }

    /// The same, as another process opens it.
    pub fn elsewhere(&self) -> Database {
        Database::open(&self.url).unwrap()
    }

    /// Folds and commits one batch.
    pub async fn fold(&self, events: &[Received<Happened>]) {
        let mut tx = self.db.begin().await.unwrap();
        fold(&mut tx, events).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn rows(&self) -> Rows {
        rows(&mut self.db.begin().await.unwrap()).await
    }

    /// Where the group is, in the partitions where it is anywhere.
    pub async fn positions(&self) -> Vec<i64> {
        let rows = self.db.query("SELECT next_offset FROM positions", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }
}

/// Every row of every table of history.
pub type Rows = BTreeMap<&'static str, Vec<Row>>;

pub async fn rows(tx: &mut Tx) -> Rows {
    let mut rows = BTreeMap::new();
    for (table, key) in [
        ("history_orders", "order_id"),
        ("history_lines", "order_id, line_no"),
        ("history_timeline", "order_id, event_id"),
        ("history_kitchen", "order_id"),
        ("history_returns", "order_id"),
        ("history_return_lines", "order_id, line_no"),
    ] {
        let sql = format!("SELECT * FROM {table} ORDER BY {key}");
        rows.insert(table, tx.query(&sql, &[]).await.unwrap());
    }
    rows
}

pub fn decimal(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

pub fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Everything is placed at this time, and what comes later each a second later.
pub fn noon() -> DateTime<Utc> {
    moment("2026-11-20T12:00:00Z")
}

static OFFSETS: AtomicI64 = AtomicI64::new(0);

/// An event as it was received: happened so many seconds after noon, under an id of its own, in a
/// record of its own.
pub fn received(event: impl Into<Happened>, seconds: i64) -> Received<Happened> {
    let event = event.into();
    let topic = match event {
        Happened::OrderPlaced(_)
        | Happened::OrderCancellationRequested(_)
        | Happened::OrderCollected(_)
        | Happened::OrderReturned(_) => "orders",
        _ => "order-status",
    };
    let meta = Meta {
        id: EventId::new(),
        source: Arc::from("test"),
        time: noon() + TimeDelta::seconds(seconds),
        historic: false,
        traceparent: None,
    };
    let partition = TopicPartition { topic: topic.into(), partition: 2 };
    let at = Coordinates { partition, offset: OFFSETS.fetch_add(1, Ordering::Relaxed) };
    Received { event, meta, at }
}

macro_rules! happened_from {
    ($($event:ident)+) => {
        $(impl From<Of<$event>> for Happened {
            fn from(event: Of<$event>) -> Self {
                Self::$event(event.0)
            }
        })+
    };
}

/// One event, on its way into the set.
pub struct Of<E>(pub E);

happened_from! {
    OrderPlaced OrderCollected OrderReturned OrderConfirmed StageQueued StageStarted StageCompleted
    ReadyForPickup OrderCompleted OrderCancelled
}

pub const CAUSE: &str = "0199c0de-7b1a-7000-8000-000000000001";

/// Lines as (sku, quantity, unit price).
pub fn lines(lines: &[(&str, i32, &str)]) -> Vec<OrderLine> {
    lines
        .iter()
        .map(|&(sku, quantity, unit_price)| OrderLine {
            sku: sku.into(),
            name: Some(format!("a {sku}")),
            category: None,
            quantity,
            unit_price: decimal(unit_price),
        })
        .collect()
}

pub fn placed(order_id: &str) -> Of<OrderPlaced> {
    Of(OrderPlaced {
        order_id: order_id.into(),
        user_id: Some("ada".into()),
        currency: "EUR".into(),
        lines: lines(&[("margherita", 2, "5.2500"), ("water", 1, "1.8000")]),
        total: decimal("12.30"),
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    })
}

pub fn confirmed(order_id: &str, sequence: i64) -> Of<OrderConfirmed> {
    Of(OrderConfirmed {
        order_id: order_id.into(),
        sequence,
        caused_by: CAUSE.into(),
        ready_at: None,
        discounts: Vec::new(),
        to_pay: None,
    })
}

pub fn started(order_id: &str, sequence: i64, stage: &str) -> Of<StageStarted> {
    Of(StageStarted {
        order_id: order_id.into(),
        sequence,
        caused_by: CAUSE.into(),
        stage: stage.into(),
        ends_at: noon(),
        station: Some(3),
    })
}

pub fn queued(order_id: &str, sequence: i64, stage: &str, ahead: i32) -> Of<StageQueued> {
    Of(StageQueued {
        order_id: order_id.into(),
        sequence,
        caused_by: CAUSE.into(),
        stage: stage.into(),
        ahead,
    })
}

pub fn stage_done(order_id: &str, sequence: i64, stage: &str) -> Of<StageCompleted> {
    Of(StageCompleted {
        order_id: order_id.into(),
        sequence,
        caused_by: CAUSE.into(),
        stage: stage.into(),
    })
}

pub fn ready(order_id: &str, sequence: i64) -> Of<ReadyForPickup> {
    Of(ReadyForPickup { order_id: order_id.into(), sequence, caused_by: CAUSE.into() })
}

pub fn completed(order_id: &str, sequence: i64) -> Of<OrderCompleted> {
    Of(OrderCompleted { order_id: order_id.into(), sequence, caused_by: CAUSE.into() })
}

pub fn cancelled(order_id: &str, sequence: i64, reason: &str) -> Of<OrderCancelled> {
    Of(OrderCancelled {
        order_id: order_id.into(),
        sequence,
        caused_by: CAUSE.into(),
        reason: reason.into(),
    })
}

pub fn collected(order_id: &str) -> Of<OrderCollected> {
    Of(OrderCollected { order_id: order_id.into() })
}

pub fn returned(number: &str) -> Of<OrderReturned> {
    Of(OrderReturned {
        order_id: number.into(),
        original_order_id: Some("o1".into()),
        user_id: Some("ada".into()),
        currency: "EUR".into(),
        lines: lines(&[("margherita", 1, "5.2500")]),
        total: decimal("5.25"),
        reason: Some("cold".into()),
    })
}

/// The same with other lines.
pub fn with_lines(mut order: Of<OrderPlaced>, of: &[(&str, i32, &str)]) -> Of<OrderPlaced> {
    order.0.lines = lines(of);
    order
}
