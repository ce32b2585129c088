use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// The order has come to a stage whose stations are all taken, and waits in line for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageQueued {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// Name of the stage, as configured.
    pub stage: String,
    /// Orders that were in line before it when it came.
    pub ahead: i32,
}

impl Event for StageQueued {
    const TYPE: &'static str = "orderly.StageQueued";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("stage_queued.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
