//! Places orders over HTTP, as customers do: each with an Idempotency-Key, and again under the same
//! key where the answer was no or none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    intake::{Intake, Outcome, Watched},
    menu::MENU,
};

/// Requests under way at once.
const CONCURRENCY: u64 = 32;
/// How long an order is sent again: longer than what is away for a minute takes to be back.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest wait between them.
const MOST_BACKOFF: Duration = Duration::from_secs(2);

/// Orders that are placed one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// The first one's number; no two orders of a run have the same.
    pub(super) first: u64,
    pub(super) orders: u64,
    /// A second; `None`: as fast as they are answered.
    pub(super) rate: Option<u32>,
}

/// Places a batch of orders at `api` by customers of this `run`: their user ids begin with it. Each outcome goes to `intake`.
pub(super) async fn generate(
    api: String,
    run: String,
    batch: Batch,
    watched: Watched,
    intake: mpsc::Sender<Intake>,
) -> Result<(), reqwest::Error> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build()?;
    // Keys of one run aren't keys of another, as runs are named anew each time.
    let Batch { first, orders, rate } = batch;
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut customers = JoinSet::new();
    for _ in 0..CONCURRENCY.min(orders) {
        let (client, api, run, watched) =
            (client.clone(), api.clone(), run.clone(), watched.clone());
        let (next, intake) = (Arc::clone(&next), intake.clone());
        customers.spawn(async move {
            loop {
                let place_in_line = next.fetch_add(1, Ordering::Relaxed);
                if place_in_line >= orders {
                    return;
                }
                let number = first + place_in_line;
                // Measured from when it was meant to be sent: waiting in line counts.
                let meant = match rate {
                    Some(rate) => start + Duration::from_secs(place_in_line) / rate,
                    None => Instant::now(),
                };
                tokio::time::sleep_until(meant.into()).await;
                if watched.is_enough() {
                    return;
                }
                watched.lock().sent += 1;
                let key = format!("{run}-{number}");
                let outcome = place(&client, &api, &key, &order(&run, number)).await;
                let took = meant.elapsed();
                let placed = Intake { outcome, sent: meant, took, mail_to: Some(email(number)) };
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
    // Nothing was sent yet, so nothing was written.
    let mut last = Outcome::Rejected;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
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
                let status = answer.status();
                last = refused(last, status);
                if status.is_client_error() && !is_for_now(status) {
                    tracing::error!(%status, "an order was refused for good");
                    return last;
                }
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

/// An order's outcome after an answer other than 202. What an earlier attempt may have written, no
/// refusal of a later one takes back.
fn refused(before: Outcome, status: StatusCode) -> Outcome {
    let is_refusal = status.is_client_error() || is_for_now(status);
    if is_refusal { before } else { Outcome::Unknown }
}

/// The same order may be taken a little later.
fn is_for_now(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    )
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

/// Where the mails for that customer's order go.
fn email(number: u64) -> String {
    format!("{}@example.com", guest(number))
}

fn guest(number: u64) -> String {
    format!("guest-{}", number % 997)
}

/// The order that the customer with this number places: always the same one.
fn order(run: &str, number: u64) -> Value {
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
    json!({
        "user_id": format!("{run}{}", guest(number)),
        "currency": "EUR",
        "lines": lines,
        "contact": { "email": email(number) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSALS: [StatusCode; 5] = [
        StatusCode::BAD_REQUEST,
        StatusCode::CONFLICT,
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];

    #[test]
    fn an_order_that_was_only_ever_refused_is_rejected() {
        for status in REFUSALS {
            assert_eq!(refused(Outcome::Rejected, status), Outcome::Rejected, "{status}");
        }
    }

    #[test]
    fn an_order_that_may_be_written_stays_unknown_whatever_refuses_it_later() {
        for unclear in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::GATEWAY_TIMEOUT] {
            assert_eq!(refused(Outcome::Rejected, unclear), Outcome::Unknown, "{unclear}");
        }
        for status in REFUSALS {
            assert_eq!(refused(Outcome::Unknown, status), Outcome::Unknown, "{status}");
        }
    }
}
