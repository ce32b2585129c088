//! Text messages, through a provider's HTTP API.

mod answer;
mod gateway;

pub(crate) use gateway::Gateway;
pub use gateway::{GatewayError, Sms};
