//! The suite on SQLite.

use crate::Place;

pub(crate) fn place(_test: &str) -> Option<Place> {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    Some(Place { url, _ground: Box::new(dir) })
}

conforms!(crate::on_sqlite::place);
