//! The suite on Postgres.

use orderly_harness::{decide, parts};

use crate::Place;

pub(crate) async fn place(test: &str) -> Option<Place> {
    let database = decide(&format!("on_postgres::{test}"), parts::postgres().await)?;
    Some(Place { url: database.url().to_owned(), _ground: Box::new(database) })
}

conforms!(crate::on_postgres::place);
