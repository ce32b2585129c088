//! Puts statuses into the outbox, within the transaction in which they came to be.

use chrono::Utc;
use orderly_sdk::{
    EventId, Meta, OutRecord,
    codec::{EncodeError, Encoders},
    consume::{Context, Failure},
};
use orderly_stores::Inbox;

use crate::{
    NAME,
    order::{Status, Told},
    tables::OrderRow,
};

/// In a handler: caused by the event that it handles.
pub(crate) fn by_handler(cx: &mut Context<'_, Inbox>, told: Vec<Told>) -> Result<(), Failure> {
    for Told { at, status } in told {
        match status {
            Status::Confirmed(event) => cx.emit_at(&event, at),
            Status::Rejected(event) => cx.emit_at(&event, at),
            Status::StageStarted(event) => cx.emit_at(&event, at),
            Status::StageCompleted(event) => cx.emit_at(&event, at),
            Status::Ready(event) => cx.emit_at(&event, at),
            Status::Completed(event) => cx.emit_at(&event, at),
        }?;
    }
    Ok(())
}

/// Outside of a handler: caused by the event that placed the order.
pub(crate) fn as_records(
    encoders: &Encoders,
    order: &OrderRow,
    told: Vec<Told>,
) -> Result<Vec<OutRecord>, EncodeError> {
    let placed = Meta {
        id: EventId::from_header(NAME, &order.placed_event_id),
        source: NAME.into(),
        time: Utc::now(),
        historic: order.historic,
        traceparent: order.traceparent.as_deref().map(Into::into),
    };
    let record = |Told { at, status }: Told| {
        let meta = placed.caused(encoders.source()).at(at);
        match status {
            Status::Confirmed(event) => encoders.record(&event, &meta),
            Status::Rejected(event) => encoders.record(&event, &meta),
            Status::StageStarted(event) => encoders.record(&event, &meta),
            Status::StageCompleted(event) => encoders.record(&event, &meta),
            Status::Ready(event) => encoders.record(&event, &meta),
            Status::Completed(event) => encoders.record(&event, &meta),
        }
    };
    told.into_iter().map(record).collect()
}
