//! Who asks, by their API key: what is theirs is theirs alone.

use std::{fs, time::Duration};

use order_api::Settings;
use orderly_schemas::{OrderCancellationRequested, OrderPlaced, RequestedBy};
use orderly_web::{ApiKeys, NewKey};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Shop, Wishes, decode, eventually, order},
    stub_history::{completed_json, order_json},
};

/// A service that knows two callers and an operator.
struct Known {
    shop: Shop,
    keys: ApiKeys,
    file: tempfile::NamedTempFile,
    ada: NewKey,
    bob: NewKey,
    operator: NewKey,
}

impl Known {
    async fn open() -> Self {
        let [ada, bob, operator] = [(); 3].map(|()| NewKey::random().unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), callers(&[("ada", &ada), ("bob", &bob), ("office", &operator)]))
            .unwrap();
        let keys = ApiKeys::load(file.path()).unwrap();
        let known = keys.clone();
        let change = move |settings: &mut Settings| settings.keys = known;
        let shop = Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await;
        Self { shop, keys, file, ada, bob, operator }
    }

    async fn get(&self, key: &NewKey, path: &str) -> Answer {
        let request = self.shop.http.get(format!("{}{path}", self.shop.url));
        self.shop.send(request.bearer_auth(key.reveal())).await
    }

    async fn post(&self, key: &NewKey, idempotency_key: &str, body: &Value) -> Answer {
        let request = self.shop.request(body).header("X-Api-Key", key.reveal());
        self.shop.send(request.header("Idempotency-Key", idempotency_key)).await
    }
}

fn callers(known: &[(&str, &NewKey)]) -> String {
    let entry = |(name, key): &(&str, &NewKey)| {
        let role = if *name == "office" { "operator" } else { "caller" };
        format!("- {{ caller: {name}, role: {role}, key_sha256: [{}] }}\n", key.sha256())
    };
    known.iter().map(entry).collect()
}

#[tokio::test]
async fn two_callers_with_one_idempotency_key_place_two_orders_under_their_names() {
    let known = Known::open().await;
    let adas = known.post(&known.ada, "k", &order()).await.accepted();
    let bobs = known.post(&known.bob, "k", &order()).await.accepted();
    assert_ne!(adas.order_id, bobs.order_id);
    assert!(known.post(&known.ada, "k", &order()).await.is_replayed());
    // Without an Idempotency-Key, with a contact, it is said, too.
    let request = known.shop.request(&crate::harness::order_with_contact());
    known.shop.send(request.bearer_auth(known.bob.reveal())).await.accepted();

    let records = known.shop.records("orders").await;
    let placed: Vec<OrderPlaced> = records.iter().map(decode).collect();
    let by: Vec<_> = placed.iter().map(|order| order.caller.as_deref()).collect();
    assert_eq!(by, [Some("ada"), Some("bob"), Some("bob")]);
}

#[tokio::test]
async fn history_is_asked_for_the_callers_orders_alone_and_by_operators_for_all() {
    let known = Known::open().await;
    let history = &known.shop.history;
    history.tell("/orders/o-1?caller=ada", 200, &order_json("o-1"));
    history.tell("/orders/o-1", 200, &order_json("o-1"));
    let none = json!({ "orders": [] });
    for path in ["/users/ada/orders?caller=bob&limit=20", "/users/ada/orders?limit=20"] {
        history.tell(path, 200, &none);
    }

    assert_eq!(known.get(&known.ada, "/orders/o-1").await.status, 200);
    known.get(&known.bob, "/orders/o-1").await.problem(404, "order-not-found");
    assert_eq!(known.get(&known.operator, "/orders/o-1").await.status, 200);
    assert_eq!(known.get(&known.bob, "/users/ada/orders").await.status, 200);
    assert_eq!(known.get(&known.operator, "/users/ada/orders").await.status, 200);
    // Whose orders are asked for is not for the caller to say.
    known.get(&known.bob, "/users/ada/orders?caller=ada").await.problem(400, "invalid-request");
    known.get(&known.bob, "/orders/o-1?caller=ada").await.problem(404, "order-not-found");
    assert_eq!(
        history.asked(),
        [
            "/orders/o-1?caller=ada",
            "/orders/o-1?caller=bob",
            "/orders/o-1",
            "/users/ada/orders?caller=bob&limit=20",
            "/users/ada/orders?limit=20",
            "/orders/o-1?caller=bob",
        ]
    );
}

#[tokio::test]
async fn nothing_can_be_said_of_another_callers_order_but_by_operators() {
    let known = Known::open().await;
    let shop = &known.shop;
    let sold = completed_json("o-1");
    for path in ["/orders/o-1?caller=ada", "/orders/o-1"] {
        shop.history.tell(path, 200, &sold);
    }
    let say = async |key: &NewKey, what: &str| {
        let request = shop.http.post(format!("{}/orders/o-1/{what}", shop.url));
        let request = match what {
            "returns" => request.json(&json!({"lines": [{"sku": "margherita", "quantity": 1}]})),
            _ => request,
        };
        shop.send(request.bearer_auth(key.reveal())).await
    };
    for what in ["cancellation", "collection", "returns"] {
        say(&known.bob, what).await.problem(404, "order-not-found");
    }
    assert!(shop.records("orders").await.is_empty());
    for what in ["cancellation", "collection", "returns"] {
        for key in [&known.ada, &known.operator] {
            assert_eq!(say(key, what).await.status, 202, "{what}");
        }
    }
    let records = shop.records("orders").await;
    let by: Vec<_> = records[..2]
        .iter()
        .map(|record| decode::<OrderCancellationRequested>(record).requested_by)
        .collect();
    assert_eq!(by, [RequestedBy::Customer, RequestedBy::Operator]);
    assert_eq!(records.len(), 6);
}

#[tokio::test]
async fn who_is_not_known_gets_nowhere_and_those_who_run_it_do() {
    let known = Known::open().await;
    let (shop, stranger) = (&known.shop, NewKey::random().unwrap());
    for (headers, challenge) in [
        (vec![], "Bearer realm=\"orderly\""),
        (vec![("Authorization", "Basic b2s6b2s=".to_owned())], "Bearer realm=\"orderly\""),
        (vec![("Authorization", "Bearer ".to_owned())], "Bearer realm=\"orderly\""),
        (vec![("X-Api-Key", String::new())], "invalid_token"),
        (vec![("X-Api-Key", stranger.reveal().to_owned())], "invalid_token"),
        (vec![("Authorization", format!("Bearer {}x", known.ada.reveal()))], "invalid_token"),
        (vec![("X-Api-Key", known.ada.sha256())], "invalid_token"),
        (vec![("X-Api-Key", "k".repeat(10_000))], "invalid_token"),
    ] {
        let with = |request: reqwest::RequestBuilder| {
            headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
        };
        for request in [
            shop.request(&order()),
            shop.http.get(format!("{}/orders/o-1", shop.url)),
            shop.http.get(format!("{}/users/ada/orders", shop.url)),
        ] {
            let answer = shop.send(with(request)).await;
            let problem = answer.problem(401, "unauthenticated");
            assert!(answer.header("www-authenticate").unwrap().contains(challenge), "{answer:?}");
            assert!(!format!("{problem:?}").contains(&stranger.reveal()[3..]), "{problem:?}");
        }
    }
    let twice = shop.request(&order()).header("X-Api-Key", known.ada.reveal());
    let twice = shop.send(twice.bearer_auth(known.ada.reveal())).await;
    assert_eq!(twice.problem(400, "invalid-request").errors[0].field, "X-Api-Key");
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(shop.get(path).await.status, 200, "{path}");
    }
    assert!(shop.records("orders").await.is_empty());
    assert!(shop.history.asked().is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_no_key() {
    let known = Known::open().await;
    let request = b"GET /orders/o-1 HTTP/1.1\r\nHost: x\r\nX-Api-Key: ok_\xff\xfe\r\n\
                    Connection: close\r\n\r\n";
    let answer = known.shop.raw(request, "unauthenticated").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_no_key_from_the_next_look_on() {
    let known = Known::open().await;
    known.post(&known.bob, "k", &order()).await.accepted();
    let without_bob = callers(&[("ada", &known.ada)]);
    fs::write(known.file.path(), format!("{without_bob}- nonsense\n")).unwrap();
    known.keys.look_again().unwrap_err();
    known.post(&known.bob, "k", &order()).await.accepted();

    fs::write(known.file.path(), without_bob).unwrap();
    known.keys.look_again().unwrap();
    known.post(&known.bob, "k", &order()).await.problem(401, "unauthenticated");
    known.post(&known.ada, "k", &order()).await.accepted();
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
    let known = Known::open().await;
    let ada = known.ada.sha256();
    let limited = format!(
        "- caller: ada\n  key_sha256: [{ada}]\n  rate: {{ per_second: 2, burst: 2 }}\n{}",
        callers(&[("bob", &known.bob)])
    );
    fs::write(known.file.path(), limited).unwrap();
    known.keys.look_again().unwrap();
    let mut refused = None;
    // A slow machine gives tokens back meanwhile.
    for _ in 0..1_000 {
        let answer = known.get(&known.ada, "/orders/o-1").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), Some("1"));
    known.get(&known.bob, "/orders/o-1").await.problem(404, "order-not-found");
    eventually("there is room again", async || {
        known.get(&known.ada, "/orders/o-1").await.status == 404
    })
    .await;
}

#[tokio::test]
async fn the_file_is_looked_at_without_being_asked() {
    let known = Known::open().await;
    fs::write(known.file.path(), callers(&[("ada", &known.ada)])).unwrap();
    let patience = tokio::time::timeout(
        Duration::from_secs(25),
        eventually("bob's key is revoked", async || {
            known.get(&known.bob, "/orders/o-1").await.status == 401
        }),
    );
    patience.await.unwrap();
}

#[tokio::test]
async fn pages_need_no_key_what_they_ask_for_does_and_the_kitchen_is_for_operators() {
    let known = Known::open().await;
    for page in ["/", "/kitchen", "/assets/base.css"] {
        assert_eq!(known.shop.get(page).await.status, 200, "{page}");
    }
    for asked in ["/menu", "/kitchen/orders"] {
        known.shop.get(asked).await.problem(401, "unauthenticated");
    }
    let ovens = json!({
        "orders": [{ "order_id": "o-1", "status": "in_progress", "stage": "oven",
            "station": 2, "since": "2026-11-20T12:00:00Z", "sequence": 7 }],
        "count": 1,
    });
    known.shop.history.tell("/kitchen/orders", 200, &ovens);
    known.get(&known.ada, "/kitchen/orders").await.problem(403, "not-allowed");
    assert_eq!(known.get(&known.operator, "/kitchen/orders").await.json(), ovens);
}
