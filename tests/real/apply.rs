//! `orderly apply`: topics.

use orderly::apply::{ApplyError, Copies, Plan};
use orderly_harness::{Kafka, need};
use orderly_sdk::{Config, away, kafka::Admin};
use orderly_tests::topics;

use crate::parts::{SHOP, apply, cluster, names_created, plan, shop, there, topic};

#[tokio::test(flavor = "multi_thread")]
async fn with_fewer_brokers_than_copies_each_broker_gets_one_and_a_warning_says_so() {
    let config = need!(cluster().await);
    let brokers = Admin::new(&config).unwrap().brokers().await.unwrap();
    let report =
        apply(&config, &shop(&format!("retention: forever, replication: {}", brokers + 1))).await;
    assert_eq!(names_created(&report), SHOP);
    // `shop.dead-letters` has as many copies as what the group reads.
    let [warning] = &*report.warnings else { panic!("{:?}", report.warnings) };
    assert!(warning.contains("3 of 4 topics"), "{warning}");
    let orders = topic(&config, "orders").await;
    assert_eq!((orders.partitions, orders.replication), (2, brokers));
    let in_sync: i32 = orders.properties["min.insync.replicas"].parse().unwrap();
    assert!(in_sync == 1 || in_sync < brokers, "{in_sync} of {brokers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_replication_creates_nothing_where_copies_are_missing() {
    let config = need!(cluster().await);
    let brokers = Admin::new(&config).unwrap().brokers().await.unwrap();
    let topics = shop(&format!("retention: forever, replication: {}", brokers + 1));
    let refused = Plan::make(&config, &topics, Copies::AsAsked).await.err().unwrap();
    assert!(matches!(&refused, ApplyError::Copies(_)), "{refused}");
    assert_eq!(there(&config).await, []);
    let report = apply(&config, &topics).await;
    assert_eq!(report.schemas_existing, [""; 0], "registered before");

    // They are there now, and still too few.
    let refused = Plan::make(&config, &topics, Copies::AsAsked).await.err().unwrap();
    assert!(matches!(&refused, ApplyError::Copies(_)), "{refused}");
    let enough = shop("retention: forever, replication: 1");
    Plan::make(&config, &enough, Copies::AsAsked).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_three_brokers_the_repositorys_topics_get_three_copies_two_of_them_in_sync() {
    let shared = need!(cluster().await);
    let kafka = need!(Kafka::start(3).await);
    let config = Config::new(kafka.bootstrap(), &shared.registry).with_prefix(&shared.prefix);
    let plan = Plan::make(&config, &topics(), Copies::AsAsked).await.unwrap();
    let report = plan.carry_out().await;
    assert_eq!((report.failed.len(), &*report.warnings), (0, &[][..]));
    assert_eq!(report.topics_created.len(), topics().iter().count());
    for wanted in topics().iter() {
        let found = topic(&config, &wanted.name).await;
        assert_eq!((found.partitions, found.replication), (12, 3), "{}", wanted.name);
        assert_eq!(found.properties["min.insync.replicas"], "2", "{}", wanted.name);
    }
    for (name, property, value) in [
        ("orders", "cleanup.policy", "delete"),
        ("orders", "retention.ms", "-1"),
        ("orders", "message.timestamp.type", "CreateTime"),
        ("history.dead-letters", "retention.ms", "-1"),
        ("catalogue", "cleanup.policy", "compact"),
        ("contacts", "cleanup.policy", "compact,delete"),
        ("contacts", "retention.ms", "7776000000"),
        ("contacts", "max.compaction.lag.ms", "86400000"),
        ("contacts", "delete.retention.ms", "2592000000"),
        ("notifications", "retention.ms", "31536000000"),
    ] {
        assert_eq!(topic(&config, name).await.properties[property], value, "{name} {property}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_finds_nothing_to_do() {
    let config = need!(cluster().await);
    let topics = shop("retention: forever");
    let first = apply(&config, &topics).await;
    assert_eq!(names_created(&first), SHOP);
    assert!(first.text().contains("4 topics"), "{}", first.text());
    let second = apply(&config, &topics).await;
    assert_eq!(second.text().split(':').next(), Some("nothing to do"));
    assert_eq!(second.topics_existing, SHOP);
    assert_eq!(second.schemas_existing, first.schemas_registered);
    assert_eq!((&*second.warnings, &*second.differing), (&[][..], &[][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_created_beside_what_is_there() {
    let config = need!(cluster().await);
    let admin = Admin::new(&config).unwrap();
    let topics = shop("retention: forever");
    let contacts = topics.get("contacts").unwrap().spec(1);
    assert_eq!(admin.create(std::slice::from_ref(&contacts)).await.unwrap(), [Ok(true)]);
    assert_eq!(admin.create(&[contacts]).await.unwrap(), [Ok(false)]);
    let report = apply(&config, &topics).await;
    assert_eq!(names_created(&report), ["orders", "shop.dead-letters", "shop.parked"]);
    assert_eq!(report.topics_existing, ["contacts"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_differs_is_named_and_left_as_it_is() {
    let config = need!(cluster().await);
    apply(&config, &shop("retention: 1d, partitions: 3")).await;
    let before = there(&config).await;
    let report = apply(&config, &shop("retention: forever")).await;
    let differing: Vec<_> = report.differing.iter().map(ToString::to_string).collect();
    assert_eq!(
        differing,
        [
            "topic `orders`: partitions is 3, and 2 is wanted",
            "topic `orders`: retention.ms is 86400000, and -1 is wanted",
            "topic `shop.dead-letters`: partitions is 3, and 2 is wanted",
            "topic `shop.parked`: partitions is 3, and 2 is wanted",
        ]
    );
    assert_eq!(report.warnings.len(), 4, "{:?}", report.warnings);
    assert_eq!(there(&config).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_the_broker_refuses_is_named_and_none_is_created() {
    let config = need!(cluster().await);
    // So long that all others still fit, and `shop.dead-letters` doesn't.
    let filler = "x".repeat(235 - config.prefix.len());
    let prefix = format!("{}{filler}", config.prefix);
    let refused = plan(&config.with_prefix(prefix.clone()), &shop("retention: forever")).await;
    let Some(ApplyError::Topics(refused)) = refused.err() else { panic!("not refused") };
    let names: Vec<_> = refused.iter().map(|refused| refused.topic.as_str()).collect();
    assert_eq!(names, ["shop.dead-letters"]);
    let config = need!(cluster().await);
    assert_eq!(there(&config.with_prefix(prefix)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_said_to_be_so() {
    let config = need!(cluster().await);
    let mut gone = Config { bootstrap: "127.0.0.1:1".into(), ..config.clone() };
    gone.connect_timeout = std::time::Duration::from_millis(500);
    let error = plan(&gone, &shop("retention: forever")).await.err().unwrap();
    assert!(away(&error).is_some(), "{error}");
    let mut gone = Config { registry: "http://127.0.0.1:1".into(), ..config.clone() };
    gone.connect_timeout = std::time::Duration::from_secs(3);
    let error = plan(&gone, &shop("retention: forever")).await.err().unwrap();
    assert!(away(&error).is_some(), "{error}");
    assert_eq!(there(&config).await, []);
}
