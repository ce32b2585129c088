//! A user who is deleted, where the broker compacts: nothing of theirs stays in any topic.

use std::time::Duration;

use orderly::{
    parts::Parts,
    platform::{Platform, Settings},
};
use orderly_harness::{need, parts::postgres};
use orderly_schemas::{ContactGiven, UserChanged};
use orderly_sdk::{
    Config,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::Admin,
    topics::TopicSpec,
};
use orderly_tests::{
    deletion::{Customers, EMAIL, PHONE},
    leftovers::{holds, records},
    settings, topics,
};

use crate::parts::{apply, cluster};

/// The broker's cleaner looks every 15 s.
const COMPACTED_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn of_a_deleted_user_nothing_is_left_in_tables_topics_or_pages() {
    let config = need!(cluster().await);
    let database = need!(postgres().await);
    let topics = topics();
    let compacted: Vec<TopicSpec> =
        topics.iter().filter(|topic| topic.personal).map(|topic| eager(topic.spec(1))).collect();
    let admin = Admin::new(&config).unwrap();
    for created in admin.create(&compacted).await.unwrap() {
        assert_eq!(created.ok(), Some(true));
    }
    apply(&config, &topics).await;
    let parts = Parts { config: config.clone(), database: database.url().to_owned() };
    let platform = Platform::start(Settings { parts: Some(parts), ..settings() }).await.unwrap();
    let customers = Customers::of(&platform).await;
    let mut orders = customers.order().await;
    orders.push(customers.delete().await);

    customers.until_gone_here(&orders).await;
    let names: Vec<&str> = topics.iter().map(|topic| &*topic.name).collect();
    let compacting = async {
        let rolling = roller(&config).await;
        loop {
            // A segment is compacted once another one has begun behind it.
            rolling.emit(&user("roll")).await.unwrap();
            rolling.emit(&contact("roll")).await.unwrap();
            let left = records(&config, &names).await;
            let left: Vec<_> = left.iter().filter(|r| holds(r, EMAIL) || holds(r, PHONE)).collect();
            if left.is_empty() {
                return;
            }
            let others =
                left.iter().find(|r| !matches!(&*r.at().partition.topic, "users" | "contacts"));
            assert!(others.is_none(), "{}", others.unwrap().at());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let compacted = tokio::time::timeout(COMPACTED_WITHIN, compacting).await;
    assert!(compacted.is_ok(), "not compacted within {} s", COMPACTED_WITHIN.as_secs());
    platform.stop().await.unwrap();
}

/// One partition that is compacted as soon as the broker can.
fn eager(mut spec: TopicSpec) -> TopicSpec {
    spec.partitions = 1;
    for (name, value) in [
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "100"),
        ("delete.retention.ms", "100"),
    ] {
        spec.properties.insert(name, value.to_owned());
    }
    spec
}

async fn roller(config: &Config) -> Emitter {
    let encoders = Encoders::of("test").event::<UserChanged>().event::<ContactGiven>();
    let registry = Registry::new(config).unwrap();
    let encoders = encoders.register(config, &registry).await.unwrap();
    Emitter::connect(config, encoders, EmitSettings::default()).await.unwrap()
}

fn user(user_id: &str) -> UserChanged {
    UserChanged {
        user_id: user_id.into(),
        name: None,
        email: None,
        phone: None,
        customer_group: None,
        notify_by: Vec::new(),
    }
}

fn contact(order_id: &str) -> ContactGiven {
    let order_id = order_id.into();
    ContactGiven {
        order_id,
        user_id: None,
        email: None,
        phone: None,
        callback_url: None,
        caller: None,
    }
}
