//! The Postgres server that the tests make databases on.

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

/// A server where we may make databases.
#[derive(Clone)]
pub(crate) struct Server {
    /// Its url up to the database's name, and what comes behind that.
    address: String,
    options: String,
    /// The database to make others from.
    first: String,
}

/// A database of our own; dropped with its value.
pub(crate) struct TestDatabase {
    server: Server,
    name: String,
}

impl Server {
    /// The one that `ORDERLY_TEST_DATABASE` names; says why a test isn't run without.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let Ok(url) = env::var("ORDERLY_TEST_DATABASE") else {
            let required = env::var("ORDERLY_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
            assert!(!required, "{test} needs Postgres: ORDERLY_TEST_DATABASE names none");
            println!("not run: {test}: ORDERLY_TEST_DATABASE names no Postgres server");
            return None;
        };
        let (url, options) = url.split_once('?').unwrap_or((&url, ""));
        let (address, first) = url.rsplit_once('/').expect("a url that ends in a database's name");
        Some(Self {
            address: address.to_owned(),
            options: options.to_owned(),
            first: first.to_owned(),
        })
    }

    pub(crate) fn create_database(&self) -> TestDatabase {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("orderly_test_{}_{number}", process::id());
        self.run(format!("CREATE DATABASE {name}"));
        TestDatabase { server: self.clone(), name }
    }

    /// Runs a statement that no transaction can hold. On a thread of its own: a test's runtime is
    /// already busy, or gone.
    fn run(&self, sql: String) {
        let url = format!("{}/{}", self.address, self.first);
        let run = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                let connection = tokio::spawn(connection);
                client.batch_execute(&sql).await.unwrap();
                drop(client);
                connection.await.unwrap().unwrap();
            });
        };
        thread::spawn(run).join().unwrap();
    }
}

impl TestDatabase {
    pub(crate) fn url(&self) -> String {
        let Server { address, options, .. } = &self.server;
        format!("{address}/{}?{options}", self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.server.run(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
