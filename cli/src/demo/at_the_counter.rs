//! What customers do at a shop whose oven is slow, and those who come late.

use reqwest::Client;
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use super::afterwards::{PATIENCE, collect, until_told};

/// Between two looks of a customer.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// What those who wait for the oven are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WaitedFigures {
    /// Orders whose customer was told that they wait for a station, since when and behind how many.
    pub were_told: u64,
}

/// How it went for those who came late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LateFigures {
    /// Orders that were collected after all the others were completed.
    pub late: u64,
    /// Of them those that were still ready then, and said that they wait to be collected.
    pub were_ready: u64,
    /// Of them those that were completed when their customer came, who said so twice.
    pub were_completed: u64,
}

/// Looks at an order until it is in the oven or beyond; whether it said that it waits for it, since when
/// and behind how many.
pub(super) async fn watch_line(client: &Client, api: &str, order_id: &str) -> bool {
    let begun = Instant::now();
    let mut was_told = false;
    while begun.elapsed() < PATIENCE {
        if let Some(order) = look(client, api, order_id).await {
            let waiting = &order["waiting"];
            was_told |= waiting["for"] == "station"
                && waiting["stage"] == "oven"
                && waiting["since"].is_string()
                && waiting["ahead"].is_u64();
            let in_the_oven = waiting["for"] == "stage" && waiting["stage"] == "oven";
            if in_the_oven || matches!(order["status"].as_str(), Some("ready" | "completed")) {
                break;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    was_told
}

/// Counts once the order is completed: there is one customer less to wait for.
pub(super) async fn be_served(
    client: &Client,
    api: &str,
    order_id: &str,
    served: &watch::Sender<u64>,
) {
    until_told(client, api, order_id, &["completed"]).await;
    served.send_modify(|served| *served += 1);
}

/// Comes once so many others are served, and says twice that the order was taken along.
pub(super) async fn come_late(
    client: &Client,
    api: &str,
    order_id: &str,
    (others, mut served): (u64, watch::Receiver<u64>),
) -> LateFigures {
    let mut figures = LateFigures { late: 1, ..LateFigures::default() };
    until_told(client, api, order_id, &["ready"]).await;
    let all = served.wait_for(|served| *served >= others);
    let _ = tokio::time::timeout(PATIENCE, all).await;
    if let Some(order) = look(client, api, order_id).await {
        let is_ready = order["status"] == "ready" && order["waiting"]["for"] == "collection";
        figures.were_ready = u64::from(is_ready);
    }
    for _ in 0..2 {
        collect(client, api, order_id).await;
    }
    let completed = until_told(client, api, order_id, &["completed"]).await;
    figures.were_completed = u64::from(completed);
    figures
}

impl std::ops::AddAssign for LateFigures {
    fn add_assign(&mut self, other: Self) {
        self.late += other.late;
        self.were_ready += other.were_ready;
        self.were_completed += other.were_completed;
    }
}

async fn look(client: &Client, api: &str, order_id: &str) -> Option<Value> {
    client.get(format!("{api}/orders/{order_id}")).send().await.ok()?.json().await.ok()
}
