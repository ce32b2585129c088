use serde::{Deserialize, Serialize};

/// The way a notification takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Channel {
    /// Mail to an address.
    Email,
    /// A text message to a phone.
    Sms,
    /// A signed HTTP call to a callback address.
    Webhook,
    /// A symbol that a later version added.
    #[serde(other)]
    Unknown,
}
