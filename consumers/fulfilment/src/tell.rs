//! Statuses as records for the outbox, of the transaction in which they came to be.

use chrono::Utc;
use orderly_sdk::{
    EventId, Meta, OutRecord,
    codec::{EncodeError, Encoders},
};

use crate::{
    NAME,
    order::{Status, Told},
    order_row::OrderRow,
};

/// In the trace of `cause`.
pub(crate) fn as_records(
    encoders: &Encoders,
    cause: &Meta,
    told: &[Told],
) -> Result<Vec<OutRecord>, EncodeError> {
    told.iter().map(|told| as_record(encoders, cause, told)).collect()
}

/// One of them.
pub(crate) fn as_record(
    encoders: &Encoders,
    cause: &Meta,
    Told { at, status }: &Told,
) -> Result<OutRecord, EncodeError> {
    let meta = cause.caused(encoders.source()).at(*at);
    match status {
        Status::Confirmed(event) => encoders.record(event, &meta),
        Status::Rejected(event) => encoders.record(event, &meta),
        Status::StageQueued(event) => encoders.record(event, &meta),
        Status::StageStarted(event) => encoders.record(event, &meta),
        Status::StageCompleted(event) => encoders.record(event, &meta),
        Status::Ready(event) => encoders.record(event, &meta),
        Status::Completed(event) => encoders.record(event, &meta),
        Status::Cancelled(event) => encoders.record(event, &meta),
        Status::CancellationRefused(event) => encoders.record(event, &meta),
        Status::Refunded(event) => encoders.record(event, &meta),
    }
}

/// What placed the order: the cause of what happens to it by itself.
pub(crate) fn placing(order: &OrderRow) -> Meta {
    Meta {
        id: EventId::from_header(NAME, &order.placed_event_id),
        source: NAME.into(),
        time: Utc::now(),
        historic: order.historic,
        traceparent: order.traceparent.as_deref().map(Into::into),
    }
}
