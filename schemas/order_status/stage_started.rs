use chrono::{DateTime, Utc};
use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// Work on one stage of the order began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageStarted {
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
    /// When the stage is due to end.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub ends_at: DateTime<Utc>,
    /// The station that it is on, counted from 1 for each stage; `None` where the stage has no
    /// stations, and from a writer of version 1.
    #[serde(default)]
    pub station: Option<i32>,
}

impl Event for StageStarted {
    const TYPE: &'static str = "orderly.StageStarted";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("stage_started.v2.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
