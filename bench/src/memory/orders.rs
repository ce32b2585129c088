//! Orders over HTTP, so many a second, with a contact each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{sync::Semaphore, time::sleep_until};

use crate::{Error, orders};

/// Requests that may be unanswered.
const OPEN: u32 = 256;

/// What became of the load.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Placed {
    pub(super) asked: u64,
    pub(super) accepted: u64,
}

/// Places orders for so long. An error where many weren't accepted.
pub(super) async fn place(api: &str, rate: u32, time: Duration) -> Result<Placed, Error> {
    let (client, url) = (reqwest::Client::new(), format!("{api}/orders"));
    let (open, accepted) = (Arc::new(Semaphore::new(OPEN as usize)), Arc::new(AtomicU64::new(0)));
    let count = time.as_secs() * u64::from(rate);
    eprintln!("placing {count} orders");
    let began = Instant::now();
    for number in 0..count {
        let due = began + Duration::from_secs(number) / rate;
        sleep_until(due.into()).await;
        let permit = Arc::clone(&open).acquire_owned().await?;
        let request =
            client.post(&url).timeout(Duration::from_secs(30)).json(&orders::request(number, true));
        let accepted = Arc::clone(&accepted);
        tokio::spawn(async move {
            if request.send().await.is_ok_and(|answer| answer.status().as_u16() == 202) {
                accepted.fetch_add(1, Ordering::Relaxed);
            }
            drop(permit);
        });
    }
    // All of them free: every request is answered.
    drop(open.acquire_many(OPEN).await?);
    let accepted = accepted.load(Ordering::Relaxed);
    // On a machine that is too busy some time out; with many such it isn't that load any more.
    if accepted * 100 < count * 95 {
        return Err(format!("of {count} orders only {accepted} were accepted").into());
    }
    Ok(Placed { asked: count, accepted })
}
