//! Our side: one emitter, many events in flight, each outcome looked at.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use futures::FutureExt;
use orderly_sdk::{
    Meta,
    codec::Encoders,
    emit::{EmitSettings, Emitter},
};

use super::{Job, RECORDS};
use crate::{Error, round::Round};

/// Outcomes are looked at after so many sends.
const LOOK: usize = 64;

pub(super) async fn round(job: &Job, encoders: Encoders) -> Result<Round, Error> {
    let settings =
        EmitSettings { linger: Duration::from_millis(job.linger), ..EmitSettings::default() };
    let emitter = Emitter::connect(&job.config, encoders, settings).await?;
    let source = std::sync::Arc::clone(emitter.encoders().source());
    emitter.emit(&job.events[0]).await?;
    let mut pending = VecDeque::new();
    let began = Instant::now();
    for (number, event) in job.of_a_round().enumerate() {
        // What is in flight is bounded by the emitter: the oldest isn't waited for.
        if number % LOOK == 0 {
            while let Some(outcome) = pending.front_mut().and_then(FutureExt::now_or_never) {
                outcome?;
                pending.pop_front();
            }
        }
        pending.push_back(emitter.send(event, &Meta::new(&source)).await?);
    }
    for outcome in pending {
        outcome.await?;
    }
    Ok(Round { records: RECORDS, seconds: began.elapsed().as_secs_f64(), is_cut: false })
}
