//! Typed events to records. Every type is declared and its schema registered at start, so that
//! nothing is looked up, resolved or locked when an event is emitted.

use std::{any::TypeId, collections::HashMap, sync::Arc, time::Instant};

use super::{EncodeError, Registry, RegistryError, Schema, SchemaError, frame, headers};
use crate::{Config, Event, Meta, OutRecord};

/// The event types that one service emits, before they are registered.
pub struct Declared {
    source: Arc<str>,
    types: Vec<DeclaredType>,
}

/// The event types that one service emits, ready to encode. Cheap to clone.
#[derive(Clone)]
pub struct Encoders {
    source: Arc<str>,
    by_type: Arc<HashMap<TypeId, Encoder>>,
}

impl Encoders {
    /// Begins the list of what `source` (the service's name) emits.
    pub fn of(source: &str) -> Declared {
        Declared { source: source.into(), types: Vec::new() }
    }

    /// The service that emits.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The topics that the declared types go to, each once.
    pub fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<_> = self.by_type.values().map(|encoder| &*encoder.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// One event as the record that is to be written.
    pub fn record<E: Event>(&self, event: &E, meta: &Meta) -> Result<OutRecord, EncodeError> {
        let encoder = self.encoder::<E>()?;
        let mut payload = frame::begin(encoder.schema_id);
        encoder.schema.encode(event, &mut payload)?;
        Ok(encoder.finish(event.key(), Some(payload), meta))
    }

    /// The tombstone that deletes what `key` stands for in a compacted topic.
    pub fn tombstone<E: Event>(&self, key: &str, meta: &Meta) -> Result<OutRecord, EncodeError> {
        Ok(self.encoder::<E>()?.finish(key, None, meta))
    }

    fn encoder<E: Event>(&self) -> Result<&Encoder, EncodeError> {
        self.by_type.get(&TypeId::of::<E>()).ok_or_else(|| {
            EncodeError(format!(
                "{}: `{}` didn't declare at start that it emits it (Encoders::of(…).event::<…>())",
                E::TYPE,
                self.source
            ))
        })
    }
}

impl Declared {
    /// One more type that the service emits.
    #[must_use]
    pub fn event<E: Event>(mut self) -> Self {
        self.types.push(DeclaredType {
            id: TypeId::of::<E>(),
            name: E::TYPE,
            topic: E::TOPIC,
            schema: E::SCHEMA,
        });
        self
    }

    /// Registers the schemas, or finds out that the registry has them, as `config` says. Waits at
    /// most the configured time for a registry that is away.
    pub async fn register(
        self,
        config: &Config,
        registry: &Registry,
    ) -> Result<Encoders, RegisterError> {
        let deadline = Instant::now() + config.connect_timeout;
        let mut by_type = HashMap::with_capacity(self.types.len());
        for declared in self.types {
            let schema = Schema::parse(declared.schema)
                .map_err(|source| RegisterError::Schema { event: declared.name, source })?;
            let schema_id = registry
                .id_of(
                    &format!("{}{}", config.prefix, declared.topic),
                    declared.name,
                    declared.schema,
                    config.unknown_schemas,
                    deadline,
                )
                .await
                .map_err(|source| RegisterError::Registry { event: declared.name, source })?;
            let (name, topic) = (declared.name, declared.topic);
            let encoder = Encoder { name, topic: topic.into(), schema_id, schema };
            by_type.insert(declared.id, encoder);
        }
        Ok(Encoders { source: self.source, by_type: Arc::new(by_type) })
    }
}

/// A declared type couldn't be made ready.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Its own schema is no Avro record schema.
    #[error("event {event} can't be emitted")]
    Schema {
        /// Its full name.
        event: &'static str,
        /// Why.
        source: SchemaError,
    },
    /// The registry refuses it or is away.
    #[error("event {event} can't be registered")]
    Registry {
        /// Its full name.
        event: &'static str,
        /// Why.
        source: RegistryError,
    },
}

struct DeclaredType {
    id: TypeId,
    name: &'static str,
    topic: &'static str,
    schema: &'static str,
}

struct Encoder {
    name: &'static str,
    topic: Arc<str>,
    schema_id: u32,
    schema: Schema,
}

impl Encoder {
    fn finish(&self, key: &str, payload: Option<Vec<u8>>, meta: &Meta) -> OutRecord {
        OutRecord {
            topic: Arc::clone(&self.topic),
            partition: None,
            key: Some(key.as_bytes().to_vec()),
            payload,
            headers: headers::write(self.name, meta),
            timestamp_ms: meta.time.timestamp_millis(),
        }
    }
}
