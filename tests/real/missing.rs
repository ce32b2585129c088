//! Services on a cluster without their topics.

use orderly_harness::{need, parts::postgres};
use orderly_sdk::{
    Config,
    codec::Registry,
    consume::{Consumer, Decision, Position, Scope as _, Start, Unit},
    emit::{EmitSettings, Emitter},
    kafka::{Admin, KafkaError, Probe},
    record::TopicPartition,
};
use orderly_stores::{Database, Positions};

use crate::parts::{cluster, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_topic_is_missing_says_which_and_what_creates_it() {
    let config = need!(cluster().await);
    let registry = Registry::new(&config).unwrap();
    let encoders = importer::declares().register(&config, &registry).await.unwrap();
    let error = Emitter::connect(&config, encoders, EmitSettings::default()).await.err().unwrap();
    names_the_topic_and_apply(&config, "orders", &error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_dead_letters_are_missing_says_so_before_it_begins() {
    let config = need!(cluster().await);
    let consume = async || {
        let consumer = Consumer::new("shop", &config).on::<orderly_schemas::OrderPlaced>(Nothing);
        consumer.run_until(std::future::pending()).await.unwrap_err()
    };
    names_the_topic_and_apply(&config, "orders", &consume().await);
    let orders = shop("retention: forever").get("orders").unwrap().spec(1);
    Admin::new(&config).unwrap().create(&[orders]).await.unwrap();
    names_the_topic_and_apply(&config, "shop.dead-letters", &consume().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_in_another_topic_of_that_name_begins_nowhere_and_says_why() {
    let config = need!(cluster().await);
    let database = need!(postgres().await);
    let database = Database::open(database.url()).unwrap();
    let topic = shop("retention: forever").get("orders").unwrap().spec(1);
    Admin::new(&config).unwrap().create(&[topic]).await.unwrap();
    let probe = Probe::new(&config).unwrap();
    let cluster_id = probe.cluster_id().await.unwrap();
    let topic_id = probe.topic_id("orders").await.unwrap().expect("Kafka gives every topic an id");
    let positions =
        || Positions::new(database.clone(), &cluster_id).telling_topics_apart(probe.clone());
    positions().prepare().await.unwrap();
    let at = TopicPartition { topic: "orders".into(), partition: 0 };
    let unit = Unit {
        group: "shop",
        partition: &at,
        offsets: &[0, 1, 2],
        events: &[],
        ledger: None,
        is_redriven: false,
    };
    let first = positions();
    assert_eq!(first.start("shop", &at).await.unwrap(), Start::Oldest);
    first.pass(&unit).await.unwrap();
    let kept = Start::At(Position { next: 3, done_beyond: String::new() });
    assert_eq!(positions().start("shop", &at).await.unwrap(), kept);

    let set = async |id: Option<&str>| {
        let mut tx = database.begin().await.unwrap();
        tx.execute("UPDATE positions SET topic_id = $1", &[id.into()]).await.unwrap();
        tx.commit().await.unwrap();
    };
    // As one that was deleted and made anew has.
    set(Some("another")).await;
    let refused = positions().start("shop", &at).await.unwrap_err();
    assert_eq!(refused.decision(), &Decision::Reject);
    for part in ["deleted and made anew", "another", &topic_id] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    // Of a position that is older than the column, nobody knows.
    set(None).await;
    assert_eq!(positions().start("shop", &at).await.unwrap(), kept);
    let noted = database.query("SELECT topic_id FROM positions", &[]).await.unwrap();
    assert_eq!(noted[0].get::<Option<String>>(0).unwrap(), Some(topic_id));
}

fn names_the_topic_and_apply(config: &Config, topic: &str, error: &dyn std::error::Error) {
    let text = error.to_string();
    assert_eq!(text, KafkaError::NoSuchTopic(format!("{}{topic}", config.prefix)).to_string());
    assert!(text.contains("`orderly apply`"), "{text}");
}

struct Nothing;

impl orderly_sdk::consume::Handler<orderly_schemas::OrderPlaced> for Nothing {
    async fn handle(
        &self,
        _: &mut orderly_sdk::consume::Context<'_>,
        _: orderly_schemas::OrderPlaced,
    ) -> Result<(), orderly_sdk::consume::Failure> {
        Ok(())
    }
}
