//! OrderPlaced → OrderConfirmed and the first stage, or OrderRejected. An order is taken on once,
//! whatever ids it is told under.
//!
//! An order of the past takes no time: all its statuses follow at once, stamped from its own time.

use chrono::Utc;
use orderly_schemas::OrderPlaced;
use orderly_sdk::consume::{Context, Failure, Handler};
use orderly_stores::Inbox;

use crate::{
    order::{Status, Told},
    service::Fulfilment,
    tables::{OrderRow, State},
};

impl Handler<OrderPlaced, Inbox> for Fulfilment {
    async fn handle(
        &self,
        cx: &mut Context<'_, Inbox>,
        placed: OrderPlaced,
    ) -> Result<(), Failure> {
        let (meta, historic) = (cx.meta().clone(), cx.meta().historic);
        let mut order = OrderRow {
            order_id: placed.order_id.clone(),
            state: State::InStage,
            stage: 0,
            ends_at: None,
            next_sequence: 1,
            placed_event_id: meta.id.to_string(),
            traceparent: meta.traceparent.as_deref().map(str::to_owned),
            historic,
        };
        let at = if historic { meta.time } else { Utc::now() };
        let mut told = match what_is_wrong(&placed) {
            Some(reason) => order.reject(reason, at),
            None => order.confirm(&self.stages, at),
        };
        while historic && order.state == State::InStage {
            told.extend(order.end_stage(&self.stages));
        }
        if !order.insert(cx.tx()).await? {
            return Ok(());
        }
        told.into_iter().try_for_each(|told| tell(cx, told))
    }
}

/// Other producers than order-api may emit, too.
fn what_is_wrong(placed: &OrderPlaced) -> Option<&'static str> {
    if placed.lines.is_empty() {
        Some("it has no lines")
    } else if placed.lines.iter().any(|line| line.quantity <= 0) {
        Some("a line has no positive quantity")
    } else {
        None
    }
}

/// Emits a status within the handler's transaction.
pub(crate) fn tell(cx: &mut Context<'_, Inbox>, told: Told) -> Result<(), Failure> {
    let at = told.at;
    match told.status {
        Status::Confirmed(event) => cx.emit_at(&event, at),
        Status::Rejected(event) => cx.emit_at(&event, at),
        Status::StageStarted(event) => cx.emit_at(&event, at),
        Status::StageCompleted(event) => cx.emit_at(&event, at),
        Status::Ready(event) => cx.emit_at(&event, at),
        Status::Completed(event) => cx.emit_at(&event, at),
    }
    .map(drop)
}
