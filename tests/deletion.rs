//! A user who orders, is deleted, and orders once more: on any platform the same.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use orderly::platform::{Databases, Platform};
use orderly_schemas::{ContactGiven, OrderLine, OrderPlaced};
use orderly_sdk::{
    Meta,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{eventually, leftovers::columns_with};

/// What is to be gone.
pub const EMAIL: &str = "ada.lovelace@mail.example.org";
/// The same.
pub const PHONE: &str = "+442079460123";
/// Somebody else's, who stays.
pub const ANOTHER: &str = "bob@mail.example.org";

/// The platform that the customers use.
pub struct Customers<'a> {
    platform: &'a Platform,
    http: Client,
    emitter: Emitter,
    /// Idempotency-Keys so far: what stands for a key is kept, too.
    keys: AtomicU64,
}

impl<'a> Customers<'a> {
    /// With an emitter for contacts that the gateway doesn't take.
    pub async fn of(platform: &'a Platform) -> Self {
        let registry = Registry::new(&platform.config).unwrap();
        let encoders = Encoders::of("test").event::<OrderPlaced>().event::<ContactGiven>();
        let encoders = encoders.register(&platform.config, &registry).await.unwrap();
        let emitter = Emitter::connect(&platform.config, encoders, EmitSettings::default());
        Self {
            platform,
            http: Client::new(),
            emitter: emitter.await.unwrap(),
            keys: AtomicU64::new(0),
        }
    }

    /// Ada and Bob are users and order, by the gateway and beside it; all their messages are sent.
    /// The orders of Ada's.
    pub async fn order(&self) -> Vec<String> {
        let users = format!("http://{}/users", self.platform.users_address);
        let ada =
            json!({ "name": "Ada", "email": EMAIL, "phone": PHONE, "notify_by": ["EMAIL", "SMS"] });
        let bob = json!({ "email": ANOTHER, "notify_by": ["EMAIL"] });
        for (user, profile) in [("ada", ada), ("bob", bob)] {
            let put = self.http.put(format!("{users}/{user}")).json(&profile);
            assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
        }
        let mut orders = Vec::new();
        for n in 0..5 {
            orders.push(self.place("ada", EMAIL).await);
            self.place("bob", ANOTHER).await;
            let beside = format!("beside-{n}");
            self.place_beside(&beside).await;
            orders.push(beside);
        }
        eventually("all are known and told of", || async {
            let known = count(&self.databases().users, "users_orders").await;
            // Without stock they are rejected, which is told as well.
            let told = "notifications_deliveries
                        WHERE template IN ('confirmed', 'rejected') AND state <> 'DUE'";
            let told = count(&self.databases().notifications, told).await;
            // A mail each, and a text message where a phone was given.
            (known >= 15 && told >= 15 + 5).then_some(())
        })
        .await;
        orders
    }

    /// Deletes Ada, who orders once more, as from before.
    pub async fn delete(&self) -> String {
        let url = format!("http://{}/users/ada", self.platform.users_address);
        let deleted = self.http.delete(url).send().await.unwrap();
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        self.place("ada", EMAIL).await
    }

    /// Waits until no table holds anything of Ada's; then no page does.
    pub async fn until_gone_here(&self, orders: &[String]) {
        for (name, database) in every(self.databases()) {
            for text in [EMAIL, PHONE] {
                eventually(&format!("{text} is gone from {name}"), || async {
                    columns_with(&database, text).await.is_empty().then_some(())
                })
                .await;
            }
        }
        let Platform { api, mailbox_address, users_address, .. } = self.platform;
        let mut pages = vec![
            format!("http://{mailbox_address}/mailbox"),
            format!("http://{mailbox_address}/mailbox.json"),
            format!("http://{api}/users/ada/orders"),
            format!("http://{api}/metrics"),
            format!("http://{users_address}/users/ada"),
        ];
        pages.extend(orders.iter().map(|id| format!("http://{api}/orders/{id}")));
        pages.extend(
            orders.iter().map(|id| format!("http://{mailbox_address}/mailbox?order_id={id}")),
        );
        for page in pages {
            let text = self.http.get(&page).send().await.unwrap().text().await.unwrap();
            assert!(!text.contains(EMAIL) && !text.contains(PHONE), "{page}: {text}");
        }
        // Another's is where it was.
        let Databases { notifications, users, .. } = self.databases();
        for (database, column) in
            [(notifications, "notifications_contacts.email"), (users, "users_profiles.email")]
        {
            let kept = columns_with(database, ANOTHER).await;
            assert!(kept.contains(&column.to_owned()), "{column}: {kept:?}");
        }
    }

    async fn place(&self, user: &str, email: &str) -> String {
        let order = json!({
            "user_id": user,
            "currency": "EUR",
            "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
            "contact": { "email": email },
        });
        let url = format!("http://{}/orders", self.platform.api);
        let key = self.keys.fetch_add(1, Ordering::Relaxed).to_string();
        let answer =
            self.http.post(url).header("Idempotency-Key", key).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let accepted: Value = answer.json().await.unwrap();
        accepted["order_id"].as_str().unwrap().to_owned()
    }

    /// An order of Ada's whose contact has everything.
    async fn place_beside(&self, order_id: &str) {
        let contact = ContactGiven {
            order_id: order_id.into(),
            user_id: Some("ada".into()),
            email: Some(EMAIL.into()),
            phone: Some(PHONE.into()),
            callback_url: None,
            caller: None,
        };
        let line = OrderLine {
            sku: "margherita".into(),
            name: None,
            category: None,
            quantity: 1,
            unit_price: "8.5000".parse().unwrap(),
        };
        let order = OrderPlaced {
            order_id: order_id.into(),
            user_id: Some("ada".into()),
            currency: "EUR".into(),
            lines: vec![line],
            total: "8.50".parse().unwrap(),
            caller: None,
            coupons: Vec::new(),
            payment_token: None,
        };
        self.emitter.emit(&contact).await.unwrap();
        let meta = Meta::new(&"test".into()).at(Utc::now());
        self.emitter.emit_as(&order, &meta).await.unwrap();
    }

    fn databases(&self) -> &Databases {
        &self.platform.databases
    }
}

/// Every service's database.
fn every(databases: &Databases) -> [(&'static str, Database); 6] {
    [
        ("order-api", databases.order_api.clone()),
        ("catalogue", databases.catalogue.clone()),
        ("users", databases.users.clone()),
        ("history", databases.history.clone()),
        ("fulfilment", databases.fulfilment.clone()),
        ("notifications", databases.notifications.clone()),
    ]
}

async fn count(database: &Database, table: &str) -> i64 {
    let row = database.query_opt(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap();
    row.unwrap().get(0).unwrap()
}
