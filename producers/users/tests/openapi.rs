//! The description is the code's.

use std::{env, fs, path::Path};

use serde_json::Value;
use users::{ProfileRequest, openapi_json};

use crate::parts::{Club, EMAIL, PHONE};

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
        "openapi.json differs from the code: ORDERLY_BLESS=1 cargo test -p users writes it anew"
    );
}

#[tokio::test]
async fn it_is_served_and_every_field_it_describes_is_taken() {
    let club = Club::open_with(|settings| settings.members = 0).await;
    assert_eq!(club.get("/openapi.json").await.body, openapi_json());
    assert_eq!(club.get("/healthz").await.body, "ok\n");
    let api: Value = serde_json::from_str(&openapi_json()).unwrap();
    let routes: Vec<_> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(routes, ["/healthz", "/openapi.json", "/users/{id}"]);
    let profile = ProfileRequest {
        user_id: Some("ada".into()),
        name: Some("Ada".into()),
        email: Some(EMAIL.into()),
        phone: Some(PHONE.into()),
        customer_group: Some("staff".into()),
        notify_by: vec!["EMAIL".into(), "SMS".into(), "WEBHOOK".into()],
    };
    let profile = serde_json::to_value(profile).unwrap();
    let schema = &api["components"]["schemas"]["ProfileRequest"];
    assert_eq!(schema["additionalProperties"], false);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&profile), keys(&schema["properties"]));
    assert_eq!(club.put("/users/ada", &profile).await.status, 201);
}
