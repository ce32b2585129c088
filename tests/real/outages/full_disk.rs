//! Services on SQLite whose disk has no room left.

use std::{collections::BTreeMap, path::Path, time::Instant};

use orderly::{
    demo::{Demo, Site},
    platform::Databases,
};
use orderly_harness::{SmallDisk, need};
use orderly_stores::Database;
use orderly_tests::services::{RealParts, SERVICES, STAGES, Services, binary};
use serde_json::json;

use super::stage::{Loaded, Stage, load, outage, says_away};

/// Room for all databases and their logs.
const MIB: u32 = 64;
/// Who writes what comes of an order that is taken. The relay has nothing to write before fulfilment
/// could.
const WRITERS: [&str; 4] = ["order-api", "fulfilment", "history", "notifications"];

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_under_the_databases_is_waited_for() {
    let case = "disk full";
    let disk = need!(SmallDisk::mount(MIB));
    let stage = need!(Stage::enter().await);
    let parts = stage.parts.another("disk.").await;
    parts.apply().await;
    let services = start(&parts, disk.path()).await;
    let demo = demo(&parts, &services, disk.path()).await;
    let loaded = Loaded::begin(demo, &services).await;
    let filler = disk.fill().unwrap();
    let full = Instant::now();
    let feeding = tokio::spawn(feed(services.url("order-api")));
    for service in WRITERS {
        says_away(&services, service, "database").await;
        println!("{case}: {service} says so after {:?}", full.elapsed());
    }
    feeding.abort();
    tokio::time::sleep_until((full + outage()).into()).await;
    for service in WRITERS {
        says_away(&services, service, "database").await;
    }
    drop(filler);
    loaded.end(case, &parts, &services).await;
    stage.leave();
}

/// Places orders that order-api keeps nothing of, so that the others have something to write: each
/// has room in the log that it wrote before, and only notices when that is used up.
async fn feed(api: String) {
    let order = json!({
        "user_id": "keyless",
        "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
        "contact": { "email": "keyless@example.com" },
    });
    let (client, url) = (reqwest::Client::new(), api + "/orders");
    loop {
        let answer = client.post(&url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), 202, "it needs no database");
    }
}

/// Each on a file of its own, but the relay: it sends what fulfilment has to tell.
async fn start(parts: &RealParts, disk: &Path) -> Services {
    let mut services = Services { running: BTreeMap::new() };
    for service in SERVICES {
        let whose = if service == "outbox-relay" { "fulfilment" } else { service };
        let variables = [("DATABASE_URL".to_owned(), url(disk, whose))];
        services.add(service, service, parts, &binary(), &variables);
    }
    for service in SERVICES {
        services.ready(service).await;
    }
    services
}

async fn demo(parts: &RealParts, services: &Services, disk: &Path) -> Demo {
    let open = |service| Database::open(&url(disk, service)).unwrap();
    let mut databases = Databases::shared(&url(disk, "history")).unwrap();
    (databases.order_api, databases.fulfilment) = (open("order-api"), open("fulfilment"));
    databases.notifications = open("notifications");
    let site = Site::of_services(parts.config(), services.url("order-api"), databases).await;
    let stages: fulfilment::Stages = STAGES.parse().unwrap();
    Demo::on(site.unwrap(), load(), stages.total()).await.unwrap()
}

fn url(disk: &Path, service: &str) -> String {
    format!("sqlite:{}", disk.join(service).with_extension("db").display())
}
