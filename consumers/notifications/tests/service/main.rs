//! The service on the embedded broker and registry, SQLite, and a mail server of a few lines.
#![allow(clippy::unwrap_used)]

mod away;
mod channels;
mod contacts;
mod mails;
mod opting_out;
mod page;
mod parts;
mod receiver;
mod restarts;
mod smtp;
mod smtp_server;
mod webhooks;
