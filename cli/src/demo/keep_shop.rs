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
    menu::{MENU, Pizza},
    open_shop::{Counted, ON_HAND, closed},
    site::Keepers,
};
use crate::platform::Databases;

/// The customer group of the friends.
pub(super) const FRIENDS: &str = "friends";
/// Longest that anything of it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Over once all of it is told, and order-api at base URL `api`, which goes by the catalogue, sells the menu.
/// `databases` are those of the services. What was counted.
pub async fn keep_shop(
    keepers: &Keepers,
    databases: &Databases,
    api: &str,
    friends: &[String],
) -> Result<Counted, DemoError> {
    let client = Client::builder().timeout(Duration::from_secs(15)).build();
    let client = client.map_err(DemoError::Http)?;
    let mut counted = BTreeMap::new();
    for (sku, name, description, price) in MENU {
        let product = json!({
            "name": name, "description": description, "category": "pizza", "price": price,
            "currency": "EUR", "state": "active",
        });
        put(&client, &format!("{}/products/{sku}", keepers.catalogue), &product).await?;
        let count = json!({ "on_hand": ON_HAND });
        put(&client, &format!("{}/stock/{sku}", keepers.catalogue), &count).await?;
        counted.insert(sku.to_owned(), ON_HAND.into());
    }
    for user_id in friends {
        // Whoever has a profile hears only by what it says.
        let profile = json!({
            "customer_group": FRIENDS,
            "email": "friend@example.com",
            "phone": "+493055500000",
            "notify_by": ["EMAIL", "SMS"],
        });
        put(&client, &format!("{}/users/{user_id}", keepers.users), &profile).await?;
    }
    until_told(databases).await?;
    until_sold(&client, api).await?;
    Ok(counted)
}

/// Says it until it is taken.
async fn put(client: &Client, url: &str, body: &Value) -> Result<(), DemoError> {
    let tried = || async {
        match client.put(url).json(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(Ok(())),
            Ok(answer) if answer.status().is_client_error() => {
                let (status, why) = (answer.status(), answer.text().await.unwrap_or_default());
                Err(closed(&format!("PUT {url} is answered {status}: {why}")))
            }
            Ok(answer) => Ok(Err(answer.status().to_string())),
            Err(error) => Ok(Err(error.to_string())),
        }
    };
    patiently(&format!("PUT {url}"), tried).await
}

/// What the services accepted lies in its topics.
async fn until_told(databases: &Databases) -> Result<(), DemoError> {
    for database in [&databases.catalogue, &databases.users] {
        let outbox = Outbox::new(database.clone());
        let is_told = || async {
            Ok(match outbox.is_empty().await? {
                true => Ok(()),
                false => Err("it isn't empty; does its relay run?".to_owned()),
            })
        };
        patiently("the outbox", is_told).await?;
    }
    Ok(())
}

/// order-api has read the menu: of an order whose prices are all wrong it finds nothing else to refuse.
async fn until_sold(client: &Client, api: &str) -> Result<(), DemoError> {
    let wrong = |(sku, ..): &Pizza| json!({ "sku": sku, "quantity": 1, "unit_price": "0.0001" });
    let lines: Vec<Value> = MENU.iter().map(wrong).collect();
    let order = json!({ "currency": "EUR", "lines": lines });
    patiently("order-api doesn't sell the menu", || async {
        match client.post(format!("{api}/orders")).json(&order).send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                Err(closed(&"order-api takes any price: it doesn't know the menu"))
            }
            Ok(answer) if answer.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                let problem: Value = answer.json().await.unwrap_or_default();
                let is_sold = is_only_about_prices(&problem);
                Ok(if is_sold { Ok(()) } else { Err(problem["errors"].to_string()) })
            }
            Ok(answer) => Ok(Err(answer.status().to_string())),
            Err(error) => Ok(Err(error.to_string())),
        }
    })
    .await
}

/// Tries until it is done, for a while; what is tried says why it isn't yet, or that it never will be.
async fn patiently<F: Future<Output = Result<Result<(), String>, DemoError>>>(
    what: &str,
    tried: impl Fn() -> F,
) -> Result<(), DemoError> {
    let begun = Instant::now();
    while let Err(why) = tried().await? {
        if begun.elapsed() > PATIENCE {
            return Err(closed(&format!("{what}: {why}")));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn is_only_about_prices(problem: &Value) -> bool {
    let errors = problem["errors"].as_array();
    let is_price =
        |error: &Value| error["field"].as_str().is_some_and(|field| field.ends_with(".unit_price"));
    errors.is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_price))
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
