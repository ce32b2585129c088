//! Same key, same order: what an Idempotency-Key stands for, shared by all replicas.

mod key;
mod purge;
mod record;
mod watch;

pub(crate) use key::IdempotencyKey;
pub(crate) use purge::purge_until;
pub(crate) use record::{Answer, Claim, Claimed, MIGRATIONS, Records};
pub(crate) use watch::watch_until;
