#![doc = include_str!("../README.md")]

mod run;
mod settings;

mod on_contact_given;
mod on_order_cancelled;
mod on_order_completed;
mod on_order_confirmed;
mod on_order_refunded;
mod on_order_rejected;
mod on_ready_for_pickup;

mod notify;
mod templates;

mod find_contact;
mod preferences;

mod deliveries;

mod check_address;
mod check_phone;
mod retry_after;

mod deliver;
mod sms;
mod webhook;

mod mailbox;
mod show_deliveries;

mod escape;
mod scope;
mod tables;

pub use deliver::{SmtpError, SmtpUrl, SmtpUrlError};
pub use mailbox::{Mailbox, Mailed};
pub use orderly_https::{Allowed, AllowedError, Trust, TrustError};
pub use run::{Error, declares, run};
pub use settings::{Mail, Settings, Smtp, Texts, Webhooks};
pub use sms::{GatewayError, Sms};
pub use webhook::{Retries, RetriesError, Secrets, SecretsError};

/// The consumer group.
pub const GROUP: &str = "notifications";
