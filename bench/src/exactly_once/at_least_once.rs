//! Ours without transactions: what a handler emitted is acknowledged, then its offset may move.

use std::time::Duration;

use orderly_sdk::{
    consume::{Consumer, Direct},
    emit::{EmitSettings, Emitter},
};

use super::{Set, copied::Copying};
use crate::{Error, event::Measured, ours::Member, round::Round};

/// A record may wait so long for others to share its batch: nobody waits for one alone.
const LINGER: Duration = Duration::from_millis(5);

pub(super) async fn round(set: Set, number: u32, wait: Duration) -> Result<Round, Error> {
    let group = set.group("at-least-once", number).await?;
    let settings = EmitSettings { linger: LINGER, ..EmitSettings::default() };
    let emitter = Emitter::connect(&set.of.config, set.encoders.clone(), settings).await?;
    let consumer = Consumer::new(&group, &set.of.config)
        .within(Direct::through(emitter))
        .emitting(set.encoders.clone())
        .on::<Measured>(Copying { wait })
        .limited(Set::limits());
    set.until_all(&group, Member::run(consumer)).await
}
