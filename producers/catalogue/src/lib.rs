#![doc = include_str!("../README.md")]

mod run;
mod settings;

mod routes;

mod products;
mod stock;
mod tables;

mod problem;
mod product;

pub use product::{ProductPage, ProductRequest, ProductView};
pub use routes::openapi_json;
pub use run::{Error, run};
pub use settings::{NAME, Settings, declares};
pub use stock::{CountRequest, CountView};
