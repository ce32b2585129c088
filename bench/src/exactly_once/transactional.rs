//! Ours in transactions: what a handler emitted, and its record's offset, become visible together.

use std::time::Duration;

use orderly_sdk::consume::{Consumer, ExactlyOnce};

use super::{COMMITS_EVERY, Set, copied::Copying};
use crate::{Error, event::Measured, ours::Member, round::Round};

pub(super) async fn round(set: Set, number: u32, wait: Duration) -> Result<Round, Error> {
    let group = set.group("exactly-once", number).await?;
    let transactions = ExactlyOnce::as_member("1").every(COMMITS_EVERY);
    let consumer = Consumer::exactly_once(&group, &set.of.config, transactions)
        .emitting(set.encoders.clone())
        .on::<Measured>(Copying { wait })
        .limited(Set::limits());
    set.until_all(&group, Member::run(consumer)).await
}
