//! What customers do once their order is taken, as others than they see it: over HTTP.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long a customer waits to be told something.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often one asks for what isn't taken.
const TRIES: u32 = 20;

/// Until the customer is told that the order has one of these statuses; whether that came.
pub(super) async fn until_told(
    client: &Client,
    api: &str,
    order_id: &str,
    statuses: &[&str],
) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let asked = client.get(format!("{api}/orders/{order_id}")).send().await;
        if let Ok(answer) = asked
            && let Ok(order) = answer.json::<Value>().await
            && order["status"].as_str().is_some_and(|status| statuses.contains(&status))
        {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tracing::error!(order_id, ?statuses, "it never came so far");
    false
}

/// Asks until it is taken, which it always is: whether it can be cancelled, the order's statuses say.
pub(super) async fn cancel(client: &Client, api: &str, order_id: &str) {
    let reason = json!({ "reason": "changed my mind" });
    say(client, api, order_id, "cancellation", &reason).await;
}

/// Says that the order was taken along.
pub(super) async fn collect(client: &Client, api: &str, order_id: &str) -> bool {
    say(client, api, order_id, "collection", &Value::Null).await
}

/// One piece of what was bought comes back, once the order is collected; whether that was taken.
pub(super) async fn return_one(client: &Client, api: &str, order_id: &str, sku: &str) -> bool {
    let goods = json!({ "lines": [{ "sku": sku, "quantity": 1 }], "reason": "cold" });
    until_told(client, api, order_id, &["completed"]).await
        && say(client, api, order_id, "returns", &goods).await
}

/// Says it under a key of its own until it is taken.
async fn say(client: &Client, api: &str, order_id: &str, what: &str, body: &Value) -> bool {
    for attempt in 1..=TRIES {
        let mut asked = client.post(format!("{api}/orders/{order_id}/{what}"));
        if !body.is_null() {
            asked = asked.json(body);
        }
        let asked = asked.header("Idempotency-Key", format!("{order_id}-{what}"));
        match asked.send().await {
            Ok(answer) if answer.status().is_success() => return true,
            Ok(answer) => tracing::debug!(status = %answer.status(), what, "said again"),
            Err(error) => tracing::debug!(%error, what, "said again"),
        }
        tokio::time::sleep(Duration::from_millis(50) * attempt).await;
    }
    tracing::error!(order_id, what, "it was never taken");
    false
}
