//! Our side: one emitter, many events in flight, each outcome looked at.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use orderly_sdk::{
    Meta,
    codec::Encoders,
    emit::{EmitSettings, Emitter},
};

use super::{Job, RECORDS};
use crate::{Error, round::Round};

/// Outcomes that aren't looked at yet: below what an emitter lets in flight by itself.
const PENDING: usize = 40_000;

pub(super) async fn round(job: &Job, encoders: Encoders) -> Result<Round, Error> {
    let settings =
        EmitSettings { linger: Duration::from_millis(job.linger), ..EmitSettings::default() };
    let emitter = Emitter::connect(&job.config, encoders, settings).await?;
    let source = std::sync::Arc::clone(emitter.encoders().source());
    emitter.emit(&job.events[0]).await?;
    let mut pending = VecDeque::with_capacity(PENDING);
    let began = Instant::now();
    for event in job.of_a_round() {
        if pending.len() == PENDING
            && let Some(oldest) = pending.pop_front()
        {
            let oldest: orderly_sdk::emit::Pending = oldest;
            oldest.await?;
        }
        pending.push_back(emitter.send(event, &Meta::new(&source)).await?);
    }
    for outcome in pending {
        outcome.await?;
    }
    Ok(Round { records: RECORDS, seconds: began.elapsed().as_secs_f64(), is_cut: false })
}
