//! A relay's producers. Each has one request in flight, and a request holds records of one partition:
//! by one producer alone a few records of as many partitions would go one after the other.

use std::{error::Error, slice::Iter};

use orderly_sdk::{
    Config, Health, OutRecord,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::partition_of_key,
};

use crate::{NAME, RelayError};

/// How many. A topic's partitions are mostly a multiple of it: then each partition's records go by one
/// producer, and share requests.
const PRODUCERS: i32 = 4;

/// One or more of them may be given up; the others go on.
pub(crate) struct Producers {
    emitters: Vec<Emitter>,
    config: Config,
    health: Health,
}

impl Producers {
    /// Connects all.
    pub(crate) async fn connect(config: &Config, health: &Health) -> Result<Self, RelayError> {
        let config = keeping_order(config.clone());
        let mut emitters = Vec::new();
        for _ in 0..PRODUCERS {
            emitters.push(connect(&config, health).await?);
        }
        Ok(Self { emitters, config, health: health.clone() })
    }

    /// In which place the one is that a record goes by. A key's records all go by the same.
    pub(crate) fn place_of(&self, record: &OutRecord) -> usize {
        // Without a key it is in no order with others.
        let key = record.key.as_deref().unwrap_or_default();
        usize::try_from(partition_of_key(key, PRODUCERS)).unwrap_or_default()
    }

    /// By place.
    pub(crate) fn iter(&self) -> Iter<'_, Emitter> {
        self.emitters.iter()
    }

    /// Replaces those that are given up, as far as the brokers answer.
    pub(crate) async fn mend(&mut self) {
        for emitter in &mut self.emitters {
            let Some(why) = emitter.fatal_error() else { continue };
            tracing::warn!(why, "a new producer for the outbox");
            match connect(&self.config, &self.health).await {
                Ok(new) => {
                    let broken = std::mem::replace(emitter, new);
                    // Closing it blocks for a moment.
                    tokio::task::spawn_blocking(move || drop(broken));
                }
                // Tried again when the next batch has failed by it.
                Err(error) => tracing::warn!(error = &error as &dyn Error, "no new producer yet"),
            }
        }
    }
}

async fn connect(config: &Config, health: &Health) -> Result<Emitter, RelayError> {
    // Nothing of its own: what it sends was encoded by those who committed it.
    let encoders = Encoders::of(NAME).register(config, &Registry::new(config)?).await?;
    // Given up on, a record could be overtaken by a later one of its key.
    let (delivery_timeout, health) = (None, health.clone());
    let emit = EmitSettings { delivery_timeout, health, ..EmitSettings::default() };
    Ok(Emitter::connect(config, encoders, emit).await?)
}

/// A producer of this configuration gives up on no record, and where one is refused, on all that
/// are in flight behind it. One request at a time: a partition that doesn't know the producer yet,
/// or no more, takes whatever comes first, so a second one could be written where the first was
/// not (KAFKA-14359).
fn keeping_order(mut config: Config) -> Config {
    const OVERTAKING: [&str; 4] = [
        "message.timeout.ms",
        "delivery.timeout.ms",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
    ];
    config.properties.retain(|(name, _)| !OVERTAKING.contains(&name.as_str()));
    config
        .with_property("max.in.flight.requests.per.connection", "1")
        .with_property("enable.gapless.guarantee", "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_property_lets_a_record_be_given_up_or_overtaken() {
        let mut config = Config::new("broker:9092", "http://registry:8081");
        for (name, value) in [
            ("message.timeout.ms", "1000"),
            ("enable.gapless.guarantee", "false"),
            ("max.in.flight", "5"),
            ("delivery.timeout.ms", "1000"),
            ("linger.ms", "5"),
        ] {
            config = config.with_property(name, value);
        }
        let properties = keeping_order(config).properties;

        let last = |name| properties.iter().rfind(|(n, _)| n == name).map(|(_, value)| &**value);
        assert_eq!(last("message.timeout.ms"), None);
        assert_eq!(last("delivery.timeout.ms"), None);
        assert_eq!(last("max.in.flight"), None);
        assert_eq!(last("max.in.flight.requests.per.connection"), Some("1"));
        assert_eq!(last("enable.gapless.guarantee"), Some("true"));
        assert_eq!(last("linger.ms"), Some("5"));
    }
}
