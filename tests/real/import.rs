//! Importing what is old.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

use importer::Format::OnlineRetail;
use orderly::check_retention::{RetentionError, check_retention};
use orderly_harness::need;
use orderly_schemas::{OrderLine, OrderPlaced, OrderReturned, ProductChanged, StockCounted};
use orderly_sdk::{
    Config,
    codec::Registry,
    consume::{Received, read_event},
    emit::{EmitSettings, Emitter},
    event_set,
    kafka::Tail,
};
use orderly_tests::{leftovers::records, root, services::binary, topics};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::parts::{apply, cluster, shop};

const ORDERS: &[&str] = &["orders"];

event_set! {
    /// What an import emits.
    enum Imported { OrderPlaced, OrderReturned, ProductChanged, StockCounted }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_older_than_a_topics_retention_is_refused_before_anything_is_emitted() {
    let config = need!(cluster().await);
    let (_kept, path) = file_of_2010();
    apply(&config, &shop("retention: 7d")).await;
    let refused = check_retention(&config, ORDERS, path.clone(), OnlineRetail).await.unwrap_err();
    assert!(matches!(&refused, RetentionError::TooShort { .. }), "{refused}");
    let text = refused.to_string();
    for named in ["`orders`", "7d", "2010-12-01", "shop.csv", "retention.ms=-1"] {
        assert!(text.contains(named), "{named}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_younger_than_a_topics_retention_is_taken() {
    let config = need!(cluster().await);
    let (_kept, path) = file_of_2010();
    apply(&config, &shop("retention: 36500d")).await;
    check_retention(&config, ORDERS, path, OnlineRetail).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_alone_removes_nothing_by_age() {
    let config = need!(cluster().await);
    let (_kept, path) = file_of_2010();
    apply(&config, &shop("retention: forever, compacted: true")).await;
    check_retention(&config, ORDERS, path.clone(), OnlineRetail).await.unwrap();
    // Both: also by age.
    let refused = check_retention(&config, &["contacts"], path, OnlineRetail).await;
    assert!(matches!(refused, Err(RetentionError::TooShort { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_topic_keeps_for_ever_a_record_of_2010_lies_under_its_own_time() {
    let config = need!(cluster().await);
    let (_kept, path) = file_of_2010();
    apply(&config, &shop("retention: forever")).await;
    check_retention(&config, ORDERS, path.clone(), OnlineRetail).await.unwrap();
    let registry = Registry::new(&config).unwrap();
    let encoders = importer::declares().register(&config, &registry).await.unwrap();
    let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
    let import = importer::open(&path, OnlineRetail).unwrap();
    let mut accepted = 0;
    importer::emit_documents(import, OnlineRetail, &emitter, |_| accepted += 1, |_| {})
        .await
        .unwrap();
    assert_eq!(accepted, 1);
    let mut tail = Tail::from_start(&config, ORDERS).await.unwrap();
    let record = tail.next().await.unwrap().unwrap();
    assert_eq!(record.key(), Some(&b"536365"[..]));
    assert_eq!(record.timestamp().unwrap().to_rfc3339(), "2010-12-01T08:26:00+00:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_emits_a_files_orders_and_where_asked_what_they_need_on_the_shelves() {
    let config = need!(cluster().await);
    let (_kept, path) = file_of(
        "536365,85123A,HOLDER,6,2010-12-01T08:26:00,2.55,17850,United Kingdom\n\
         536365,71053,LANTERN,2,2010-12-01T08:26:00,3.39,17850,United Kingdom\n\
         536366,85123A,HOLDER,4,2010-12-01T08:28:00,2.75,17850,United Kingdom\n\
         C536379,85123A,HOLDER,-1,2010-12-01T09:41:00,2.75,17850,United Kingdom\n",
    );
    apply(&config, &topics()).await;
    let said = import(&config, &path, &[]).await;
    assert_eq!(said["accepted"], 3, "{said}");
    for (figure, is) in [
        ("orders", json!(2)),
        ("sales_total", json!("33.08")),
        ("returns", json!(1)),
        ("returns_total", json!("2.75")),
    ] {
        assert_eq!(said["import"][figure], is, "{said}");
    }
    let orders = [
        "order 536365: 6 85123A and 2 71053, 22.08 GBP, at 2010-12-01T08:26:00+00:00",
        "order 536366: 4 85123A, 11 GBP, at 2010-12-01T08:28:00+00:00",
        "return C536379: 1 85123A, 2.75 GBP, at 2010-12-01T09:41:00+00:00",
    ];
    assert_eq!(lies(&config).await, orders);
    // The orders come again, as the same events.
    import(&config, &path, &["--fill-shelves"]).await;
    let shelves = [
        "product 71053: LANTERN at 3.39 GBP",
        "product 85123A: HOLDER at 2.75 GBP",
        "stock 71053: 2",
        "stock 85123A: 10",
    ];
    let mut all = [&orders[..], &shelves].concat();
    all.sort_unstable();
    assert_eq!(lies(&config).await, all);
}

/// What `orderly import` says of the file.
async fn import(config: &Config, file: &Path, more: &[&str]) -> Value {
    let mut import = Command::new(binary());
    import.arg("import").arg(file).args(["--format", "online-retail", "-o", "json"]).args(more);
    import.args(["--bootstrap", &config.bootstrap, "--prefix", &config.prefix]);
    import.env("SCHEMA_REGISTRY_URL", &config.registry).current_dir(root());
    let imported = tokio::task::spawn_blocking(move || import.output()).await.unwrap().unwrap();
    assert!(imported.status.success(), "{imported:?}");
    serde_json::from_slice(&imported.stdout).unwrap()
}

/// What lies in the topics that an import writes to, each event once, in words.
async fn lies(config: &Config) -> Vec<String> {
    let registry = Registry::new(config).unwrap();
    let (mut seen, mut lies) = (HashSet::new(), Vec::new());
    for record in records(config, &["orders", "catalogue", "stock"]).await {
        let read = read_event::<Imported>(&registry, &record).await;
        let Received { event, meta, .. } = read.unwrap().unwrap();
        if !seen.insert(meta.id) {
            continue;
        }
        let at = meta.time.to_rfc3339();
        lies.push(match event {
            Imported::OrderPlaced(OrderPlaced { order_id, lines, total, currency, .. }) => {
                let (goods, total) = (goods(&lines), total.normalize());
                format!("order {order_id}: {goods}, {total} {currency}, at {at}")
            }
            Imported::OrderReturned(OrderReturned { order_id, lines, total, currency, .. }) => {
                let (goods, total) = (goods(&lines), total.normalize());
                format!("return {order_id}: {goods}, {total} {currency}, at {at}")
            }
            Imported::ProductChanged(ProductChanged { sku, name, price, currency, .. }) => {
                format!("product {sku}: {name} at {} {currency}", price.normalize())
            }
            Imported::StockCounted(StockCounted { sku, on_hand }) => {
                format!("stock {sku}: {on_hand}")
            }
        });
    }
    lies.sort_unstable();
    lies
}

fn goods(lines: &[OrderLine]) -> String {
    let pieces = lines.iter().map(|line| format!("{} {}", line.quantity, line.sku));
    pieces.collect::<Vec<_>>().join(" and ")
}

fn file_of_2010() -> (TempDir, PathBuf) {
    file_of("536365,85123A,HOLDER,6,2010-12-01T08:26:00,2.55,17850,United Kingdom\n")
}

fn file_of(rows: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shop.csv");
    let header =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
    std::fs::write(&path, [header, rows].concat()).unwrap();
    (folder, path)
}
