//! The SDK's scopes on a database: effect, inbox row or position, and outbox in one transaction.
//!
//! - [`Database`]: opened by url; reads beside the transactions, migrations at start.
//! - [`Tx`]: one transaction, what a handler works in.
//! - [`Value`] and [`Row`]: what goes in and comes out, decimals and times exactly.
//! - [`Inbox`]: a scope that does each event once, one record per unit.
//! - [`Positions`]: a scope that keeps the group's position beside the effect, for batches.
//! - [`Outbox`]: what those transactions emit, and the side from which a relay takes it.
//!
//! SQL is written once, in what SQLite and Postgres both understand: parameters are `$1`, `$2`, …,
//! repeats are met with `ON CONFLICT`, results of writes are read with `RETURNING`. Where they
//! differ a placeholder stands: `{id}` and `{decimal}` in migrations, `{for_update}` and
//! `{skip_locked}` behind a `SELECT`, `{now}` for the database's clock in milliseconds since 1970,
//! `{rows: a TEXT, b BIGINT}` as the table of a batch with `{in_order}` behind it
//! ([`Tx::execute_many`]).

mod by_topic;
mod database;
mod dialect;
mod error;
mod inbox;
mod migrate;
pub mod outbox;
pub mod positions;
mod postgres;
mod row;
mod sqlite;
mod transaction;
mod value;

pub use by_topic::ByTopic;
pub use database::Database;
pub use error::StoreError;
pub use inbox::Inbox;
pub use migrate::Migration;
pub use outbox::{Backlog, Outbox};
pub use positions::Positions;
pub use row::{FromValue, Row};
pub use transaction::Tx;
pub use value::Value;
