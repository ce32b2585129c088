//! Where the parts are: Kafka, the schema registry, and any librdkafka property.

use std::{fmt, time::Duration};

/// What every emitter, consumer and tool needs to find Kafka and the registry.
#[derive(Clone)]
pub struct Config {
    /// `host:port[,host:port…]` of some brokers.
    pub bootstrap: String,
    /// URL of a Confluent-compatible schema registry.
    pub registry: String,
    /// Put before the name of every topic and group in the cluster, and of every subject in the
    /// registry, so that several platforms share one. Services see names without it.
    pub prefix: String,
    /// What a service does at start with a schema that the registry lacks.
    pub unknown_schemas: UnknownSchemas,
    /// librdkafka properties (`-X key=value`); they win over what the SDK sets by itself.
    pub properties: Vec<(String, String)>,
    /// The same for consumers only; [`Config::properties`] win over them.
    pub consumer_properties: Vec<(String, String)>,
    /// A reader without a position begins at offset 0, and fails loudly where that record is gone,
    /// instead of at the oldest record kept. For brokers that forget silently.
    pub from_first: bool,
    /// Longest that connecting to Kafka and the registry may take at start.
    pub connect_timeout: Duration,
}

/// What a service does at start with a schema that the registry lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownSchemas {
    /// Registers it; the registry checks compatibility.
    Register,
    /// Refuses to start.
    Refuse,
}

impl Config {
    /// Brokers and registry, everything else by default.
    pub fn new(bootstrap: impl Into<String>, registry: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            registry: registry.into(),
            prefix: String::new(),
            unknown_schemas: UnknownSchemas::Register,
            properties: Vec::new(),
            consumer_properties: Vec::new(),
            from_first: false,
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// The same with this before every name in the cluster and the registry.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The same with one more librdkafka property.
    #[must_use]
    pub fn with_property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of properties may be secrets: names only.
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Config")
            .field("bootstrap", &self.bootstrap)
            .field("registry", &without_user_info(&self.registry))
            .field("prefix", &self.prefix)
            .field("unknown_schemas", &self.unknown_schemas)
            .field("properties", &names)
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

/// A URL without the user and password that may stand in it: fit for logs and errors.
pub(crate) fn without_user_info(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let config = Config::new("broker:9092", "https://me:hunter2@registry:8081/path@x")
            .with_property("sasl.password", "hunter3");
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("https://registry:8081/path@x"), "{shown}");
        assert!(shown.contains("sasl.password"), "{shown}");
    }
}
