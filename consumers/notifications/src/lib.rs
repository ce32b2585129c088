#![doc = include_str!("../README.md")]

mod run;
mod settings;

mod on_contact_given;
mod on_order_confirmed;
mod on_order_rejected;
mod on_ready_for_pickup;

mod notify;

mod find_contact;

mod check_address;
mod write_mail;

mod deliver;
mod mailbox;

mod scope;
mod tables;

pub use deliver::{SmtpUrl, SmtpUrlError};
pub use mailbox::{Mailbox, Mailed};
pub use run::{Error, run};
pub use settings::{Mail, Settings, Smtp};

/// The consumer group.
pub const GROUP: &str = "notifications";
