//! The answer to an accepted order.

use orderly_sdk::emit::Receipt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::idempotency::Answer;

/// The order is written, acknowledged by all in-sync replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderAccepted {
    /// The order's id, given by the service.
    pub order_id: String,
    /// Where its event lies.
    pub receipt: OrderReceipt,
}

/// Where an order's event lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderReceipt {
    /// The topic.
    #[schema(example = "orders")]
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// The event's id: `ce_id` of the record.
    pub event_id: Uuid,
    /// SHA-256 of the record's value, in hex.
    #[schema(min_length = 64, max_length = 64)]
    pub hash: String,
}

/// The return is written, acknowledged by all in-sync replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReturnAccepted {
    /// The return's own id, given by the service.
    pub return_id: String,
    /// The order that the goods come from.
    pub order_id: String,
    /// Where its event lies.
    pub receipt: OrderReceipt,
}

impl OrderReceipt {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        Self {
            topic: receipt.at.partition.topic.to_string(),
            partition: receipt.at.partition.partition,
            offset: receipt.at.offset,
            event_id: receipt.event_id.as_uuid(),
            hash: hex::encode(receipt.hash),
        }
    }
}

pub(super) fn answer(order_id: &str, receipt: &Receipt) -> Answer {
    let accepted =
        OrderAccepted { order_id: order_id.to_owned(), receipt: OrderReceipt::of(receipt) };
    Answer {
        status: 202,
        location: format!("/orders/{order_id}"),
        // Strings and integers under fixed names: it can't fail.
        body: serde_json::to_string(&accepted).unwrap_or_default(),
    }
}
