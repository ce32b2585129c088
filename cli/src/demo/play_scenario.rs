//! Plays a shop's scenario: its customers order, and do what it is about.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use fulfilment_payment::Simulated;
use notifications::Mailbox;
use reqwest::Client;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    DemoError,
    afterwards::{cancel, until_told},
    at_the_counter::{LateFigures, WaitedFigures, be_served, come_late, watch_line},
    generate::place,
    intake::{Intake, Outcome},
    load::LoadParts,
    outages::{Outage, until_told_but_by_mail, until_turned_away},
    shop_scenarios::{CANCEL_WITHIN, CUSTOMERS, Seen, ShopScenario},
};

/// Requests under way at once.
const AT_ONCE: usize = 64;
/// Statuses of an order that can't be cancelled any more.
const BEGUN: [&str; 3] = ["in_progress", "ready", "completed"];

/// Every order is handed in; each outcome goes to `intakes`. An outage of the payment provider lasts until
/// it has turned each of them away, one of the mail server until all else was told.
pub(super) async fn play(
    scenario: ShopScenario,
    parts: &LoadParts,
    intakes: &mpsc::Sender<Intake>,
) -> Result<Seen, DemoError> {
    let provider = Simulated::open(parts.databases.fulfilment.clone()).await?;
    let is_outage = scenario == ShopScenario::PaymentOutage;
    if is_outage {
        provider.set_outage(true).await?;
    }
    let (accepted, seen) = serve(scenario, parts, intakes).await?;
    if let (ShopScenario::SmtpDown, Some(outside)) = (scenario, &parts.outside) {
        let mailbox = Mailbox::open(&parts.databases.notifications).await?;
        let meanwhile = until_told_but_by_mail(&mailbox, &accepted).await?;
        if let Some(server) = outside.mail_server() {
            server.come_up();
        }
        return Ok(Seen { meanwhile, ..seen });
    }
    if !is_outage {
        return Ok(seen);
    }
    let turned_away = until_turned_away(&provider, &accepted).await;
    let ended = Utc::now();
    // However it went: it would last for whoever comes next.
    provider.set_outage(false).await?;
    Ok(Seen { outage: Some(Outage { turned_away: turned_away?, ended }), ..seen })
}

/// Every customer, to their end: the orders that were accepted, and what was seen.
async fn serve(
    scenario: ShopScenario,
    parts: &LoadParts,
    intakes: &mpsc::Sender<Intake>,
) -> Result<(Vec<String>, Seen), DemoError> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build();
    let client = client.map_err(DemoError::Http)?;
    let (room, mut customers) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let served = watch::Sender::new(0);
    let others = (0..CUSTOMERS).filter(|number| !scenario.comes_late(*number)).count() as u64;
    for number in 0..CUSTOMERS {
        let to = scenario.reach(number, parts.outside.as_ref());
        let order = scenario.order(&parts.run, number, &to);
        let (room, intakes, key) =
            (Arc::clone(&room), intakes.clone(), format!("{}-{number}", parts.run));
        let customer = Customer {
            scenario,
            number,
            client: client.clone(),
            api: parts.api.clone(),
            served: served.clone(),
            others,
        };
        parts.watched.lock().sent += 1;
        customers.spawn(async move {
            let turn = room.acquire_owned().await;
            let sent = Instant::now();
            let outcome = place(&customer.client, &customer.api, &key, &order).await;
            let accepted = match &outcome {
                Outcome::Accepted { order_id, .. } => Some(order_id.clone()),
                _ => None,
            };
            if let (ShopScenario::CancelRace, Some(order_id)) = (scenario, &accepted) {
                customer.change_their_mind(order_id, sent).await;
            }
            let took = sent.elapsed();
            let intake = Intake { outcome, sent: sent.into_std(), took, to };
            // A run that is over takes nothing in.
            let _ = intakes.send(intake).await;
            drop(turn);
            let order_id = accepted?;
            let (was_told, late) = customer.wait(&order_id).await;
            Some((order_id, was_told, late))
        });
    }
    let (mut accepted, mut waited, mut late) =
        (Vec::new(), WaitedFigures::default(), LateFigures::default());
    while let Some(customer) = customers.join_next().await {
        let Some((order_id, was_told, came_late)) = customer.ok().flatten() else { continue };
        accepted.push(order_id);
        waited.were_told += u64::from(was_told);
        late += came_late;
    }
    let seen = Seen {
        outage: None,
        waited: (scenario == ShopScenario::SlowOven).then_some(waited),
        late: (scenario == ShopScenario::LateCustomer).then_some(late),
        meanwhile: 0,
    };
    Ok((accepted, seen))
}

/// One of them.
struct Customer {
    scenario: ShopScenario,
    number: u64,
    client: Client,
    api: String,
    /// How many who weren't late have their order.
    served: watch::Sender<u64>,
    /// How many aren't late.
    others: u64,
}

impl Customer {
    /// Cancels what was handed in at `sent`.
    async fn change_their_mind(&self, order_id: &str, sent: Instant) {
        match self.number % 3 {
            // At once: in time.
            0 => {}
            // Who knows.
            1 => tokio::time::sleep_until(sent + CANCEL_WITHIN).await,
            // Too late.
            _ => {
                until_told(&self.client, &self.api, order_id, &BEGUN).await;
            }
        }
        cancel(&self.client, &self.api, order_id).await;
    }

    /// Whether they were told how many are ahead, and how it went if they came late.
    async fn wait(&self, order_id: &str) -> (bool, LateFigures) {
        let Self { scenario, number, client, api, served, others } = self;
        let (mut was_told, mut late) = (false, LateFigures::default());
        match scenario {
            ShopScenario::SlowOven => was_told = watch_line(client, api, order_id).await,
            ShopScenario::LateCustomer if scenario.comes_late(*number) => {
                late = come_late(client, api, order_id, (*others, served.subscribe())).await;
            }
            ShopScenario::LateCustomer => be_served(client, api, order_id, served).await,
            _ => {}
        }
        (was_told, late)
    }
}
