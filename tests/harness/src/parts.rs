//! Parts that the tests of one process share: started when first asked for, ended with the process.
//! What is given can't be killed; a test that breaks things asks for a part of its own
//! ([`Kafka::start`](crate::Kafka::start) and the like).

use tokio::sync::OnceCell;

use crate::error::NotRun;
use crate::postgres::TestDatabase;
use crate::unique::unique;
use crate::{Kafka, Postgres, Redis, Registry};

/// A broker with others on it: keep to names that begin with the prefix.
#[derive(Debug, Clone)]
pub struct SharedKafka {
    /// `bootstrap.servers`.
    pub bootstrap: String,
    /// Of topics, groups and transactional ids; ends in a dot.
    pub prefix: String,
}

/// A registry with others on it: keep to subjects that begin with the prefix.
#[derive(Debug, Clone)]
pub struct SharedRegistry {
    /// `SCHEMA_REGISTRY_URL`.
    pub url: String,
    /// Of subjects; ends in a dot.
    pub prefix: String,
}

/// A Redis with others on it: keep to keys that begin with the prefix.
#[derive(Debug, Clone)]
pub struct SharedRedis {
    /// `REDIS_URL`.
    pub url: String,
    /// Of keys; ends in a dot.
    pub prefix: String,
}

type Once<T> = OnceCell<Result<T, NotRun>>;

/// The broker of `ORDERLY_TEST_KAFKA`, else one that is started; each call gives another prefix.
///
/// # Errors
/// [`NotRun`] says what is missing here.
pub async fn kafka() -> Result<SharedKafka, NotRun> {
    static KAFKA: Once<Kafka> = OnceCell::const_new();
    let bootstrap = match given("ORDERLY_TEST_KAFKA") {
        Some(bootstrap) => bootstrap,
        None => shared(&KAFKA, || Kafka::start(1)).await?.bootstrap().to_owned(),
    };
    Ok(SharedKafka { bootstrap, prefix: prefix() })
}

/// The registry of `ORDERLY_TEST_REGISTRY`, else one that is started; each call gives another prefix.
///
/// # Errors
/// [`NotRun`] says what is missing here.
pub async fn registry() -> Result<SharedRegistry, NotRun> {
    static REGISTRY: Once<Registry> = OnceCell::const_new();
    let url = match given("ORDERLY_TEST_REGISTRY") {
        Some(url) => url,
        None => shared(&REGISTRY, Registry::start).await?.url().to_owned(),
    };
    Ok(SharedRegistry { url, prefix: prefix() })
}

/// A fresh database on the server of `ORDERLY_TEST_DATABASE`, else on one that is started.
///
/// # Errors
/// [`NotRun`] says what is missing here.
pub async fn postgres() -> Result<TestDatabase, NotRun> {
    static POSTGRES: Once<Postgres> = OnceCell::const_new();
    let url = match given("ORDERLY_TEST_DATABASE") {
        Some(url) => url,
        None => shared(&POSTGRES, Postgres::start).await?.url(),
    };
    TestDatabase::create(&url).await.map_err(|e| NotRun::broken("postgres", e))
}

/// The Redis of `ORDERLY_TEST_REDIS`, else one that is started; each call gives another prefix.
///
/// # Errors
/// [`NotRun`] says what is missing here.
pub async fn redis() -> Result<SharedRedis, NotRun> {
    static REDIS: Once<Redis> = OnceCell::const_new();
    let url = match given("ORDERLY_TEST_REDIS") {
        Some(url) => url,
        None => shared(&REDIS, Redis::start).await?.url().to_owned(),
    };
    Ok(SharedRedis { url, prefix: prefix() })
}

async fn shared<T, F>(
    part: &'static Once<T>,
    start: impl FnOnce() -> F,
) -> Result<&'static T, NotRun>
where
    F: Future<Output = Result<T, NotRun>>,
{
    part.get_or_init(start).await.as_ref().map_err(Clone::clone)
}

fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn prefix() -> String {
    format!("t{}.", unique())
}
