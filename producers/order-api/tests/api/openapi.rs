use std::{env, fs, path::Path};

use order_api::{ContactRequest, OrderRequest, OrderRequestLine, openapi_json};
use serde_json::Value;

use crate::harness::Shop;

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
        "openapi.json differs from the code: ORDERLY_BLESS=1 cargo test -p order-api writes it anew"
    );
}

#[tokio::test]
async fn it_is_served() {
    let shop = Shop::open().await;
    let answer = shop.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, openapi_json());
}

#[test]
fn it_names_every_route_and_the_type_of_every_body() {
    let api: Value = serde_json::from_str(&openapi_json()).unwrap();
    let routes: Vec<_> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        routes,
        [
            "/healthz",
            "/kitchen/events",
            "/kitchen/orders",
            "/menu",
            "/metrics",
            "/openapi.json",
            "/orders",
            "/orders/{id}",
            "/orders/{id}/cancellation",
            "/orders/{id}/collection",
            "/orders/{id}/events",
            "/orders/{id}/notifications",
            "/orders/{id}/returns",
            "/readyz",
            "/users/{id}/orders"
        ]
    );
    let schemas = &api["components"]["schemas"];
    let text = api.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is named and not described");
    }
    let responses = &api["paths"]["/orders"]["post"]["responses"];
    assert!(responses["422"]["content"]["application/problem+json"].is_object(), "{responses}");
}

#[tokio::test]
async fn every_field_it_describes_is_taken_and_no_other() {
    let api: Value = serde_json::from_str(&openapi_json()).unwrap();
    for name in ["OrderRequest", "OrderRequestLine", "ContactRequest"] {
        let schema = &api["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
    let fields = |name: &str| {
        let properties = &api["components"]["schemas"][name]["properties"];
        properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let full = OrderRequest {
        user_id: Some("ada".into()),
        currency: "GBP".into(),
        lines: vec![OrderRequestLine {
            sku: "margherita".into(),
            name: Some("Margherita".into()),
            quantity: 1,
            unit_price: Some("8.50".into()),
        }],
        contact: Some(ContactRequest {
            email: Some("ada@example.org".into()),
            phone: Some("+441632960961".into()),
            callback_url: Some("https://shop.example/hooks".into()),
        }),
        coupons: vec!["WELCOME".into()],
        payment_token: Some("pm_1".into()),
    };
    let body = serde_json::to_value(&full).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), fields("OrderRequest"));
    assert_eq!(keys(&body["lines"][0]), fields("OrderRequestLine"));
    assert_eq!(keys(&body["contact"]), fields("ContactRequest"));
    let shop = Shop::open().await;
    shop.post(&body).await.accepted();
}
