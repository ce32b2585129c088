//! Places orders over HTTP, as customers do: each with an Idempotency-Key, and again under the same
//! key where the answer was no or none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fulfilment::Rules;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    afterwards::{cancel, return_one},
    intake::{Intake, Outcome, Reach, Watched},
    keep_shop::FRIENDS,
    menu::MENU,
    outside::Outside,
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
    /// Some of the customers pay by card, have a coupon, cancel, or give something back.
    pub(super) is_varied: bool,
}

/// What a customer does beside ordering and collecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    None,
    /// With what the payment provider gave for the card.
    PaysBy(&'static str),
    HasCoupon,
    Cancels,
    GivesBack,
}

/// The coupon that some customers have.
const COUPON: &str = "WELCOME";
/// Who comes again and again: customers by their numbers, counted round and round.
const GUESTS: u64 = 997;
/// How long a customer of a varied run may cancel.
const CANCEL_WITHIN: Duration = Duration::from_millis(200);

/// What fulfilment is started with where customers are varied.
pub fn rules_for_varied(rules: Rules) -> Result<Rules, String> {
    let given = format!(
        "promotions: [{{ name: Welcome, percent: 10, coupon: {COUPON} }}, \
         {{ name: Friends, percent: 5, customer_groups: [{FRIENDS}] }}]"
    );
    let promotions = given.parse().map_err(|error| format!("what is given: {error}"))?;
    Ok(Rules { promotions, cancel_within: CANCEL_WITHIN, ..rules })
}

impl Habit {
    /// Of the customer with that number: one in four has one.
    fn of(number: u64) -> Self {
        match number % 25 {
            3 => Self::PaysBy("tok_ok"),
            8 => Self::HasCoupon,
            // The provider's first answer is lost.
            13 => Self::PaysBy("tok_timeout_once"),
            18 => Self::Cancels,
            21 => Self::PaysBy("tok_declined"),
            23 => Self::GivesBack,
            _ => Self::None,
        }
    }

    fn adds_to(self, order: &mut Value) {
        match self {
            Self::PaysBy(token) => order["payment_token"] = token.into(),
            Self::GivesBack => order["payment_token"] = "tok_ok".into(),
            Self::HasCoupon => order["coupons"] = json!([COUPON]),
            Self::Cancels | Self::None => {}
        }
    }
}

/// Places a batch of orders at `api` by customers of this `run`: their user ids begin with it. Each outcome goes to `intake`.
pub(super) async fn generate(
    api: String,
    run: String,
    batch: Batch,
    watched: Watched,
    outside: Option<Outside>,
    intake: mpsc::Sender<Intake>,
) -> Result<(), reqwest::Error> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build()?;
    // Keys of one run aren't keys of another, as runs are named anew each time.
    let Batch { first, orders, rate, is_varied } = batch;
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut customers = JoinSet::new();
    for _ in 0..CONCURRENCY.min(orders) {
        let (client, api, run, watched) =
            (client.clone(), api.clone(), run.clone(), watched.clone());
        let (next, intake, outside) = (Arc::clone(&next), intake.clone(), outside.clone());
        customers.spawn(async move {
            let mut later = JoinSet::new();
            loop {
                let place_in_line = next.fetch_add(1, Ordering::Relaxed);
                if place_in_line >= orders {
                    break;
                }
                let number = first + place_in_line;
                // Measured from when it was meant to be sent: waiting in line counts.
                let meant = match rate {
                    Some(rate) => start + Duration::from_secs(place_in_line) / rate,
                    None => Instant::now(),
                };
                tokio::time::sleep_until(meant.into()).await;
                if watched.is_enough() {
                    break;
                }
                watched.lock().sent += 1;
                let key = format!("{run}-{number}");
                let habit = if is_varied { Habit::of(number) } else { Habit::None };
                let to = reach(number, outside.as_ref());
                let mut order = order(&run, number, &to);
                habit.adds_to(&mut order);
                let outcome = place(&client, &api, &key, &order).await;
                let took = meant.elapsed();
                if let Outcome::Accepted { order_id, .. } = &outcome {
                    match habit {
                        Habit::Cancels => cancel(&client, &api, order_id).await,
                        Habit::GivesBack => {
                            let (client, api) = (client.clone(), api.clone());
                            let (order_id, intake) = (order_id.clone(), intake.clone());
                            later.spawn(async move {
                                let sku = order["lines"][0]["sku"].as_str().unwrap_or_default();
                                give_back(&client, &api, &order_id, sku, &intake).await;
                            });
                        }
                        _ => {}
                    }
                }
                let placed = Intake { outcome, sent: meant, took, to };
                if intake.send(placed).await.is_err() {
                    return;
                }
            }
            while later.join_next().await.is_some() {}
        });
    }
    while customers.join_next().await.is_some() {}
    Ok(())
}

/// Gives one piece back once the order is collected, and says so.
async fn give_back(
    client: &Client,
    api: &str,
    order_id: &str,
    sku: &str,
    intake: &mpsc::Sender<Intake>,
) {
    let sent = Instant::now();
    if return_one(client, api, order_id, sku).await {
        let (outcome, took) = (Outcome::Returned, sent.elapsed());
        // A run that is over takes nothing in.
        let _ = intake.send(Intake { outcome, sent, took, to: Reach::default() }).await;
    }
}

pub(super) async fn place(client: &Client, api: &str, key: &str, order: &Value) -> Outcome {
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

/// Where that customer is told. Services that were there already may send no text messages, and can't
/// be let in to receivers of ours: of them only mails are asked for.
pub(super) fn reach(number: u64, outside: Option<&Outside>) -> Reach {
    Reach {
        mail: Some(format!("{}@example.com", guest(number))),
        phone: outside.map(|_| format!("+4930555{:05}", number % GUESTS)),
        hook: outside.map(|outside| outside.hook(number)),
    }
}

fn guest(number: u64) -> String {
    format!("guest-{}", number % GUESTS)
}

/// User ids of the customers of so many orders who are friends of the house: one in 25.
pub(super) fn friends(run: &str, orders: u64) -> Vec<String> {
    let friends = (0..orders.min(GUESTS)).filter(|number| number % 25 == 11);
    friends.map(|number| format!("{run}{}", guest(number))).collect()
}

/// The order that the customer with this number places: always the same one.
fn order(run: &str, number: u64, to: &Reach) -> Value {
    let mut dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice >> 33).unwrap_or_default() % sides
    };
    let lines: Vec<Value> = (0..=roll(4))
        .map(|_| {
            let (sku, name, _, price) = MENU[roll(MENU.len())];
            json!({ "sku": sku, "name": name, "quantity": 1 + roll(3), "unit_price": price })
        })
        .collect();
    json!({
        "user_id": format!("{run}{}", guest(number)),
        "currency": "EUR",
        "lines": lines,
        "contact": to.contact(),
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
