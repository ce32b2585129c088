use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

use crate::notifications::Channel;

/// A user as they are now. Personal data: a tombstone deletes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserChanged {
    /// The user. The key of the record.
    pub user_id: String,
    /// How to address them.
    #[serde(default)]
    pub name: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Phone number that takes text messages, with country code.
    #[serde(default)]
    pub phone: Option<String>,
    /// Group that discount rules may name.
    #[serde(default)]
    pub customer_group: Option<String>,
    /// Channels they want to be notified by, in no order; none if empty.
    pub notify_by: Vec<Channel>,
}

impl Event for UserChanged {
    const TYPE: &'static str = "orderly.UserChanged";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("user_changed.v1.avsc");

    fn key(&self) -> &str {
        &self.user_id
    }
}
