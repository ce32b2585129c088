//! The suite on SQLite.

use crate::Place;

pub(crate) fn here() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    Place { url, _ground: Box::new(dir) }
}

async fn place(_test: &str) -> Option<Place> {
    Some(here())
}

conforms!(crate::on_sqlite::place);
