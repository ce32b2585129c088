//! How the platform's customers are told.

use std::time::Duration;

use notifications::{Mail, Texts, Webhooks};

/// Where each channel leads.
#[derive(Clone, Debug)]
pub struct Ways {
    /// Mails.
    pub mail: Mail,
    /// Text messages.
    pub texts: Texts,
    /// Callback addresses; `None`: they are told nothing.
    pub webhooks: Option<Webhooks>,
    /// How long a server that doesn't answer is let be: at first, and at most.
    pub pauses: (Duration, Duration),
}

impl Default for Ways {
    /// Kept by the notification service, to be looked at on its page.
    fn default() -> Self {
        Self {
            mail: Mail::Mailbox,
            texts: Texts::Kept,
            webhooks: None,
            pauses: (Duration::from_millis(200), Duration::from_secs(15)),
        }
    }
}
