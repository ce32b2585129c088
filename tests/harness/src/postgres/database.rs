//! A fresh database for each test on one server.

use std::fmt;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use crate::error::Fault;
use crate::unique::unique;

const LIMIT: Duration = Duration::from_secs(10);

/// A database of the test's own, dropped with this.
pub struct TestDatabase {
    server: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// `server` is the url of any database of the server, as a user that may create databases.
    pub(crate) async fn create(server: &str) -> Result<Self, Fault> {
        let name = format!("test_{}", unique().replace('-', "_"));
        say(server, &format!("CREATE DATABASE {name}")).await?;
        Ok(Self { url: sibling(server, &name), server: server.to_owned(), name })
    }

    /// `DATABASE_URL`, with the password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for TestDatabase {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own: whoever drops this may be on a runtime's thread.
    fn drop(&mut self) {
        let (server, drop) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(Fault::new)?.block_on(say(&server, &drop))
        });
        if let Ok(Err(e)) = dropper.join() {
            tracing::warn!("database {} is left behind: {e}", self.name);
        }
    }
}

/// The url of another database of the same server.
fn sibling(server: &str, name: &str) -> String {
    let (url, settings) = server.split_at(server.find('?').unwrap_or(server.len()));
    let host = url.find("://").map_or(0, |at| at + 3);
    let root = url[host..].find('/').map_or(url, |path| &url[..host + path]);
    format!("{root}/{name}{settings}")
}

async fn say(server: &str, statement: &str) -> Result<(), Fault> {
    let said = async { connect(server).await?.batch_execute(statement).await };
    // The server's own words, which hold no password.
    let said = tokio::time::timeout(LIMIT, said)
        .await
        .map_err(|_| Fault::new("postgres doesn't answer"))?;
    said.map_err(|e| Fault::new(format!("postgres: {statement}: {}", whole(&e))))
}

fn whole(e: &tokio_postgres::Error) -> String {
    e.as_db_error().map_or_else(|| e.to_string(), ToString::to_string)
}

pub(super) async fn answers(url: &str) -> bool {
    let asked = async { connect(url).await?.simple_query("SELECT 1").await };
    tokio::time::timeout(Duration::from_secs(5), asked).await.is_ok_and(|answer| answer.is_ok())
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::sibling;

    #[test]
    fn another_database_of_a_server_keeps_the_rest_of_the_url() {
        assert_eq!(sibling("postgres://u:p@h:1/db", "t"), "postgres://u:p@h:1/t");
        assert_eq!(sibling("postgres://u@h", "t"), "postgres://u@h/t");
        assert_eq!(
            sibling("postgres://u@h/db?connect_timeout=3", "t"),
            "postgres://u@h/t?connect_timeout=3"
        );
    }
}
