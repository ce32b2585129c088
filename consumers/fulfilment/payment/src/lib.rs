#![doc = include_str!("../README.md")]

mod request;

mod simulated;

mod http;
mod sandbox_router;

pub use http::{Http, HttpSettings, SettingsError};
pub use request::{Operation, PaymentError, Provider, Reply, Request};
pub use sandbox_router::sandbox_router;
pub use simulated::{OpenAuthorisation, Simulated, Totals};
