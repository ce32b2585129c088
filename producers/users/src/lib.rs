#![doc = include_str!("../README.md")]

mod run;
mod settings;

mod routes;

mod record_orders;

mod deleted;
mod erase;
mod profiles;
mod tables;

mod problem;
mod profile;

pub use profile::{ProfileRequest, ProfileView};
pub use record_orders::{Ordered, RecordOrders};
pub use routes::openapi_json;
pub use run::{Error, run};
pub use settings::{NAME, Settings, declares};
