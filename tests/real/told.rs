//! Fulfilment and notifications killed with -9 in the middle of many orders: each status of a stage is told
//! once, each message is sent, and a second time only where the answer to the first was lost, by the log of
//! whoever got it.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use orderly_harness::need;
use orderly_schemas::{
    OrderConfirmed, ReadyForPickup, StageCompleted, StageQueued, StageStarted, StockCounted,
    order_status,
};
use orderly_sdk::{
    Config, Event as _,
    codec::{Encoders, Registry},
    consume::read_event,
    emit::{EmitSettings, Emitter},
    event_set,
};
use orderly_stores::Database;
use orderly_tests::{
    eventually, is_long,
    leftovers::records,
    services::{RealParts, SERVICES, Services, binary},
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use outside::{Log, Tries, mail_server, provider, receiver};

use crate::parts::one_broker;

mod outside;

const SKU: &str = "margherita";
/// Orders between two kills, and kills.
const LONG: (usize, usize) = (400, 4);
const SHORT: (usize, usize) = (60, 2);
/// Customers that order at once.
const AT_ONCE: usize = 16;
/// Of each order: confirmed, and ready.
const MESSAGES: usize = 2;

event_set! {
    /// What becomes of an order that nobody collects.
    enum Told { OrderConfirmed, StageQueued, StageStarted, StageCompleted, ReadyForPickup }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_each_stage_is_told_once_and_each_message_sent() {
    let parts = need!(one_broker("told.").await);
    parts.apply().await;
    let ((hooks, webhooks), (smtp, mails), (sms, texts)) =
        (receiver().await, mail_server().await, provider().await);
    let logs = [("webhook", &webhooks), ("mail", &mails), ("sms", &texts)];
    let dir = tempfile::tempdir().unwrap();
    let services = start(&parts, &smtp, &sms, dir.path()).await;
    let database = Database::open(parts.database_url()).unwrap();
    count(&parts.config()).await;
    let shop = Shop { url: format!("{}/orders", services.url("order-api")), hooks };
    let (wave, kills) = if is_long() { LONG } else { SHORT };
    let mut lost = 0;
    for kill in 0..kills {
        let placing = shop.place(kill * wave, wave);
        let killing = async {
            if kill % 2 == 0 {
                kill_notifications(&services, &database, &logs).await;
                lost += 1;
            } else {
                kill_fulfilment(&services, &database).await;
            }
        };
        tokio::join!(placing, killing);
    }
    shop.place(kills * wave, wave).await;
    let orders = (kills + 1) * wave;

    let of_orders = |channel| sent(&database, channel);
    for (channel, _) in logs {
        let all = || async { (of_orders(channel).await == orders * MESSAGES).then_some(()) };
        eventually(&format!("every {channel} is sent"), all).await;
    }
    for (what, log) in logs {
        let (messages, again) = log.look(|book| (book.messages.clone(), book.lost()));
        println!("{what}: {} came, {again} of them again, as the answer was lost", messages.len());
        assert_eq!(messages.len(), orders * MESSAGES);
        assert!(again >= lost, "{what}: {again} answers were lost in {lost} kills");
        let once = |tries: &&Tries| tries.taken == 1 && tries.came == 1 + tries.lost;
        let other: Vec<_> = messages.values().filter(|tries| !once(tries)).collect();
        assert!(other.is_empty(), "{what}: sent again though it was answered: {other:?}");
    }
    let told = told(&parts.config()).await;
    assert_eq!(told.len(), orders);
    for (order_id, steps) in told {
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        assert_eq!(steps, STEPS, "{order_id}");
    }
}

const STEPS: [&str; 8] = [
    "confirmed",
    "prep started",
    "prep completed",
    "bake started",
    "bake completed",
    "oven started",
    "oven completed",
    "ready",
];

async fn start(parts: &RealParts, smtp: &str, sms: &str, dir: &Path) -> Services {
    let secrets = dir.join("secrets");
    fs::write(&secrets, "anonymous whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let variables = [
        ("SMTP_URL", smtp.to_owned()),
        ("SMS_URL", sms.to_owned()),
        ("SMS_API_KEY", "account:key".to_owned()),
        ("ORDERLY_WEBHOOK_SECRETS", secrets.display().to_string()),
        ("ORDERLY_CALLBACK_ALLOW", "127.0.0.1".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let mut services = Services { running: BTreeMap::new() };
    for service in SERVICES {
        services.add(service, service, parts, &binary(), &variables);
    }
    for service in SERVICES {
        services.ready(service).await;
    }
    services
}

/// There is enough of what is ordered.
async fn count(config: &Config) {
    let registry = Registry::new(config).unwrap();
    let declared = Encoders::of("told").event::<StockCounted>();
    let encoders = declared.register(config, &registry).await.unwrap();
    let emitter = Emitter::connect(config, encoders, EmitSettings::default()).await.unwrap();
    emitter.emit(&StockCounted { sku: SKU.into(), on_hand: 1_000_000 }).await.unwrap();
}

struct Shop {
    url: String,
    /// Where each order's webhooks go.
    hooks: String,
}

impl Shop {
    /// Places so many orders, and sees each accepted.
    async fn place(&self, from: usize, count: usize) {
        let (client, room) = (Client::new(), std::sync::Arc::new(Semaphore::new(AT_ONCE)));
        let mut customers = JoinSet::new();
        for number in from..from + count {
            let contact = json!({
                "email": format!("guest-{number}@example.com"),
                "phone": format!("+4930{number:07}"),
                "callback_url": self.hooks,
            });
            let line = json!({ "sku": SKU, "quantity": 1, "unit_price": "8.50" });
            let order: Value = json!({ "currency": "EUR", "contact": contact, "lines": [line] });
            let request = client.post(&self.url).json(&order);
            let room = std::sync::Arc::clone(&room);
            customers.spawn(async move {
                let _turn = room.acquire_owned().await;
                request.send().await.unwrap().status()
            });
        }
        while let Some(status) = customers.join_next().await {
            assert_eq!(status.unwrap(), StatusCode::ACCEPTED);
        }
    }
}

/// While messages of each kind are on their way, and everything that was answered is kept.
async fn kill_notifications(services: &Services, database: &Database, logs: &[(&str, &Log)]) {
    logs.iter().for_each(|(_, log)| log.hold(true));
    for (channel, log) in logs {
        eventually(&format!("a {channel} is on its way"), || async {
            let (open, taken) = log.look(|book| (book.open, book.taken()));
            (open > 0 && sent(database, channel).await as u64 == taken).then_some(())
        })
        .await;
    }
    let program = services.get("notifications");
    program.kill().await.unwrap();
    for (channel, log) in logs {
        let lost = || async { log.look(|book| book.open == 0).then(|| log.look(|it| it.lost())) };
        let lost = eventually("nobody waits any more", lost).await;
        println!("notifications killed: {lost} {channel}s lost their answer so far");
    }
    logs.iter().for_each(|(_, log)| log.hold(false));
    program.start_again().unwrap();
    services.ready("notifications").await;
}

/// While orders are in the kitchen.
async fn kill_fulfilment(services: &Services, database: &Database) {
    let program = services.get("fulfilment");
    let hit = eventually("orders are in the kitchen", || async {
        program.pause().unwrap();
        let sql = "SELECT count(*) FROM fulfilment_orders
                   WHERE state IN ('arriving', 'in_line', 'in_stage')";
        let row = database.query_opt(sql, &[]).await.unwrap().unwrap();
        let there: i64 = row.get(0).unwrap();
        if there == 0 {
            program.resume().unwrap();
        }
        (there > 0).then_some(there)
    })
    .await;
    println!("fulfilment killed with {hit} orders in the kitchen");
    program.kill().await.unwrap();
    program.start_again().unwrap();
    services.ready("fulfilment").await;
}

/// Deliveries of that channel that were sent, as notifications keeps them.
async fn sent(database: &Database, channel: &str) -> usize {
    let sql = "SELECT count(*) FROM notifications_deliveries WHERE channel = $1 AND state = 'SENT'";
    let row = database.query_opt(sql, &[channel.into()]).await.unwrap().unwrap();
    usize::try_from(row.get::<i64>(0).unwrap()).unwrap()
}

/// By order, what became of it, each event once and in the topic's order, without waiting.
async fn told(config: &Config) -> BTreeMap<String, Vec<String>> {
    let registry = Registry::new(config).unwrap();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for record in records(config, &[order_status::TOPIC]).await {
        let read = read_event::<Told>(&registry, &record).await.unwrap();
        let received = read.expect("of a type that nobody collects");
        if !seen.insert(received.meta.id) {
            continue;
        }
        let (order_id, step) = match received.event {
            Told::OrderConfirmed(e) => (e.key().to_owned(), "confirmed".to_owned()),
            Told::StageQueued(_) => continue,
            Told::StageStarted(e) => (e.key().to_owned(), format!("{} started", e.stage)),
            Told::StageCompleted(e) => (e.key().to_owned(), format!("{} completed", e.stage)),
            Told::ReadyForPickup(e) => (e.key().to_owned(), "ready".to_owned()),
        };
        told.entry(order_id).or_default().push(step);
    }
    told
}
