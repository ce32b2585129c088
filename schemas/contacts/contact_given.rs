use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// How to reach the customer about one order. Personal data: a tombstone deletes it, and it
/// expires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactGiven {
    /// The order it was given with. The key of the record.
    pub order_id: String,
    /// The user who ordered; `None` for a guest.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Phone number that takes text messages, with country code.
    #[serde(default)]
    pub phone: Option<String>,
    /// Address that webhooks about the order go to.
    #[serde(default)]
    pub callback_url: Option<String>,
    /// Owner of the API key that the order was placed with, whose secret signs its webhooks; `None`
    /// where there are no keys, and from a writer of version 1.
    #[serde(default)]
    pub caller: Option<String>,
}

impl Event for ContactGiven {
    const TYPE: &'static str = "orderly.ContactGiven";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("contact_given.v2.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
