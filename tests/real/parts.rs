//! What these tests share: a cluster with a prefix of one's own, a platform on one broker, and files of
//! topics.

use orderly::apply::{ApplyError, Copies, Plan, Report};
use orderly_harness::{NotRun, parts};
use orderly_sdk::{
    Config,
    kafka::{Admin, TopicState},
    topics::Topics,
};
use orderly_tests::services::RealParts;
use tokio::sync::OnceCell;

/// A broker and a registry that others use as well.
pub(crate) async fn cluster() -> Result<Config, NotRun> {
    let (kafka, registry) = (parts::kafka().await?, parts::registry().await?);
    Ok(Config::new(kafka.bootstrap, registry.url).with_prefix(kafka.prefix))
}

/// A platform of its own, without topics yet, on one broker, which no test breaks.
pub(crate) async fn one_broker(prefix: &str) -> Result<RealParts, NotRun> {
    static PARTS: OnceCell<Result<RealParts, NotRun>> = OnceCell::const_new();
    let parts = PARTS.get_or_init(|| RealParts::without_topics(1)).await.clone()?;
    Ok(parts.another(prefix).await)
}

/// Four topics: `orders` with these fields besides, `contacts`, `shop.dead-letters` and `shop.parked`.
pub(crate) fn shop(orders: &str) -> Topics {
    let text = format!(
        "services: [shop]\n\
         defaults: {{ partitions: 2, replication: 1 }}\n\
         topics:\n\
         \x20 orders: {{ key: order_id, owner: shop, readers: [shop],\n\
         \x20   events: [orderly.OrderPlaced], {orders} }}\n\
         \x20 contacts: {{ key: order_id, owner: shop, events: [orderly.ContactGiven],\n\
         \x20   retention: 90d, compacted: true, personal: true }}\n"
    );
    Topics::parse(&text, "shop.yaml").unwrap()
}

pub(crate) const SHOP: [&str; 4] = ["orders", "contacts", "shop.dead-letters", "shop.parked"];

pub(crate) async fn plan(config: &Config, topics: &Topics) -> Result<Plan, ApplyError> {
    Plan::make(config, topics, Copies::AsManyAsGo).await
}

pub(crate) async fn apply(config: &Config, topics: &Topics) -> Report {
    let report = plan(config, topics).await.unwrap().carry_out().await;
    assert_eq!(report.failed, [""; 0]);
    report
}

/// The topics that it created.
pub(crate) fn names_created(report: &Report) -> Vec<&str> {
    report.topics_created.iter().map(|topic| topic.name.as_str()).collect()
}

/// Of the shop's topics, those that are there.
pub(crate) async fn there(config: &Config) -> Vec<(String, TopicState)> {
    Admin::new(config).unwrap().describe(&SHOP).await.unwrap().into_iter().collect()
}

pub(crate) async fn topic(config: &Config, name: &str) -> TopicState {
    Admin::new(config).unwrap().describe(&[name]).await.unwrap().remove(name).unwrap()
}
