//! What is told of orders, as it comes into its topic.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use orderly_schemas::{
    OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed, OrderRefunded,
    OrderRejected, ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::{
    Config, EventId, Meta,
    codec::Registry,
    consume::{Received, read_event},
    event_set,
    kafka::Tail,
};
use tokio::{sync::watch, task::JoinHandle};

use super::PATIENCE;

event_set! {
    /// What fulfilment tells.
    pub enum Told {
        OrderConfirmed, OrderRejected, StageQueued, StageStarted, StageCompleted, ReadyForPickup,
        OrderCompleted,
        OrderCancelled, OrderCancellationRefused, OrderRefunded
    }
}

/// One record of the topic.
#[derive(Clone, Debug)]
pub struct Status {
    pub order_id: String,
    pub step: String,
    pub sequence: i64,
    pub caused_by: String,
    /// When it promised that what it tells of would be over.
    pub promised: Option<DateTime<Utc>>,
    /// Of a confirmation: what each rule gave, and what is to be paid.
    pub priced: Option<String>,
    pub meta: Meta,
}

/// Every record of the topic so far.
pub struct Statuses {
    seen: Arc<Mutex<Vec<Status>>>,
    count: watch::Receiver<usize>,
    reading: JoinHandle<()>,
}

impl Statuses {
    pub async fn follow(config: &Config) -> Self {
        let mut tail = Tail::from_start(config, &["order-status"]).await.unwrap();
        let registry = Registry::new(config).unwrap();
        let seen: Arc<Mutex<Vec<Status>>> = Arc::default();
        let (counting, count) = watch::channel(0);
        let into = Arc::clone(&seen);
        let reading = tokio::spawn(async move {
            while let Some(record) = tail.next().await {
                let record = record.unwrap();
                let told = read_event::<Told>(&registry, &record).await.unwrap().unwrap();
                let status = Status::of(told);
                assert_eq!(record.key(), Some(status.order_id.as_bytes()));
                assert_eq!(record.timestamp(), Some(status.meta.time));
                into.lock().unwrap().push(status);
                counting.send_modify(|count| *count += 1);
            }
        });
        Self { seen, count, reading }
    }

    pub fn all(&self) -> Vec<Status> {
        self.seen.lock().unwrap().clone()
    }

    pub fn of(&self, order_id: &str) -> Vec<Status> {
        self.all().into_iter().filter(|status| status.order_id == order_id).collect()
    }

    /// Waits until that many orders have been told this step, then checks what was told.
    pub async fn until(&self, step: &str, orders: usize) {
        let mut count = self.count.clone();
        let waiting = count.wait_for(|_| {
            let seen = self.seen.lock().unwrap();
            let at_step = seen.iter().filter(|status| status.step == step);
            at_step.map(|status| &status.order_id).collect::<HashSet<_>>().len() >= orders
        });
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "never {step} for {orders}: {:#?}", self.all());
    }

    /// Waits until what was told so far is so.
    pub async fn until_told(&self, mut is_so: impl FnMut(&[Status]) -> bool) {
        let mut count = self.count.clone();
        let waiting = count.wait_for(|_| is_so(&self.seen.lock().unwrap()));
        let came = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(came, "never so: {:#?}", self.all());
    }

    /// The steps of an order: told once each, numbered without a gap in the order of the topic,
    /// with no step back in time.
    pub fn steps(&self, order_id: &str) -> Vec<String> {
        let told = self.of(order_id);
        let ids: HashSet<EventId> = told.iter().map(|status| status.meta.id).collect();
        let sequences: Vec<i64> = told.iter().map(|status| status.sequence).collect();
        assert_eq!(ids.len(), told.len(), "{told:#?}");
        assert_eq!(sequences, (1..=told.len() as i64).collect::<Vec<_>>(), "{told:#?}");
        // That a cancellation is refused is told when that is asked for; a stage that was over before may
        // be told after it.
        let on_its_way = told.iter().filter(|it| !it.step.starts_with("cancellation refused"));
        assert!(on_its_way.is_sorted_by_key(|status| status.meta.time), "{told:#?}");
        told.into_iter().map(|status| status.step).collect()
    }
}

impl Drop for Statuses {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Status {
    fn of(received: Received<Told>) -> Self {
        let Received { event, meta, .. } = received;
        let priced = match &event {
            Told::OrderConfirmed(e) => e.to_pay.map(|to_pay| {
                let given = e.discounts.iter().map(|given| match &given.coupon {
                    None => format!("{} {}", given.rule, given.amount),
                    Some(coupon) => format!("{} ({coupon}) {}", given.rule, given.amount),
                });
                format!("{} = {to_pay}", given.collect::<Vec<_>>().join(", "))
            }),
            _ => None,
        };
        let (order_id, sequence, caused_by, step, promised) = match event {
            Told::OrderConfirmed(e) => {
                (e.order_id, e.sequence, e.caused_by, "confirmed".into(), e.ready_at)
            }
            Told::OrderRejected(e) => {
                (e.order_id, e.sequence, e.caused_by, format!("rejected: {}", e.reason), None)
            }
            Told::StageQueued(e) => {
                let step = format!("{} queued behind {}", e.stage, e.ahead);
                (e.order_id, e.sequence, e.caused_by, step, None)
            }
            Told::StageStarted(e) => {
                let step = format!("{} started", e.stage);
                (e.order_id, e.sequence, e.caused_by, step, Some(e.ends_at))
            }
            Told::StageCompleted(e) => {
                (e.order_id, e.sequence, e.caused_by, format!("{} completed", e.stage), None)
            }
            Told::ReadyForPickup(e) => (e.order_id, e.sequence, e.caused_by, "ready".into(), None),
            Told::OrderCancelled(e) => {
                (e.order_id, e.sequence, e.caused_by, format!("cancelled: {}", e.reason), None)
            }
            Told::OrderCancellationRefused(e) => {
                let step = format!("cancellation refused: {}", e.reason);
                (e.order_id, e.sequence, e.caused_by, step, None)
            }
            Told::OrderRefunded(e) => {
                (e.order_id, e.sequence, e.caused_by, format!("refunded {}", e.amount), None)
            }
            Told::OrderCompleted(e) => {
                (e.order_id, e.sequence, e.caused_by, "completed".into(), None)
            }
        };
        Self { order_id, step, sequence, caused_by, promised, priced, meta }
    }
}
