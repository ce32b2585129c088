//! OrderPlaced → OrderConfirmed and the first stage, or OrderRejected. An order is taken on once,
//! whatever ids it is told under.
//!
//! An order of the past takes no time: all its statuses follow at once, stamped from its own time.

use chrono::Utc;
use orderly_schemas::OrderPlaced;
use orderly_sdk::consume::{Context, Failure, Handler};
use orderly_stores::Inbox;

use crate::{
    service::Fulfilment,
    tables::{OrderRow, State},
    tell,
};

impl Handler<OrderPlaced, Inbox> for Fulfilment {
    async fn handle(
        &self,
        cx: &mut Context<'_, Inbox>,
        placed: OrderPlaced,
    ) -> Result<(), Failure> {
        if !is_order_id(&placed.order_id) {
            // Its statuses would carry it twice each: with a huge one, none could be sent.
            return Err(Failure::reject("its order id isn't 1 to 64 of A-Z a-z 0-9 . _ -"));
        }
        let (meta, historic) = (cx.meta(), cx.meta().historic);
        let at = if historic { meta.time } else { Utc::now() };
        let mut order = OrderRow {
            order_id: placed.order_id.clone(),
            state: State::InStage,
            stages: (*self.stages).clone(),
            stage: 0,
            ends_at: None,
            next_sequence: 1,
            placed_event_id: meta.id.to_string(),
            traceparent: meta.traceparent.as_deref().map(str::to_owned),
            historic,
        };
        let mut told = match what_is_wrong(&placed) {
            Some(reason) => order.reject(reason, at),
            None => order.confirm(at),
        };
        while historic && order.state == State::InStage {
            told.extend(order.end_stage());
        }
        if !order.insert(cx.tx()).await? {
            return Ok(());
        }
        tell::by_handler(cx, told)
    }
}

/// What every producer keeps to; other producers than ours may emit, too.
fn is_order_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn what_is_wrong(placed: &OrderPlaced) -> Option<&'static str> {
    if placed.lines.is_empty() {
        Some("it has no lines")
    } else if placed.lines.iter().any(|line| line.quantity <= 0) {
        Some("a line has no positive quantity")
    } else {
        None
    }
}
