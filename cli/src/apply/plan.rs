//! What is there, held against what is asked for. Changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use orderly_schemas::every_schema;
use orderly_sdk::{
    Config,
    codec::{Registry, Subject},
    kafka::Admin,
    topics::{TopicSpec, Topics},
};

use super::{ApplyError, Differing, report::counted};

/// How many copies a topic has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// One on each broker, where there are fewer brokers than copies asked for.
    AsManyAsGo,
    /// Those asked for, or nothing is created.
    AsAsked,
}

/// What there is to do.
pub struct Plan {
    pub(super) admin: Admin,
    pub(super) registry: Registry,
    pub(super) config: Config,
    pub(super) missing: Vec<TopicSpec>,
    pub(super) existing: Vec<String>,
    pub(super) differing: Vec<Differing>,
    pub(super) subjects: Vec<Subject>,
    pub(super) warnings: Vec<String>,
}

impl Plan {
    /// Asks the cluster and the registry. An error says why nothing can be created: a part is away,
    /// or it would refuse something.
    pub async fn make(
        config: &Config,
        topics: &Topics,
        copies: Copies,
    ) -> Result<Self, ApplyError> {
        let admin = Admin::new(config)?;
        let registry = Registry::new(config)?;
        let brokers = admin.brokers().await?;
        let names: Vec<_> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let there = admin.describe(&names).await?;

        let mut warnings: Vec<_> = few_brokers(topics, brokers).into_iter().collect();
        let (mut missing, mut existing, mut differing) = (Vec::new(), Vec::new(), Vec::new());
        for topic in topics.iter() {
            let spec = topic.spec(brokers);
            let Some(found) = there.get(&topic.name) else {
                missing.push(spec);
                continue;
            };
            existing.push(topic.name.clone());
            for difference in spec.differences(found) {
                warnings.push(format!("topic `{}` is left as it is: {difference}", topic.name));
                differing.push(Differing { topic: topic.name.clone(), difference });
            }
        }
        if copies == Copies::AsAsked {
            let is_short = |d: &&Differing| d.difference.what == "replication";
            let short = differing.iter().find(is_short).map(ToString::to_string);
            if let Some(why) = few_brokers(topics, brokers).or(short) {
                return Err(ApplyError::Copies(why));
            }
        }
        let subjects = ask(&registry, config).await?;
        let refusals: Vec<_> = subjects.iter().filter_map(refusal).collect();
        if !refusals.is_empty() {
            return Err(ApplyError::Schemas(refusals));
        }
        let refused = admin.would_create(&missing).await?;
        if !refused.is_empty() {
            return Err(ApplyError::Topics(refused));
        }
        warnings.extend(loose(&subjects));
        let config = config.clone();
        Ok(Self { admin, registry, config, missing, existing, differing, subjects, warnings })
    }
}

/// Every subject, beside the schemas that are built in.
async fn ask(registry: &Registry, config: &Config) -> Result<Vec<Subject>, ApplyError> {
    let mut versions: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for schema in every_schema() {
        versions.entry((schema.topic, schema.event)).or_default().push(schema.text);
    }
    let mut subjects = Vec::with_capacity(versions.len());
    for ((topic, event), versions) in versions {
        let topic = format!("{}{topic}", config.prefix);
        let deadline = Instant::now() + config.connect_timeout;
        subjects.push(registry.subject(&topic, event, &versions, deadline).await?);
    }
    Ok(subjects)
}

fn few_brokers(topics: &Topics, brokers: i32) -> Option<String> {
    let short: Vec<_> = topics.iter().filter(|topic| topic.replication > brokers).collect();
    let asked: BTreeSet<_> = short.iter().map(|topic| topic.replication.to_string()).collect();
    let asked = asked.into_iter().collect::<Vec<_>>().join(" or ");
    let consequence = match brokers {
        1 => "one that is lost takes its records along",
        _ => "each is on all of them",
    };
    (!short.is_empty()).then(|| {
        format!(
            "{} of {} topics are to have {asked} copies, and the cluster has {}: {consequence}",
            short.len(),
            topics.iter().count(),
            counted(brokers.unsigned_abs() as usize, "broker"),
        )
    })
}

fn refusal(subject: &Subject) -> Option<String> {
    subject.refusal.as_ref().map(|why| format!("{}: {why}", subject.name))
}

/// One warning for all subjects that aren't held to what consumers rely on.
fn loose(subjects: &[Subject]) -> Option<String> {
    let loose: Vec<_> = subjects.iter().filter(|subject| !subject.is_held_both_ways()).collect();
    let first = loose.first()?;
    Some(format!(
        "{} left at a compatibility level below FULL (`{}`: {}): the registry would let in a \
         schema that running consumers can't read. PUT {{\"compatibility\": \"FULL\"}} to the \
         registry's /config/{}",
        counted(loose.len(), "subject"),
        first.name,
        first.level,
        first.name
    ))
}
