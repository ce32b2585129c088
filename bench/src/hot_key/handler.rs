//! A handler that takes a second for the hot key, and some milliseconds for any other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_sdk::consume::{Context, Failure, Handler};

use super::emit::HOT;
use crate::{Error, event::Measured, open_loop::Seen, round::median};

const HOT_TAKES: Duration = Duration::from_secs(1);
const OTHERS_TAKE: Duration = Duration::from_millis(10);

#[derive(Clone, Default)]
pub(super) struct Handling {
    pub(super) is_hot_at_work: Arc<AtomicBool>,
    /// Of the others.
    pub(super) seen: Arc<Seen>,
}

impl Handler<Measured> for Handling {
    async fn handle(&self, _: &mut Context<'_>, event: Measured) -> Result<(), Failure> {
        if event.key_number() == HOT as usize {
            self.is_hot_at_work.store(true, Ordering::Release);
            tokio::time::sleep(HOT_TAKES).await;
            return Ok(());
        }
        tokio::time::sleep(OTHERS_TAKE).await;
        self.seen.done(&event);
        Ok(())
    }
}

/// What the others take, by themselves.
pub(super) async fn time() -> Result<Duration, Error> {
    let measured = tokio::spawn(async {
        let mut times = Vec::new();
        for _ in 0..50 {
            let began = Instant::now();
            tokio::time::sleep(OTHERS_TAKE).await;
            times.push(began.elapsed().as_secs_f64());
        }
        median(times.into_iter())
    });
    Ok(Duration::from_secs_f64(measured.await?))
}
