//! The service as its callers see it, on the embedded broker and registry.
#![allow(clippy::unwrap_used, missing_docs)]

mod afterwards;
mod bad_inputs;
mod bad_orders;
mod bad_requests;
mod cached;
mod callers;
mod contacts;
mod harness;
mod idempotency;
mod live;
mod menu;
mod notifications;
mod openapi;
mod operations;
mod outcomes;
mod pages;
mod placing;
mod prices;
mod privacy;
mod reading;
mod replicas;
mod stub_history;
