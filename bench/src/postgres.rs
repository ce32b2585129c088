//! A bare connection to a benchmark's database, and how far something in it is.

use std::time::Duration;

use orderly_harness::{Postgres, TestDatabase};
use tokio_postgres::{Client, NoTls};

use crate::{Error, progress, round::Round};

/// A database of its own, for a round.
pub(crate) async fn database(postgres: &Postgres) -> Result<TestDatabase, Error> {
    postgres.database().await.map_err(|why| format!("a database: {why}").into())
}

/// Connects; the connection ends with the client.
pub(crate) async fn connect(database: &TestDatabase) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Where a database is, for programs that are told so piece by piece.
pub(crate) struct At {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl At {
    pub(crate) fn read(url: &str) -> Result<Self, Error> {
        let url = reqwest::Url::parse(url)?;
        Ok(Self {
            host: url.host_str().ok_or("a database's url without a host")?.to_owned(),
            port: url.port().unwrap_or(5432),
            database: url.path().trim_start_matches('/').to_owned(),
            user: url.username().to_owned(),
            password: url.password().unwrap_or_default().to_owned(),
        })
    }
}

/// From when something is first seen to be done until all `records` are. `count` says how many are, and
/// fails as long as its table isn't there; it is asked every so often, which is to cost little. Cut after
/// `limit`.
pub(crate) async fn until_all(
    client: &Client,
    (count, every): (&str, Duration),
    records: u64,
    limit: Duration,
) -> Result<Round, Error> {
    let done = || async move {
        match client.query_one(count, &[]).await {
            Ok(row) => Ok(u64::try_from(row.try_get::<_, i64>(0)?)?),
            Err(why) if client.is_closed() => Err(why.into()),
            Err(_) => Ok(0),
        }
    };
    progress::until_all(done, every, records, limit).await
}
