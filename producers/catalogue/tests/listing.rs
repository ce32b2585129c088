//! Products page by page, chosen and searched.

use serde_json::json;

use crate::parts::{Shop, with};

on_both! {
    pages_follow_one_another_by_sku_until_the_last,
    a_product_that_is_removed_between_pages_loses_no_other,
    products_are_chosen_by_category_and_state,
    a_text_is_looked_for_in_name_sku_and_description_whatever_its_case,
    what_means_something_to_the_database_is_looked_for_as_it_stands,
}

async fn skus(shop: &Shop, query: &str) -> Vec<String> {
    let page = shop.get(&format!("/products{query}")).await.json(200);
    let products = page["products"].as_array().unwrap();
    products.iter().map(|product| product["sku"].as_str().unwrap().to_owned()).collect()
}

async fn pages_follow_one_another_by_sku_until_the_last(shop: Shop) {
    for sku in ["b", "A", "_", "a-1", "B", "a.1", "a", "1"] {
        assert_eq!(shop.put(&format!("/products/{sku}"), &with(&json!({}))).await.status, 201);
    }
    let mut all = Vec::new();
    let mut path = "/products?limit=3".to_owned();
    let pages = loop {
        let page = shop.get(&path).await.json(200);
        all.push(page["products"].as_array().unwrap().len());
        match page["next"].as_str() {
            Some(next) => path = format!("/products?limit=3&after={next}"),
            None => break all,
        }
    };
    assert_eq!(pages, [3, 3, 2]);
    // By their bytes, on each database.
    assert_eq!(skus(&shop, "").await, ["1", "A", "B", "_", "a", "a-1", "a.1", "b"]);
    assert_eq!(skus(&shop, "?after=_&limit=2").await, ["a", "a-1"]);
    assert!(shop.get("/products?limit=8").await.json(200).get("next").is_none());
    assert!(skus(&shop, "?after=zz").await.is_empty());
}

async fn a_product_that_is_removed_between_pages_loses_no_other(shop: Shop) {
    for sku in ["a", "b", "c", "d"] {
        shop.put(&format!("/products/{sku}"), &with(&json!({}))).await;
    }
    let first = shop.get("/products?limit=2").await.json(200);
    shop.delete("/products/b").await;
    let next = first["next"].as_str().unwrap();
    assert_eq!(skus(&shop, &format!("?limit=2&after={next}")).await, ["c", "d"]);
}

async fn products_are_chosen_by_category_and_state(shop: Shop) {
    for (sku, category, state) in
        [("a", "pizza", "active"), ("b", "pizza", "withdrawn"), ("c", "drinks", "active")]
    {
        let product = with(&json!({ "category": category, "state": state }));
        shop.put(&format!("/products/{sku}"), &product).await;
    }
    shop.put("/products/d", &with(&json!({ "category": null }))).await;
    assert_eq!(skus(&shop, "?category=pizza").await, ["a", "b"]);
    assert_eq!(skus(&shop, "?category=Pizza").await, [""; 0]);
    assert_eq!(skus(&shop, "?state=active").await, ["a", "c", "d"]);
    assert_eq!(skus(&shop, "?category=pizza&state=withdrawn").await, ["b"]);
    assert_eq!(skus(&shop, "?category=pizza&q=margh&after=a").await, ["b"]);
}

async fn a_text_is_looked_for_in_name_sku_and_description_whatever_its_case(shop: Shop) {
    for (sku, name, description) in [
        ("one-HAM", "One", json!("x")),
        ("two", "Hamburger", json!(null)),
        ("three", "Three", json!("with ham\nand eggs")),
        ("four", "Four", json!(null)),
        ("five", "Éclair", json!(null)),
    ] {
        let product = with(&json!({ "name": name, "description": description }));
        assert_eq!(shop.put(&format!("/products/{sku}"), &product).await.status, 201);
    }
    for text in ["ham", "HAM", "hAm"] {
        let found = skus(&shop, &format!("?q={text}")).await;
        assert_eq!(found, ["one-HAM", "three", "two"], "{text}");
    }
    // As it is written it is found everywhere.
    assert_eq!(skus(&shop, "?q=%C3%89clair").await, ["five"]);
    assert_eq!(skus(&shop, "?q=nothing").await, [""; 0]);
}

async fn what_means_something_to_the_database_is_looked_for_as_it_stands(shop: Shop) {
    for (sku, name) in
        [("a", "100% juice"), ("b", "100 juice"), ("c", "a_b"), ("d", "axb"), ("e", "wow! ''\\")]
    {
        let product = with(&json!({ "name": name, "description": null }));
        assert_eq!(shop.put(&format!("/products/{sku}"), &product).await.status, 201);
    }
    assert_eq!(skus(&shop, "?q=100%25").await, ["a"]);
    assert_eq!(skus(&shop, "?q=a_b").await, ["c"]);
    assert_eq!(skus(&shop, "?q=%25").await, ["a"]);
    assert_eq!(skus(&shop, "?q=!").await, ["e"]);
    assert_eq!(skus(&shop, "?q=''%5C").await, ["e"]);
    assert_eq!(skus(&shop, "?q=')%20OR%201=1%20--").await, [""; 0]);
}
