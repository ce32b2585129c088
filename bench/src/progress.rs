//! How far something is, looked at from time to time.

use std::time::{Duration, Instant};

use crate::{Error, round::Round};

/// From when something is first seen to be done until all `records` are. `done` says how many are; it is
/// asked every so often, which is to cost little. Cut after `limit`.
pub(crate) async fn until_all<F: Future<Output = Result<u64, Error>>>(
    done: impl Fn() -> F,
    every: Duration,
    records: u64,
    limit: Duration,
) -> Result<Round, Error> {
    let started = Instant::now();
    let mut first: Option<(Instant, u64)> = None;
    loop {
        let done = done().await?;
        let now = Instant::now();
        if done > records {
            return Err(format!("{done} are done, of {records}").into());
        }
        if done > 0 && first.is_none() {
            first = Some((now, done));
        }
        let is_cut = done < records && started.elapsed() > limit;
        if done == records || is_cut {
            let (began, before) = first.ok_or("nothing was done in time")?;
            let seconds = (now - began).as_secs_f64();
            return Ok(Round { records: done - before, seconds, is_cut });
        }
        tokio::time::sleep(every).await;
    }
}

/// Until something is done; an error after `limit`.
pub(crate) async fn until_some<F: Future<Output = Result<u64, Error>>>(
    done: impl Fn() -> F,
    every: Duration,
    limit: Duration,
) -> Result<(), Error> {
    let started = Instant::now();
    while done().await? == 0 {
        if started.elapsed() > limit {
            return Err(format!("nothing was done within {} s", limit.as_secs()).into());
        }
        tokio::time::sleep(every).await;
    }
    Ok(())
}
