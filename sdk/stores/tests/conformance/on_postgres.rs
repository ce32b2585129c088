//! The suite on Postgres.

use crate::{Place, server::Server};

pub(crate) fn place(test: &str) -> Option<Place> {
    let server = Server::find(test)?;
    let database = server.create_database();
    Some(Place { url: database.url(), _ground: Box::new(database) })
}

conforms!(crate::on_postgres::place);
