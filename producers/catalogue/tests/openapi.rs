//! The description is the code's.

use std::{env, fs, path::Path};

use catalogue::{CountRequest, ProductRequest, openapi_json};
use serde_json::Value;

use crate::parts::Shop;

#[test]
fn the_committed_description_is_the_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let generated = openapi_json();
    if env::var_os("ORDERLY_BLESS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "openapi.json differs from the code: ORDERLY_BLESS=1 cargo test -p catalogue writes it anew"
    );
}

#[test]
fn it_names_every_route_and_the_type_of_every_body() {
    let api: Value = serde_json::from_str(&openapi_json()).unwrap();
    let routes: Vec<_> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        routes,
        ["/healthz", "/openapi.json", "/products", "/products/{sku}", "/stock/{sku}"]
    );
    let schemas = &api["components"]["schemas"];
    for part in api.to_string().split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is named and not described");
    }
}

#[tokio::test]
async fn it_is_served_and_every_field_it_describes_is_taken() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/openapi.json").await.body, openapi_json());
    assert_eq!(shop.get("/healthz").await.body, "ok\n");
    let product = ProductRequest {
        sku: Some("a".into()),
        name: "A".into(),
        description: Some("b".into()),
        category: Some("c".into()),
        price: "1.00".into(),
        currency: "EUR".into(),
        state: "active".into(),
    };
    let api: Value = serde_json::from_str(&openapi_json()).unwrap();
    let fields = |name: &str| {
        let schema = &api["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}");
        schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let product = serde_json::to_value(product).unwrap();
    assert_eq!(keys(&product), fields("ProductRequest"));
    assert_eq!(shop.put("/products/a", &product).await.status, 201);
    let count = serde_json::to_value(CountRequest { on_hand: 1 }).unwrap();
    assert_eq!(keys(&count), fields("CountRequest"));
    assert_eq!(shop.put("/stock/a", &count).await.status, 200);
}
