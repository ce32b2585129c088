//! Webhooks, by the Standard Webhooks specification (1.0.0).

mod post;
mod retries;
mod secrets;
mod sign;

pub(crate) use post::Hooks;
pub use retries::{Retries, RetriesError};
pub use secrets::{Secrets, SecretsError};
