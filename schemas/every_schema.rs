//! The list of every schema there is, for what works offline: validation, the embedded registry.

use orderly_sdk::Event;

use crate::{
    ContactGiven, NotificationSent, OrderCancellationRefused, OrderCancellationRequested,
    OrderCancelled, OrderCollected, OrderCompleted, OrderConfirmed, OrderPlaced, OrderRefunded,
    OrderRejected, OrderReturned, ProductChanged, ReadyForPickup, StageCompleted, StageQueued,
    StageStarted, StockCounted, UserChanged,
};

/// One version of one event's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaFile {
    /// Full Avro name of the event, as `orderly.OrderPlaced`.
    pub event: &'static str,
    /// The topic it is emitted to.
    pub topic: &'static str,
    /// Counted from 1, without a gap.
    pub version: u32,
    /// Path below `schemas/`.
    pub path: &'static str,
    /// The schema, as JSON.
    pub text: &'static str,
}

/// Every version of every event's schema, ordered by event, then version.
pub fn every_schema() -> &'static [SchemaFile] {
    EVERY_SCHEMA
}

macro_rules! versions {
    ($($event:ident: $($version:literal $path:literal)+;)+) => {
        static EVERY_SCHEMA: &[SchemaFile] = &[$($(SchemaFile {
            event: $event::TYPE,
            topic: $event::TOPIC,
            version: $version,
            path: $path,
            text: include_str!($path),
        }),+),+];
    };
}

versions! {
    ContactGiven: 1 "contacts/contact_given.v1.avsc" 2 "contacts/contact_given.v2.avsc";
    NotificationSent: 1 "notifications/notification_sent.v1.avsc";
    OrderCancellationRefused: 1 "order_status/order_cancellation_refused.v1.avsc";
    OrderCancellationRequested: 1 "orders/order_cancellation_requested.v1.avsc";
    OrderCancelled: 1 "order_status/order_cancelled.v1.avsc";
    OrderCollected: 1 "orders/order_collected.v1.avsc";
    OrderCompleted: 1 "order_status/order_completed.v1.avsc";
    OrderConfirmed: 1 "order_status/order_confirmed.v1.avsc" 2 "order_status/order_confirmed.v2.avsc";
    OrderPlaced: 1 "orders/order_placed.v1.avsc" 2 "orders/order_placed.v2.avsc";
    OrderRefunded: 1 "order_status/order_refunded.v1.avsc";
    OrderRejected: 1 "order_status/order_rejected.v1.avsc";
    OrderReturned: 1 "orders/order_returned.v1.avsc" 2 "orders/order_returned.v2.avsc";
    ProductChanged: 1 "catalogue/product_changed.v1.avsc";
    ReadyForPickup: 1 "order_status/ready_for_pickup.v1.avsc";
    StageCompleted: 1 "order_status/stage_completed.v1.avsc";
    StageQueued: 1 "order_status/stage_queued.v1.avsc";
    StageStarted: 1 "order_status/stage_started.v1.avsc" 2 "order_status/stage_started.v2.avsc";
    StockCounted: 1 "stock/stock_counted.v1.avsc";
    UserChanged: 1 "users/user_changed.v1.avsc";
}
