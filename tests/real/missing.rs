//! Services on a cluster without their topics.

use orderly_harness::need;
use orderly_sdk::{
    Config,
    codec::Registry,
    consume::Consumer,
    emit::{EmitSettings, Emitter},
    kafka::{Admin, KafkaError},
};

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
