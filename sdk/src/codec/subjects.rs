//! What a registry has of an event, and what it lacks: asked and filled up before services start.
//!
//! A subject that is new here is held to FULL, unless the registry is by itself: consumers of one
//! version read the next one and the one before. Registries differ in what they begin with
//! (Confluent BACKWARD, Apicurio NONE). A level that somebody chose stays.

use std::time::Instant;

use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Registry, RegistryError,
    registry::{subject, without_url},
};
use crate::consume::Unavailable;

const LEVEL: &str = "FULL";

/// A subject beside the schemas that it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// What it is held to when a schema is added.
    pub level: String,
    /// Why the registry, or a reader, couldn't take what is missing.
    pub refusal: Option<String>,
    event: String,
    missing: Vec<String>,
    sets_level: bool,
}

impl Subject {
    /// Whether the newest schema is there.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether it keeps consumers able to read the next version and the one before.
    pub fn is_held_both_ways(&self) -> bool {
        self.sets_level || is_full(&self.level)
    }
}

impl Registry {
    /// What the subject of (`topic`, `event`) lacks of `versions`, oldest first, and whether it
    /// would take it. Changes nothing. Waits for a registry that is away until `deadline`.
    pub async fn subject(
        &self,
        topic: &str,
        event: &str,
        versions: &[&str],
        deadline: Instant,
    ) -> Result<Subject, RegistryError> {
        let name = subject(topic, event);
        self.patiently(deadline, || self.compare(&name, event, versions)).await
    }

    /// Registers what `subject` lacks. Waits for a registry that is away until `deadline`.
    pub async fn complete(
        &self,
        subject: &Subject,
        deadline: Instant,
    ) -> Result<(), RegistryError> {
        let Subject { name, event, .. } = subject;
        if subject.sets_level {
            self.patiently(deadline, || self.hold(name)).await?;
        }
        for schema in &subject.missing {
            self.patiently(deadline, || self.register(name, event, schema)).await?;
        }
        Ok(())
    }

    /// What [`complete`](Self::complete) does for a subject that is new, for a service that registers its
    /// schema by itself: whichever of the two comes first. A registry that doesn't let services choose
    /// is left as it is.
    pub(super) async fn hold_if_new(&self, name: &str) -> Result<(), RegistryError> {
        if self.latest(name).await?.is_some() {
            return Ok(());
        }
        let (own, level) = self.levels(name).await?;
        if !lacks_level(own.as_deref(), &level) {
            return Ok(());
        }
        match self.hold(name).await {
            Err(error @ RegistryError::Unusable { .. }) => {
                tracing::warn!(subject = name, %error, "it stays at the registry's own level");
                Ok(())
            }
            held => held,
        }
    }

    async fn hold(&self, name: &str) -> Result<(), RegistryError> {
        let level = json!({ "compatibility": LEVEL });
        self.call(Method::PUT, &format!("config/{name}"), Some(&level)).await.map(drop)
    }

    async fn latest(&self, name: &str) -> Result<Option<String>, RegistryError> {
        let path = format!("subjects/{name}/versions/latest");
        let latest = self.call(Method::GET, &path, None).await?;
        Ok(latest.and_then(|answer| Some(answer["schema"].as_str()?.to_owned())))
    }

    /// The level that was chosen for it, and the one that it is held to.
    async fn levels(&self, name: &str) -> Result<(Option<String>, String), RegistryError> {
        let own = self.level(&format!("config/{name}")).await?;
        let level = match &own {
            Some(level) => level.clone(),
            None => self.level("config").await?.unwrap_or_else(|| "unknown".into()),
        };
        Ok((own, level))
    }

    async fn compare(
        &self,
        name: &str,
        event: &str,
        versions: &[&str],
    ) -> Result<Subject, RegistryError> {
        let (own, level) = self.levels(name).await?;
        let latest = self.latest(name).await?;
        let missing = match &latest {
            None => versions,
            Some(_) => self.missing(name, versions).await?,
        };
        let refusal = match (&latest, missing.first()) {
            (Some(latest), Some(next)) => self.refusal(name, latest, next).await?,
            _ => None,
        };
        let is_new = latest.is_none();
        Ok(Subject {
            name: name.to_owned(),
            sets_level: is_new && lacks_level(own.as_deref(), &level),
            level,
            refusal,
            event: event.to_owned(),
            missing: missing.iter().map(|&schema| schema.to_owned()).collect(),
        })
    }

    /// Those newer than the newest that is there; where none is, the newest alone: what is there
    /// came from elsewhere, and an older one isn't put over it.
    async fn missing<'v, 's>(
        &self,
        name: &str,
        versions: &'v [&'s str],
    ) -> Result<&'v [&'s str], RegistryError> {
        for (at, schema) in versions.iter().enumerate().rev() {
            match self.look_up(name, schema).await {
                Ok(_) => return Ok(&versions[at + 1..]),
                Err(RegistryError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&versions[versions.len().saturating_sub(1)..])
    }

    /// Asks ourselves as well: a registry may be held to nothing, and Apicurio takes decimals of
    /// another scale for the same.
    async fn refusal(
        &self,
        name: &str,
        latest: &str,
        next: &str,
    ) -> Result<Option<String>, RegistryError> {
        if let Err(why) = can_read(latest, next) {
            return Ok(Some(format!("it can't read what the newest version there wrote: {why}")));
        }
        let path = format!("compatibility/subjects/{name}/versions/latest?verbose=true");
        let body = json!({ "schema": next, "schemaType": "AVRO" });
        let answer = self.call(Method::POST, &path, Some(&body)).await?.unwrap_or_default();
        if answer["is_compatible"] != Value::Bool(false) {
            return Ok(None);
        }
        let told = answer["messages"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let told: Vec<_> = told.collect();
        Ok(Some(match told.is_empty() {
            true => "the registry says so, without a reason".into(),
            false => told.join("; "),
        }))
    }

    async fn level(&self, path: &str) -> Result<Option<String>, RegistryError> {
        let answer = self.call(Method::GET, path, None).await?;
        Ok(answer.and_then(|answer| Some(answer["compatibilityLevel"].as_str()?.to_owned())))
    }

    /// Calls that the client library doesn't have. `None`: there is no such thing.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, RegistryError> {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/vnd.schemaregistry.v1+json")
                .body(body.to_string());
        }
        let away = |why: String| {
            let message = format!("{}: {why}", self.url);
            RegistryError::Unavailable(Unavailable { part: "registry", message })
        };
        let answer = request.send().await.map_err(|e| away(without_url(e)))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|e| away(without_url(e)))?;
        let json: Result<Value, _> = serde_json::from_str(&text);
        let told = || match &json {
            Ok(told) => format!("{status}: {}", told["message"].as_str().unwrap_or_default()),
            Err(_) => status.to_string(),
        };
        if status == StatusCode::NOT_FOUND {
            Ok(None)
        } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Err(away(told()))
        } else if status.is_success() && json.is_ok() {
            Ok(json.ok())
        } else {
            let why = match status.is_success() {
                true => "the answer is no JSON; is it a Confluent-compatible registry?".into(),
                false => told(),
            };
            Err(RegistryError::Unusable { url: self.url.clone(), what: path.to_owned(), why })
        }
    }
}

/// Nobody chose one for it, and the registry's own is less than what consumers rely on.
fn lacks_level(own: Option<&str>, level: &str) -> bool {
    own.is_none() && !is_full(level)
}

fn is_full(level: &str) -> bool {
    level.starts_with(LEVEL)
}

fn can_read(writer: &str, reader: &str) -> Result<(), String> {
    let parse = |text| apache_avro::Schema::parse_str(text).map_err(|e| e.to_string());
    match SchemaCompatibility::can_read(&parse(writer)?, &parse(reader)?) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(_) => Err("only some values".into()),
        Err(why) => Err(why.to_string()),
    }
}
