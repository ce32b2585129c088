//! The shop as its keeper fills it: the menu and what was counted of it at the catalogue service, and at
//! the users service who is a friend of the house.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use orderly_stores::Outbox;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{
    DemoError,
    load::LoadParts,
    menu::MENU,
    open_shop::{Counted, ON_HAND},
    site::Keepers,
};

/// The customer group of the friends.
pub(super) const FRIENDS: &str = "friends";
/// Longest that anything of it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Over once all of it is told, and order-api sells the menu. What was counted.
pub(super) async fn keep_shop(
    keepers: &Keepers,
    parts: &LoadParts,
    friends: &[String],
) -> Result<Counted, DemoError> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build();
    let client = client.map_err(DemoError::Http)?;
    let mut counted = BTreeMap::new();
    for (sku, name, price) in MENU {
        let product = json!({
            "name": name, "category": "pizza", "price": price, "currency": "EUR", "state": "active",
        });
        put(&client, &format!("{}/products/{sku}", keepers.catalogue), &product).await?;
        let count = json!({ "on_hand": ON_HAND });
        put(&client, &format!("{}/stock/{sku}", keepers.catalogue), &count).await?;
        counted.insert(sku.to_owned(), ON_HAND.into());
    }
    for user_id in friends {
        let profile = json!({ "customer_group": FRIENDS });
        put(&client, &format!("{}/users/{user_id}", keepers.users), &profile).await?;
    }
    until_told(parts).await?;
    until_sold(&client, &parts.api).await?;
    Ok(counted)
}

/// Says it until it is taken.
async fn put(client: &Client, url: &str, body: &Value) -> Result<(), DemoError> {
    let begun = Instant::now();
    loop {
        let why = match client.put(url).json(body).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if answer.status().is_client_error() => {
                let (status, why) = (answer.status(), answer.text().await.unwrap_or_default());
                return Err(closed(&format!("PUT {url} is answered {status}: {why}")));
            }
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > PATIENCE {
            return Err(closed(&format!("PUT {url}: {why}")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the services accepted lies in its topics.
async fn until_told(parts: &LoadParts) -> Result<(), DemoError> {
    let begun = Instant::now();
    for database in [&parts.databases.catalogue, &parts.databases.users] {
        let outbox = Outbox::new(database.clone());
        while !outbox.is_empty().await? {
            if begun.elapsed() > PATIENCE {
                return Err(closed("the outbox isn't empty; does its relay run?"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// order-api has read the menu: of an order whose prices are all wrong it finds nothing else to refuse.
async fn until_sold(client: &Client, api: &str) -> Result<(), DemoError> {
    let wrong = |(sku, ..): &(&str, &str, &str)| json!({ "sku": sku, "quantity": 1, "unit_price": "0.0001" });
    let lines: Vec<Value> = MENU.iter().map(wrong).collect();
    let order = json!({ "currency": "EUR", "lines": lines });
    let begun = Instant::now();
    loop {
        let why = match client.post(format!("{api}/orders")).json(&order).send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                return Err(closed("order-api takes any price: it doesn't know the menu"));
            }
            Ok(answer) if answer.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                let problem: Value = answer.json().await.unwrap_or_default();
                if is_only_about_prices(&problem) {
                    return Ok(());
                }
                problem["errors"].to_string()
            }
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > PATIENCE {
            return Err(closed(&format!("order-api doesn't sell the menu: {why}")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_only_about_prices(problem: &Value) -> bool {
    let errors = problem["errors"].as_array();
    let is_price =
        |error: &Value| error["field"].as_str().is_some_and(|field| field.ends_with(".unit_price"));
    errors.is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_price))
}

fn closed(why: &str) -> DemoError {
    DemoError::Ended(format!("the shop can't be opened: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_is_not_known_is_no_price() {
        let errors = |fields: &[&str]| {
            let errors: Vec<Value> = fields.iter().map(|field| json!({ "field": field })).collect();
            json!({ "errors": errors })
        };
        assert!(is_only_about_prices(&errors(&["lines[0].unit_price", "lines[1].unit_price"])));
        assert!(!is_only_about_prices(&errors(&["lines[0].unit_price", "lines[1].sku"])));
        assert!(!is_only_about_prices(&errors(&[])));
        assert!(!is_only_about_prices(&json!({ "title": "Too much to do at the moment" })));
    }
}
