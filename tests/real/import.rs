//! Importing what is old.

use std::path::PathBuf;

use importer::Format::OnlineRetail;
use orderly::check_retention::{RetentionError, check_retention};
use orderly_harness::need;
use orderly_sdk::{
    codec::Registry,
    emit::{EmitSettings, Emitter},
    kafka::Tail,
};
use tempfile::TempDir;

use crate::parts::{apply, cluster, shop};

const ORDERS: &[&str] = &["orders"];

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

fn file_of_2010() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shop.csv");
    let rows = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
                536365,85123A,HOLDER,6,2010-12-01T08:26:00,2.55,17850,United Kingdom\n";
    std::fs::write(&path, rows).unwrap();
    (folder, path)
}
