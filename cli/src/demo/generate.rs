//! Places orders over HTTP, as customers do: each with an Idempotency-Key, and again under the same
//! key where the answer was no or none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_sdk::EventId;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    intake::{Intake, Outcome},
    menu::MENU,
};

/// Requests under way at once.
const CONCURRENCY: u64 = 32;
/// Times that an order is sent.
const ATTEMPTS: u32 = 8;
/// Longest wait between them.
const MOST_BACKOFF: Duration = Duration::from_secs(2);

/// Places `orders` orders at `api`, `rate` a second or as fast as they are answered. Each
/// outcome goes to `intake`.
pub(super) async fn generate(
    api: String,
    orders: u64,
    rate: Option<u32>,
    intake: mpsc::Sender<Intake>,
) -> Result<(), reqwest::Error> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build()?;
    // Keys of one run aren't keys of another.
    let run = EventId::new();
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut customers = JoinSet::new();
    for _ in 0..CONCURRENCY.min(orders) {
        let (client, api, next, intake) =
            (client.clone(), api.clone(), Arc::clone(&next), intake.clone());
        customers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= orders {
                    return;
                }
                // Measured from when it was meant to be sent: waiting in line counts.
                let meant = match rate {
                    Some(rate) => start + Duration::from_secs(number) / rate,
                    None => Instant::now(),
                };
                tokio::time::sleep_until(meant.into()).await;
                let key = format!("{run}-{number}");
                let outcome = place(&client, &api, &key, &order(number)).await;
                let took = meant.elapsed();
                let placed = Intake { outcome, sent: meant, took, mails: true };
                if intake.send(placed).await.is_err() {
                    return;
                }
            }
        });
    }
    while customers.join_next().await.is_some() {}
    Ok(())
}

async fn place(client: &Client, api: &str, key: &str, order: &Value) -> Outcome {
    let mut backoff = Duration::from_millis(50);
    let mut last = Outcome::Unknown;
    for _ in 0..ATTEMPTS {
        let request = client.post(format!("{api}/orders")).header("Idempotency-Key", key);
        match request.json(order).send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                match answer.json::<Value>().await.ok().as_ref().and_then(accepted) {
                    Some(accepted) => return accepted,
                    // Cut off: the key gives the answer again.
                    None => last = Outcome::Unknown,
                }
            }
            Ok(answer) => {
                last = match answer.status() {
                    StatusCode::CONFLICT
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::TOO_MANY_REQUESTS => Outcome::Rejected,
                    status if status.is_client_error() => {
                        tracing::error!(%status, "an order was refused for good");
                        return Outcome::Rejected;
                    }
                    _ => Outcome::Unknown,
                };
                if let Some(seconds) = retry_after(&answer) {
                    backoff = backoff.max(Duration::from_secs(seconds));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "no answer");
                last = Outcome::Unknown;
            }
        }
        tokio::time::sleep(backoff.min(MOST_BACKOFF)).await;
        backoff *= 2;
    }
    last
}

fn accepted(answer: &Value) -> Option<Outcome> {
    Some(Outcome::Accepted {
        order_id: answer["order_id"].as_str()?.to_owned(),
        event_id: answer["receipt"]["event_id"].as_str()?.to_owned(),
    })
}

fn retry_after(answer: &reqwest::Response) -> Option<u64> {
    answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// The order that the customer with this number places: always the same one.
fn order(number: u64) -> Value {
    let mut dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice >> 33).unwrap_or_default() % sides
    };
    let lines: Vec<Value> = (0..=roll(4))
        .map(|_| {
            let (sku, name, price) = MENU[roll(MENU.len())];
            json!({ "sku": sku, "name": name, "quantity": 1 + roll(3), "unit_price": price })
        })
        .collect();
    let guest = number % 997;
    json!({
        "user_id": format!("guest-{guest}"),
        "currency": "EUR",
        "lines": lines,
        "contact": { "email": format!("guest-{guest}@example.com") },
    })
}
