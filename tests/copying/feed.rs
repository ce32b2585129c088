//! Items on their way, so many a second, on and on: what wasn't written or may be isn't repeated, as
//! the topic itself says afterwards what there is to be copied.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_sdk::{Meta, emit::Emitter};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Item;

/// How often it sends.
const BEAT: Duration = Duration::from_millis(10);

/// Runs until it is ended.
pub struct Feed {
    stop: CancellationToken,
    sent: Arc<AtomicU64>,
    sending: JoinHandle<Emitter>,
}

impl Feed {
    /// Sends so many a second; `key` says whose the n-th is.
    pub fn begin(
        emitter: Emitter,
        rate: usize,
        mut key: impl FnMut(u64) -> String + Send + 'static,
    ) -> Self {
        let (stop, sent) = (CancellationToken::new(), Arc::<AtomicU64>::default());
        let (stopped, counted) = (stop.clone(), Arc::clone(&sent));
        let sending = tokio::spawn(async move {
            let source = Arc::from("feed");
            let (mut numbers, mut count, begun) =
                (std::collections::HashMap::new(), 0_u64, Instant::now());
            let mut beat = tokio::time::interval(BEAT);
            while stopped.run_until_cancelled(beat.tick()).await.is_some() {
                let due = begun.elapsed().as_micros() * rate as u128 / 1_000_000;
                while u128::from(count) < due && !stopped.is_cancelled() {
                    let key = key(count);
                    count += 1;
                    let number = numbers.entry(key.clone()).or_insert(0_i64);
                    *number += 1;
                    let item = Item { key, number: *number };
                    // What becomes of it is read from the topic.
                    drop(emitter.send(&item, &Meta::new(&source)).await);
                    counted.store(count, Ordering::Relaxed);
                }
            }
            emitter
        });
        Self { stop, sent, sending }
    }

    /// Items sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops when at least so many were sent, and each is written or given up.
    pub async fn end(self, least: u64) {
        while self.sent() < least {
            tokio::time::sleep(BEAT).await;
        }
        self.stop.cancel();
        let emitter = self.sending.await.unwrap();
        assert!(emitter.flush(Duration::from_secs(60)).await, "items are neither written nor not");
    }
}
