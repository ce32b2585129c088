//! Orders that the catalogue prices.

use orderly_schemas::{OrderPlaced, ProductChanged, ProductState};
use orderly_stores::Database;
use serde_json::{Value, json};

use crate::harness::{Shop, Wishes, decode, event_ids, eventually, product};

async fn shop() -> Shop {
    let catalogue = vec![
        product("margherita", "8.50"),
        product("olives", "0.3333"),
        ProductChanged { state: ProductState::Withdrawn, ..product("calzone", "9") },
        ProductChanged { currency: "EUR".into(), ..product("espresso", "1.20") },
        ProductChanged { price: "-1.0000".parse().unwrap(), ..product("gift", "1") },
    ];
    Shop::open_with(Wishes { catalogue: Some(catalogue), ..Wishes::default() }).await
}

fn of(lines: &Value) -> Value {
    json!({ "currency": "GBP", "lines": lines })
}

async fn placed(shop: &Shop) -> OrderPlaced {
    decode(shop.records("orders").await.last().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_prices_gets_the_catalogues() {
    let shop = shop().await;
    let lines = json!([
        { "sku": "margherita", "quantity": 2, "name": "What the customer saw" },
        { "sku": "olives", "quantity": 3, "unit_price": "0.3333" },
        { "sku": "margherita", "quantity": 1, "unit_price": "8.5" },
    ]);
    shop.post(&of(&lines)).await.accepted();
    let order = placed(&shop).await;
    assert_eq!(order.total.to_string(), "26.50");
    let seen: Vec<_> = order
        .lines
        .iter()
        .map(|l| (l.name.as_deref().unwrap(), l.category.as_deref(), l.unit_price.to_string()))
        .collect();
    assert_eq!(
        seen,
        [
            ("The margherita", Some("food"), "8.5000".to_owned()),
            ("The olives", Some("food"), "0.3333".to_owned()),
            ("The margherita", Some("food"), "8.5000".to_owned()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_says_otherwise_is_told_by_line() {
    let shop = shop().await;
    let lines = json!([
        { "sku": "margherita", "quantity": 1, "unit_price": "8.49" },
        { "sku": "unheard-of", "quantity": 1 },
        { "sku": "calzone", "quantity": 1 },
        { "sku": "espresso", "quantity": 1 },
        { "sku": "gift", "quantity": 1 },
        { "sku": "olives", "quantity": 1 },
    ]);
    for key in [None, Some("k")] {
        let request = shop.request(&of(&lines));
        let request = key.into_iter().fold(request, |r, key| r.header("Idempotency-Key", key));
        let problem = shop.send(request).await.problem(422, "invalid-order");
        let told: Vec<_> =
            problem.errors.iter().map(|e| (e.field.as_str(), e.message.as_str())).collect();
        assert_eq!(
            told,
            [
                ("lines[0].unit_price", "the price is now 8.5"),
                ("lines[1].sku", "is no product that is sold here"),
                ("lines[2].sku", "is not sold any more"),
                ("lines[3].sku", "is sold in EUR, and the order is in GBP"),
                ("lines[4].sku", "has no price that can be charged"),
            ]
        );
    }
    assert!(shop.records("orders").await.is_empty());
    // The key is free for another order.
    let other = of(&json!([{ "sku": "olives", "quantity": 1 }]));
    shop.post_with_key("k", &other).await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_catalogue_is_not_read_nothing_is_ordered_and_readiness_says_why() {
    let catalogue = Some(vec![product("margherita", "8.50")]);
    let mut shop =
        Shop::open_with(Wishes { catalogue, is_unread: true, ..Wishes::default() }).await;
    let order = of(&json!([{ "sku": "margherita", "quantity": 1 }]));
    shop.post(&order).await.problem(503, "prices-unknown");
    shop.post_with_key("k", &order).await.problem(503, "prices-unknown");
    let readiness = shop.until_readyz(503).await.json();
    assert!(readiness["parts"]["prices"].as_str().unwrap().contains("catalogue"), "{readiness}");
    assert!(shop.records("orders").await.is_empty());

    shop.registry.come_back().await.unwrap();
    shop.until_readyz(200).await;
    shop.post_with_key("k", &order).await.accepted();
}

/// What is kept of the only key.
async fn kept(database: &Database) -> Option<String> {
    let row = database.query_opt("SELECT priced FROM idempotency", &[]).await.unwrap();
    row.unwrap().get(0).unwrap()
}

/// Leaves the only key as a replica does that was killed before it answered.
async fn forget_the_outcome(database: &Database, priced: &str) {
    let mut tx = database.begin().await.unwrap();
    let sql = "UPDATE idempotency SET state = 'in_flight', lease_until = 0, priced = $1";
    tx.execute(sql, &[priced.into()]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_the_same_order_whatever_prices_are_then() {
    let shop = shop().await;
    let order = of(&json!([
        { "sku": "margherita", "quantity": 2, "unit_price": "8.50" },
        { "sku": "olives", "quantity": 1 },
    ]));
    let database = shop.database();
    shop.broker.go_down().unwrap();
    let first = shop.post_with_key("k", &order);
    let meanwhile = async {
        shop.claimed("k").await;
        let priced = kept(&database).await.unwrap();
        shop.broker.come_back().unwrap();
        priced
    };
    let (first, priced) = tokio::join!(first, meanwhile);
    let first = first.accepted();
    // Done, it is answered from the record, and the prices needn't be kept.
    assert_eq!(kept(&database).await, None);

    forget_the_outcome(&database, &priced).await;
    shop.change(&product("margherita", "9.75")).await;
    let second = shop.post_with_key("k", &order).await.accepted();
    assert_eq!(second.order_id, first.order_id);

    // Not even that it can't be ordered any more makes it another one.
    forget_the_outcome(&database, &priced).await;
    let gone = ProductChanged { state: ProductState::Withdrawn, ..product("olives", "0.3333") };
    shop.change(&gone).await;
    shop.post_with_key("k", &order).await.accepted();

    let records = shop.records("orders").await;
    assert_eq!(records.len(), 3);
    assert_eq!(event_ids(&records), vec![event_ids(&records)[0]; 3]);
    for record in &records[1..] {
        assert_eq!(record.payload(), records[0].payload());
        assert_eq!(record.timestamp(), records[0].timestamp());
    }
    // A new key hears of the new price.
    let problem = shop.post_with_key("other", &order).await.problem(422, "invalid-order");
    assert_eq!(problem.errors[0].message, "the price is now 9.75");
}

#[tokio::test(flavor = "multi_thread")]
async fn coupons_and_a_payment_token_go_with_the_order() {
    let shop = shop().await;
    let mut order = of(&json!([{ "sku": "olives", "quantity": 1 }]));
    order["coupons"] = json!(["welcome", "TEN%"]);
    order["payment_token"] = json!("pm_1-x");
    shop.post_with_key("k", &order).await.accepted();
    let placed = placed(&shop).await;
    assert_eq!(placed.coupons, ["WELCOME", "TEN%"]);
    assert_eq!(placed.payment_token.as_deref(), Some("pm_1-x"));
    // Written another way it is the same order.
    order["coupons"] = json!(["Welcome", "ten%"]);
    eventually("the answer is kept", async || shop.post_with_key("k", &order).await.is_replayed())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_is_refused_and_not_repeated() {
    let shop = shop().await;
    for card in ["4111111111111111", "4111-1111-1111-1111", "5555 5555 5555 4444"] {
        let mut order = of(&json!([{ "sku": "olives", "quantity": 1 }]));
        order["payment_token"] = json!(card);
        let answer = shop.post_with_key("k", &order).await;
        let problem = answer.problem(422, "invalid-order");
        assert_eq!(problem.errors[0].field, "payment_token");
        assert!(!answer.body.contains(card) && !answer.body.contains("1111"), "{answer:?}");
    }
    assert!(shop.records("orders").await.is_empty());
}
