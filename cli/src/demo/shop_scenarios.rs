//! What goes wrong in a shop, on purpose: each scenario has a claim, and a run in which that doesn't
//! hold is a violation.

use std::{sync::Arc, time::Duration};

use fulfilment::Rules;
use fulfilment_payment::Simulated;
use reqwest::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use super::{
    DemoError,
    afterwards::{cancel, until_told},
    findings::{Findings, Kind},
    generate::place,
    intake::{Intake, Outcome},
    ledger::Figures,
    load::LoadParts,
};

/// Customers of a scenario, each with one order.
const CUSTOMERS: u64 = 200;
/// Requests under way at once.
const AT_ONCE: usize = 64;
/// Of what everybody wants, so many are there, or may have it.
const FEW: u32 = 50;
/// Statuses of an order that can't be cancelled any more.
const BEGUN: [&str; 3] = ["in_progress", "ready", "completed"];
const LAST: &str = "last-of-the-day";
const COUPON: &str = "RUSH";
/// How long an order of the race can be cancelled.
const CANCEL_WITHIN: Duration = Duration::from_secs(1);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShopScenario {
    /// 200 customers order one piece each, of which there are 50.
    LastUnit,
    /// Everybody cancels, some before their order is prepared and some after that began.
    CancelRace,
    /// The payment provider is away while everybody orders.
    PaymentOutage,
    /// 200 customers use a coupon that may be used 50 times.
    CouponRush,
}

/// `scenario` of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScenarioFigures {
    /// Which one it was.
    pub name: ShopScenario,
    /// What it claims.
    pub claim: &'static str,
    /// Whether that is so.
    pub holds: bool,
}

impl ShopScenario {
    /// What fulfilment is started with for it.
    pub fn rules(self, rules: Rules) -> Result<Rules, String> {
        let rush = format!(
            "promotions: [{{ name: Rush, amount_off: 1.00, currency: EUR, coupon: {COUPON}, \
             coupon_limit: {FEW} }}]"
        );
        Ok(match self {
            Self::CancelRace => Rules { cancel_within: CANCEL_WITHIN, ..rules },
            Self::CouponRush => Rules {
                promotions: rush.parse().map_err(|error| format!("the rush's coupon: {error}"))?,
                ..rules
            },
            Self::LastUnit | Self::PaymentOutage => rules,
        })
    }

    /// What it claims.
    pub fn claim(self) -> &'static str {
        match self {
            Self::LastUnit => "50 of 200 orders get one of 50 pieces, 150 are rejected",
            Self::CancelRace => {
                "each order is cancelled, or its cancellation refused and it completed; both happen"
            }
            Self::PaymentOutage => "every order waits for the provider, and is paid and completed",
            Self::CouponRush => "50 of 200 orders use the coupon, 150 are rejected",
        }
    }

    /// What there is besides the menu, as (sku, pieces).
    pub(super) fn counted(self) -> &'static [(&'static str, i32)] {
        match self {
            Self::LastUnit => const { &[(LAST, FEW.cast_signed())] },
            _ => &[],
        }
    }

    /// Held against how the orders ended.
    pub(super) fn check(self, told: &Figures, findings: &mut Findings) -> ScenarioFigures {
        let Figures { completed, rejected, cancelled, cancellations_refused, .. } = *told;
        let holds = match self {
            Self::LastUnit | Self::CouponRush => {
                let few = u64::from(FEW);
                completed == few && rejected == CUSTOMERS - few
            }
            Self::CancelRace => {
                completed + cancelled == CUSTOMERS
                    && cancelled > 0
                    && cancellations_refused > 0
                    && cancellations_refused == completed
            }
            Self::PaymentOutage => completed == CUSTOMERS,
        };
        if !holds {
            let what = format!("not so: {}; {told:?}", self.claim());
            findings.add(Kind::Lost, "(all)", what);
        }
        ScenarioFigures { name: self, claim: self.claim(), holds }
    }

    /// Whether its customers pay by card.
    fn pays(self, number: u64) -> bool {
        match self {
            Self::PaymentOutage => true,
            Self::CancelRace | Self::LastUnit => number.is_multiple_of(2),
            Self::CouponRush => false,
        }
    }

    fn order(self, run: &str, number: u64) -> Value {
        let sku = if self == Self::LastUnit { LAST } else { "margherita" };
        let mut order = json!({
            "user_id": format!("{run}guest-{number}"),
            "currency": "EUR",
            "lines": [{ "sku": sku, "quantity": 1, "unit_price": "8.50" }],
        });
        if self.pays(number) {
            // Every tenth answer of the provider is lost once.
            let token = if number.is_multiple_of(20) { "tok_timeout_once" } else { "tok_ok" };
            order["payment_token"] = token.into();
        }
        if self == Self::CouponRush {
            order["coupons"] = json!([COUPON]);
        }
        order
    }
}

/// Plays it: every order is handed in; each outcome goes to `intakes`.
pub(super) async fn play(
    scenario: ShopScenario,
    parts: &LoadParts,
    intakes: &mpsc::Sender<Intake>,
) -> Result<(), DemoError> {
    let provider = Simulated::open(parts.databases.fulfilment.clone()).await?;
    let is_outage = scenario == ShopScenario::PaymentOutage;
    if is_outage {
        provider.set_outage(true).await?;
    }
    let client = Client::builder().timeout(Duration::from_secs(15)).build();
    let client = client.map_err(DemoError::Http)?;
    let (room, mut customers) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..CUSTOMERS {
        let (client, room, intakes) = (client.clone(), Arc::clone(&room), intakes.clone());
        let (api, key) = (parts.api.clone(), format!("{}-{number}", parts.run));
        let order = scenario.order(&parts.run, number);
        parts.watched.lock().sent += 1;
        customers.spawn(async move {
            let _turn = room.acquire_owned().await;
            let sent = Instant::now();
            let outcome = place(&client, &api, &key, &order).await;
            if let (ShopScenario::CancelRace, Outcome::Accepted { order_id, .. }) =
                (scenario, &outcome)
            {
                match number % 3 {
                    // At once: in time.
                    0 => {}
                    // Who knows.
                    1 => tokio::time::sleep_until(sent + CANCEL_WITHIN).await,
                    // Too late.
                    _ => {
                        until_told(&client, &api, order_id, &BEGUN).await;
                    }
                }
                cancel(&client, &api, order_id).await;
            }
            let took = sent.elapsed();
            let intake = Intake { outcome, sent: sent.into_std(), took, mail_to: None };
            // A run that is over takes nothing in.
            let _ = intakes.send(intake).await;
        });
    }
    while customers.join_next().await.is_some() {}
    if is_outage {
        provider.set_outage(false).await?;
    }
    Ok(())
}
