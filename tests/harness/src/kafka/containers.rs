//! Brokers in containers of one network: clients come by a port of the host, brokers by name.

use super::config::{CLUSTER, Listener, Spec};
use super::{Broker, Kafka, PART};
use crate::docker::{Container, Engine, Image};
use crate::error::NotRun;
use crate::node::Node;
use crate::ports::Port;
use crate::unique::unique;

pub(super) fn image() -> Image {
    Image::new("apache/kafka", "4.3.1", 9092)
}

/// Starts the brokers; they aren't ready yet.
pub(super) async fn start(
    engine: &'static Engine,
    count: usize,
    told: &[String],
) -> Result<Kafka, NotRun> {
    let network = format!("orderly-kafka-{}", unique());
    let names: Vec<String> = (1..=count).map(|id| format!("{network}-{id}")).collect();
    let voters: Vec<String> =
        (1..).zip(&names).map(|(id, name): (i32, _)| format!("{id}@{name}:9093")).collect();
    let mut brokers = Vec::new();
    for (id, name) in (1..).zip(&names) {
        let port = Port::free(PART)?;
        let address = format!("{}:{}", engine.host, port.number);
        let told = told.get(brokers.len()).unwrap_or(&address).clone();
        let listener = |name, bind: &str, advertised| Listener {
            name,
            bind: bind.to_owned(),
            advertised,
            protocol: "PLAINTEXT",
        };
        let spec = Spec {
            id,
            listeners: vec![
                listener("PLAINTEXT", "0.0.0.0:9092", Some(told.clone())),
                listener("CONTROLLER", "0.0.0.0:9093", None),
                listener("INTERNAL", "0.0.0.0:9094", Some(format!("{name}:9094"))),
            ],
            inter: "INTERNAL",
            voters: &voters,
            data: "/tmp/orderly-kafka".to_owned(),
            more: Vec::new(),
        };
        let mut image = image();
        image.envs = spec.envs();
        image.envs.extend([
            ("CLUSTER_ID".to_owned(), CLUSTER.to_owned()),
            (
                "KAFKA_HEAP_OPTS".to_owned(),
                if count == 1 { "-Xmx512m" } else { "-Xmx384m" }.to_owned(),
            ),
            ("KAFKA_LOG4J_ROOT_LOGLEVEL".to_owned(), "WARN".to_owned()),
        ]);
        let container = Container::run(PART, engine, name, image, &port, Some(&network)).await?;
        brokers.push(Broker {
            node: Node::Container(container),
            address,
            told,
            _ports: vec![port],
        });
    }
    Ok(Kafka::of(brokers, None))
}
