//! Subjects, versions and ids, as a Confluent registry keeps them, and the server around them.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::routes;

/// A running registry on a port of the loopback address. Dropped, it is gone with what it had.
pub struct EmbeddedRegistry {
    subjects: Arc<Subjects>,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

impl EmbeddedRegistry {
    /// Starts on a free port with these schemas: subject and text, oldest version first.
    pub async fn start<'a>(
        schemas: impl IntoIterator<Item = (String, &'a str)>,
    ) -> io::Result<Self> {
        let subjects = Arc::new(Subjects::default());
        for (subject, text) in schemas {
            subjects.register(&subject, text).map_err(|refusal| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("{subject}: {refusal:?}"))
            })?;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = Some(serve(listener, &subjects));
        Ok(Self { subjects, address, server })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses connections, as a registry that went down.
    pub async fn go_down(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            // Aborted, so that its port is closed when this returns.
            let _ = server.await;
        }
    }

    /// Answers again at the same address, with what it had.
    pub async fn come_back(&mut self) -> io::Result<()> {
        if self.server.is_none() {
            self.server = Some(serve(TcpListener::bind(self.address).await?, &self.subjects));
        }
        Ok(())
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

fn serve(listener: TcpListener, subjects: &Arc<Subjects>) -> JoinHandle<()> {
    let app = routes::app(Arc::clone(subjects));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "embedded schema registry");
        }
    })
}

/// What is registered. An id stands for one schema text, whichever subjects have it.
#[derive(Default)]
pub(crate) struct Subjects(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Canonical texts by id - 1.
    texts: Vec<String>,
    /// Ids by version - 1.
    versions: BTreeMap<String, Vec<u32>>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) subject: String,
    pub(crate) version: u32,
    pub(crate) id: u32,
    pub(crate) text: String,
}

/// Why a schema isn't taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No Avro schema.
    Invalid(String),
    /// Can't be read beside the newest version, or can't read it.
    Incompatible(String),
}

impl Subjects {
    /// The id of `text` under `subject`, as a new version if it isn't one yet.
    pub(crate) fn register(&self, subject: &str, text: &str) -> Result<u32, Refusal> {
        let (schema, canonical) = parse(text)?;
        let mut known = self.known();
        if let Some(found) = known.find(subject, &canonical) {
            return Ok(found.id);
        }
        if let Some(newest) = known.newest(subject) {
            compatible(&newest.text, &schema).map_err(Refusal::Incompatible)?;
        }
        let id = known.id_of(canonical);
        known.versions.entry(subject.to_owned()).or_default().push(id);
        Ok(id)
    }

    /// The version of `subject` that `text` is, if it is one.
    pub(crate) fn look_up(&self, subject: &str, text: &str) -> Result<Option<Version>, Refusal> {
        let (_, canonical) = parse(text)?;
        Ok(self.known().find(subject, &canonical))
    }

    /// Whether `text` may follow the newest version of `subject`.
    pub(crate) fn check(&self, subject: &str, text: &str) -> Result<(), Refusal> {
        let (schema, _) = parse(text)?;
        match self.known().newest(subject) {
            Some(newest) => compatible(&newest.text, &schema).map_err(Refusal::Incompatible),
            None => Ok(()),
        }
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<String> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.known().texts.get(index).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.known().versions.keys().cloned().collect()
    }

    pub(crate) fn versions(&self, subject: &str) -> Vec<Version> {
        let known = self.known();
        let count = known.versions.get(subject).map_or(0, Vec::len);
        (0..count).filter_map(|index| known.version(subject, index)).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn version(&self, subject: &str, index: usize) -> Option<Version> {
        let id = *self.versions.get(subject)?.get(index)?;
        let text = self.texts.get(id as usize - 1)?.clone();
        let version = u32::try_from(index + 1).ok()?;
        Some(Version { subject: subject.to_owned(), version, id, text })
    }

    fn newest(&self, subject: &str) -> Option<Version> {
        let count = self.versions.get(subject)?.len();
        self.version(subject, count.checked_sub(1)?)
    }

    fn find(&self, subject: &str, canonical: &str) -> Option<Version> {
        let count = self.versions.get(subject)?.len();
        (0..count).filter_map(|i| self.version(subject, i)).find(|v| v.text == canonical)
    }

    fn id_of(&mut self, canonical: String) -> u32 {
        let index = self.texts.iter().position(|text| *text == canonical).unwrap_or_else(|| {
            self.texts.push(canonical);
            self.texts.len() - 1
        });
        u32::try_from(index + 1).unwrap_or(u32::MAX)
    }
}

/// The schema, and its text with whitespace and the order of keys made one.
fn parse(text: &str) -> Result<(Schema, String), Refusal> {
    let invalid = |why: String| Refusal::Invalid(why);
    let schema = Schema::parse_str(text).map_err(|e| invalid(e.to_string()))?;
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| invalid(e.to_string()))?;
    Ok((schema, json.to_string()))
}

/// FULL compatibility: each of the two reads what the other wrote.
fn compatible(newest: &str, schema: &Schema) -> Result<(), String> {
    let newest = Schema::parse_str(newest).map_err(|e| e.to_string())?;
    for (writer, reader, what) in [
        (&newest, schema, "it can't read what the newest version wrote"),
        (schema, &newest, "the newest version can't read what it writes"),
    ] {
        match SchemaCompatibility::can_read(writer, reader) {
            Ok(Compatibility::Full) => {}
            Ok(_) => return Err(format!("{what}: only some values")),
            Err(why) => return Err(format!("{what}: {why}")),
        }
    }
    Ok(())
}
