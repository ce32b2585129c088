//! Kafka Streams in a process of its own, each round another application.

use std::{sync::Arc, time::Duration};

use orderly_sdk::{Event as _, Meta, codec::frame};

use super::{Set, copied::Copied};
use crate::{
    Error, broker,
    event::{Measured, TOPIC},
    peers::Jvm,
    round::Round,
};

/// `wait`: as long as our handler's timer makes of it.
pub(super) async fn round(
    jvm: Arc<Jvm>,
    set: Set,
    number: u32,
    threads: u32,
    wait: Duration,
) -> Result<Round, Error> {
    let config = &set.of.config;
    let application = format!("streams-{threads}-{number}");
    let args = [
        config.bootstrap.clone(),
        broker::there(config, TOPIC),
        broker::there(config, Copied::TOPIC),
        broker::there(config, &application),
        threads.to_string(),
        wait.as_micros().to_string(),
        schema(&set)?.to_string(),
    ];
    let program = jvm.run("StreamsPeer", args)?;
    let round = set.until_all_of(&application).await;
    let round = round.map_err(|why| format!("{why}; it printed: {}", program.printed()));
    program.stop().await?;
    let round = round?;
    set.check(&round).await?;
    Ok(round)
}

/// The id under which the registry has what is written.
fn schema(set: &Set) -> Result<u32, Error> {
    let event = Copied::of(Measured::new(0, 0, 0));
    let record = set.encoders.record(&event, &Meta::new(set.encoders.source()))?;
    let (id, _) = frame::split(record.payload.as_deref().unwrap_or_default())?;
    Ok(id)
}
