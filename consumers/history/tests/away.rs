//! A store that is away: waited for, and told of.

use crate::parts::{
    Store,
    cluster::{Cluster, Running},
    confirmed, placed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_is_waited_for_and_nothing_is_lost() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    let settings = cluster.settings(&store, 2);
    let health = settings.health.clone();
    let mut service = Running::start(settings);
    emit(&cluster, 0..10).await;
    service.until("ten are kept", async || kept(&store).await == 20).await;

    let lock = store.elsewhere().begin().await.unwrap();
    emit(&cluster, 10..20).await;
    let is_away = async || health.absence("database").is_some();
    service.until("the database is away", is_away).await;
    assert!(!health.snapshot().is_ready);
    assert_eq!(kept(&store).await, 20);

    drop(lock);
    service.until("all are kept", async || kept(&store).await == 40).await;
    service.until("it is ready", async || health.snapshot().is_ready).await;
    service.stop().await;
    assert_eq!(cluster.count("history.dead-letters").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_while_its_database_is_locked_it_waits() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    emit(&cluster, 0..10).await;
    let lock = store.elsewhere().begin().await.unwrap();
    let settings = cluster.settings(&store, 1);
    let health = settings.health.clone();
    let mut service = Running::start(settings);
    let is_away = async || health.absence("database").is_some();
    service.until("the database is away", is_away).await;
    assert!(!health.snapshot().has_started);

    drop(lock);
    service.until("all are kept", async || kept(&store).await == 20).await;
    service.until("it is ready", async || health.snapshot().is_ready).await;
    service.stop().await;
}

async fn emit(cluster: &Cluster, orders: std::ops::Range<usize>) {
    for i in orders {
        let id = format!("o{i}");
        cluster.emit(placed(&id)).await;
        cluster.emit(confirmed(&id, 1)).await;
    }
}

async fn kept(store: &Store) -> usize {
    store.history.timeline_after(("", ""), 1_000).await.unwrap().len()
}
