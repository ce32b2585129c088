//! Members that end, in whatever way, and others that go on.

use history::{Counts, Error};
use orderly_stores::Positions;

use crate::parts::{Store, cluster::Cluster, confirmed, placed, started};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_goes_on_with_nothing_twice_and_nothing_lost() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    emit(&cluster, 0..60).await;

    // Killed a few times in the middle, wherever that is.
    for least in [5, 60, 100] {
        let mut service = cluster.run(&store, 2);
        service.until("some is kept", async || kept(&store).await >= least).await;
        service.kill().await;
    }
    emit(&cluster, 60..90).await;
    let mut service = cluster.run(&store, 2);

    let all = Counts { orders: 90, statuses: 180, returns: 0 };
    service.until("all is kept", async || store.history.counts().await.unwrap() == all).await;
    service.stop().await;
    let events = store.history.timeline_after(("", ""), 1_000).await.unwrap();
    assert_eq!(events.len(), 270);
    let page = store.history.orders_after("", 1_000).await.unwrap();
    assert!(page.iter().all(|order| order.lines == 2 && order.status == "in_progress"));
    let sales = store.history.sales().await.unwrap();
    assert_eq!(sales["EUR"].to_string(), "1107.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_is_ahead_of_kafkas_counts() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    emit(&cluster, 0..9).await;
    let mut service = cluster.run(&store, 1);
    service.until("all is kept", async || kept(&store).await == 27).await;
    service.stop().await;
    assert_eq!(store.positions().await.iter().sum::<i64>(), 27);

    // A row that is gone would come again if any record were read again.
    let mut tx = store.db.begin().await.unwrap();
    tx.execute("DELETE FROM history_timeline WHERE order_id = 'o3'", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let mut service = cluster.run(&store, 1);
    emit(&cluster, 9..12).await;
    service.until("the rest is kept", async || kept(&store).await == 33).await;
    service.stop().await;

    assert_eq!(store.history.order("o3").await.unwrap(), None);
    assert_eq!(store.positions().await.iter().sum::<i64>(), 36);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_of_another_cluster_end_the_service_with_the_reason() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    emit(&cluster, 0..3).await;
    let mut service = cluster.run(&store, 1);
    service.until("all is kept", async || kept(&store).await == 9).await;
    service.stop().await;

    let mut settings = cluster.settings(&store, 2);
    settings.cluster_id = "another".into();
    let ended = history::run(settings, None, Default::default()).await;

    let error = ended.unwrap_err();
    let Error::Consume(why) = &error else { panic!("{error}") };
    assert!(why.to_string().contains("kept for cluster embedded"), "{why}");
    assert_eq!(kept(&store).await, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_topics_says_so() {
    let store = Store::open().await;
    let broker = orderly_sdk::kafka::EmbeddedBroker::start([("orders", 1)]).unwrap();
    let config = broker.config("http://127.0.0.1:1");
    let settings = history::Settings::new(config, store.db.clone(), "embedded");

    let error = history::run(settings, None, Default::default()).await.unwrap_err();

    let Error::Consume(why) = &error else { panic!("{error}") };
    assert!(why.to_string().contains("order-status"), "{why}");
}

#[tokio::test]
async fn history_and_positions_share_a_database_with_others() {
    let store = Store::open().await;
    let positions = Positions::new(store.db.clone(), "embedded");
    positions.prepare().await.unwrap();
    history::ReadModel::open(&store.db).await.unwrap();
    positions.prepare().await.unwrap();
}

/// Places these orders and takes each two steps on.
async fn emit(cluster: &Cluster, orders: std::ops::Range<usize>) {
    for i in orders {
        let id = format!("o{i}");
        cluster.emit(placed(&id)).await;
        cluster.emit(confirmed(&id, 1)).await;
        cluster.emit(started(&id, 2, "Prep")).await;
    }
}

/// How many events are in the timeline.
async fn kept(store: &Store) -> usize {
    store.history.timeline_after(("", ""), 1_000).await.unwrap().len()
}
