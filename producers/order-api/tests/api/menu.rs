//! What customers can order.

use orderly_schemas::{ProductChanged, ProductState};
use serde_json::{Value, json};

use crate::harness::{Answer, Shop, Wishes, eventually, product};

async fn shop(products: Vec<ProductChanged>) -> Shop {
    Shop::open_with(Wishes { catalogue: Some(products), ..Wishes::default() }).await
}

fn skus(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let menu = answer.json();
    let products = menu["products"].as_array().unwrap();
    products.iter().map(|product| product["sku"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_is_what_orders_are_priced_by_and_follows_the_catalogue() {
    let shop = shop(vec![
        ProductChanged {
            description: Some("With <b>mozzarella</b>".into()),
            ..product("margherita", "8.5")
        },
        ProductChanged { category: None, ..product("gift", "0.3333") },
        ProductChanged { state: ProductState::Withdrawn, ..product("calzone", "9") },
    ])
    .await;
    let menu = shop.get("/menu").await;
    assert_eq!(skus(&menu), ["margherita", "gift"]);
    let margherita = json!({
        "sku": "margherita", "name": "The margherita", "description": "With <b>mozzarella</b>",
        "category": "food", "price": "8.50", "currency": "GBP",
    });
    assert_eq!(menu.json()["products"][0], margherita);
    assert_eq!(menu.json()["products"][1]["price"], "0.3333");
    assert_eq!(menu.json()["next"], Value::Null);

    shop.change(&product("calzone", "9")).await;
    shop.change(&ProductChanged { state: ProductState::Withdrawn, ..product("gift", "1") }).await;
    eventually("the menu follows", async || {
        skus(&shop.get("/menu").await) == ["calzone", "margherita"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_searched_and_paged_without_a_gap_or_a_repeat() {
    let mut products: Vec<_> = (0..25).map(|n| product(&format!("p{n:02}"), "1")).collect();
    products.push(ProductChanged { name: "Soup of the Day".into(), ..product("soup", "1") });
    let shop = shop(products).await;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = shop.get(&format!("/menu?limit=7{after}")).await;
        found.extend(skus(&page));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        after = format!("&after={next}");
    }
    assert_eq!(found.len(), 26);
    assert_eq!(found[0], "soup", "by name");
    assert!(found[1..].is_sorted());
    assert_eq!(skus(&shop.get("/menu?q=SOUP%20day").await), ["soup"]);
    assert_eq!(skus(&shop.get("/menu?q=p07").await), ["p07"]);
    assert_eq!(skus(&shop.get("/menu?q=food&limit=100").await).len(), 26);
    assert!(skus(&shop.get("/menu?q=leek").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_search_is_refused_and_without_a_catalogue_there_is_no_menu() {
    let catalogue = shop(vec![product("margherita", "8.50")]).await;
    let long = "x".repeat(201);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "(query)"),
        ("q=a&q=b", "(query)"),
        ("page=2", "(query)"),
        ("after=", "after"),
        ("after=00", "after"),
        (&format!("q={long}"), "q"),
    ] {
        let problem = catalogue.get(&format!("/menu?{query}")).await;
        let problem = problem.problem(400, "invalid-request");
        assert_eq!(problem.errors[0].field, field, "{query}");
    }
    Shop::open().await.get("/menu").await.problem(404, "no-menu");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_catalogue_is_not_read_there_is_no_menu_yet() {
    let catalogue = Some(vec![product("margherita", "8.50")]);
    let mut shop =
        Shop::open_with(Wishes { catalogue, is_unread: true, ..Wishes::default() }).await;
    shop.get("/menu").await.problem(503, "prices-unknown");
    shop.registry.come_back().await.unwrap();
    shop.until_readyz(200).await;
    assert_eq!(skus(&shop.get("/menu").await), ["margherita"]);
}
