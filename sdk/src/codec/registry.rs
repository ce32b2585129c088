//! The schema registry, by the Confluent REST API.
//!
//! Asked at start (to register) and once per schema id (to read); never per record. A schema
//! that was found is kept for ever, since ids never change their meaning. "Not found" is
//! believed for a few seconds only: the schema may be on its way from another replica. So a
//! registry that goes down after start delays only records of schemas never seen before.
//!
//! What it has is looked up before anything is registered: a second start, or a second service,
//! writes nothing there. Registries differ in what they take for the same schema (Apicurio leaves
//! `doc` out, Confluent doesn't): whatever id they answer, its schema has the same bytes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use schema_registry_converter::{
    async_impl::schema_registry::{
        SrSettings, get_schema_by_id_and_type, perform_sr_call, post_schema,
    },
    error::SRCError,
    schema_registry_common::{RawError, SchemaType, SrCall, SuppliedSchema},
};

use super::Schema;
use crate::{
    Config, HAS_TLS,
    config::{UnknownSchemas, without_user_info},
    consume::Unavailable,
    lacks::registry_fits,
};

/// One call may take this long.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long "not found" is believed.
const MISS_TTL: Duration = Duration::from_secs(2);
/// Ids that "not found" is remembered for; more are asked for each time.
const MOST_MISSES: usize = 1_000;

/// A client with a cache that is read without a lock.
pub struct Registry {
    pub(super) url: String,
    /// With what may be needed to be let in.
    pub(super) base: String,
    pub(super) http: reqwest::Client,
    settings: SrSettings,
    schemas: ArcSwap<BTreeMap<u32, Arc<Schema>>>,
    misses: Mutex<HashMap<u32, Instant>>,
}

impl Registry {
    /// A client of the registry that `config` names. Makes no call yet.
    pub fn new(config: &Config) -> Result<Self, RegistryError> {
        let url = config.registry.trim_end_matches('/').to_owned();
        let shown = without_user_info(&url);
        let invalid = |why| RegistryError::Invalid { url: shown.clone(), why };
        registry_fits(&url, HAS_TLS).map_err(|e| invalid(e.to_string()))?;
        let http = reqwest::Client::builder().timeout(CALL_TIMEOUT).build();
        let settings = SrSettings::new_builder(url.clone()).set_timeout(CALL_TIMEOUT).build();
        Ok(Self {
            base: url,
            http: http.map_err(|e| invalid(without_url(e)))?,
            settings: settings.map_err(|e| invalid(explain(&e)))?,
            url: shown,
            schemas: ArcSwap::default(),
            misses: Mutex::default(),
        })
    }

    /// The id of `schema` under the subject of (`topic`, `event`), by TopicRecordNameStrategy.
    /// Where the registry lacks it, it is registered or refused. Waits for a registry that is
    /// away until `deadline`.
    pub async fn id_of(
        &self,
        topic: &str,
        event: &str,
        schema: &str,
        unknown: UnknownSchemas,
        deadline: Instant,
    ) -> Result<u32, RegistryError> {
        let (registry, subject) = (self, &*subject(topic, event));
        self.patiently(deadline, || async move {
            match registry.look_up(subject, schema).await {
                Err(RegistryError::NotFound { .. }) if unknown == UnknownSchemas::Register => {
                    registry.hold_if_new(subject).await?;
                    registry.register(subject, event, schema).await
                }
                found => found,
            }
        })
        .await
    }

    /// Asks again until `deadline` while the registry is away.
    pub(super) async fn patiently<T, F: Future<Output = Result<T, RegistryError>>>(
        &self,
        deadline: Instant,
        ask: impl Fn() -> F,
    ) -> Result<T, RegistryError> {
        let mut pause = Duration::from_millis(50);
        loop {
            let asked = tokio::time::timeout_at(deadline.into(), ask()).await;
            match asked.unwrap_or_else(|_| Err(self.silent())) {
                Err(RegistryError::Unavailable(_)) if Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                done => return done,
            }
        }
    }

    /// The schema of an id that was seen before. Takes no lock and makes no call.
    pub fn cached(&self, id: u32) -> Option<Arc<Schema>> {
        self.schemas.load().get(&id).cloned()
    }

    /// The schema of an id, asked for if it wasn't seen before.
    pub async fn schema(&self, id: u32) -> Result<Arc<Schema>, RegistryError> {
        if let Some(schema) = self.cached(id) {
            return Ok(schema);
        }
        if self.missed_lately(id) {
            return Err(RegistryError::NotFound {
                url: self.url.clone(),
                what: format!("id {id}"),
            });
        }
        match get_schema_by_id_and_type(id, &self.settings, SchemaType::Avro).await {
            Ok(found) => {
                let schema = Schema::parse(&found.schema).map_err(|e| RegistryError::Unusable {
                    url: self.url.clone(),
                    what: format!("schema {id}"),
                    why: e.to_string(),
                })?;
                let schema = Arc::new(schema);
                self.schemas.rcu(|known| {
                    let mut known = BTreeMap::clone(known);
                    known.insert(id, Arc::clone(&schema));
                    known
                });
                Ok(schema)
            }
            Err(e) => {
                let error = self.classify(&e, &format!("id {id}"));
                if matches!(error, RegistryError::NotFound { .. }) {
                    self.remember_miss(id);
                }
                Err(error)
            }
        }
    }

    pub(super) async fn register(
        &self,
        subject: &str,
        event: &str,
        schema: &str,
    ) -> Result<u32, RegistryError> {
        let supplied =
            SuppliedSchema::new(Some(event.to_owned()), SchemaType::Avro, schema.to_owned());
        post_schema(&self.settings, subject.to_owned(), supplied)
            .await
            .map(|registered| registered.id)
            .map_err(|e| self.classify(&e, &format!("subject {subject}")))
    }

    pub(super) async fn look_up(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let body = serde_json::json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        let what = format!("this schema under subject {subject}");
        let found = perform_sr_call(&self.settings, SrCall::PostForVersion(subject, &body))
            .await
            .map_err(|e| self.classify(&e, &what))?;
        found.id.ok_or_else(|| RegistryError::Unusable {
            url: self.url.clone(),
            what,
            why: "the answer has no id".into(),
        })
    }

    fn silent(&self) -> RegistryError {
        let message = format!("{}: no answer in time", self.url);
        RegistryError::Unavailable(Unavailable { part: "registry", message })
    }

    fn missed_lately(&self, id: u32) -> bool {
        let misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        misses.get(&id).is_some_and(|at| at.elapsed() < MISS_TTL)
    }

    fn remember_miss(&self, id: u32) {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        misses.retain(|_, at| at.elapsed() < MISS_TTL);
        if misses.len() < MOST_MISSES {
            misses.insert(id, Instant::now());
        }
    }

    /// The one place where the client library's errors become ours. It keeps the registry's own
    /// answer only as the error's source, and the HTTP status only in its text.
    fn classify(&self, error: &SRCError, what: &str) -> RegistryError {
        let (url, what) = (self.url.clone(), what.to_owned());
        let answered = std::error::Error::source(error).is_some_and(|s| s.is::<RawError>());
        if !answered {
            let message = format!("{url}: {}", explain(error));
            return RegistryError::Unavailable(Unavailable { part: "registry", message });
        }
        let status = |code: &str| error.error.contains(&format!("status {code}"));
        if status("404") {
            RegistryError::NotFound { url, what }
        } else if status("409") {
            RegistryError::Incompatible { url, what, why: explain(error) }
        } else if status("4") && !status("429") {
            RegistryError::Unusable { url, what, why: explain(error) }
        } else {
            let message = format!("{url}: {}", explain(error));
            RegistryError::Unavailable(Unavailable { part: "registry", message })
        }
    }
}

/// Where the schemas of an event lie, by TopicRecordNameStrategy.
pub(super) fn subject(topic: &str, event: &str) -> String {
    format!("{topic}-{event}")
}

/// An error's text with its causes, without the URL: that may hold a password.
pub(super) fn without_url(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What the client library says, without its own bookkeeping.
fn explain(error: &SRCError) -> String {
    match &error.cause {
        Some(cause) => format!("{}: {cause}", error.error),
        None => error.error.clone(),
    }
}

/// What the registry couldn't do.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its address is no usable URL.
    #[error("schema registry {url}: {why}")]
    Invalid {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is away; later it may go.
    #[error("the schema registry can't be reached; is it running there?")]
    Unavailable(#[source] Unavailable),
    /// It doesn't have this.
    #[error("schema registry {url} doesn't have {what}")]
    NotFound {
        /// The address.
        url: String,
        /// What was asked for.
        what: String,
    },
    /// It refuses the schema beside those it has.
    #[error("schema registry {url} refuses {what} as incompatible: {why}")]
    Incompatible {
        /// The address.
        url: String,
        /// The subject.
        what: String,
        /// Its reason.
        why: String,
    },
    /// Its answer is of no use.
    #[error("schema registry {url}: {what}: {why}")]
    Unusable {
        /// The address.
        url: String,
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
}
