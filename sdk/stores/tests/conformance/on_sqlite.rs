//! The suite on SQLite.

use crate::Place;

pub(crate) fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    Place {
        url: format!("sqlite:{}", dir.path().join("test.db").display()),
        _ground: Box::new(dir),
    }
}

conforms!(crate::on_sqlite::place);

/// The part of `a_killed_process_leaves_whole_transactions` that is killed; else nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_child() {
    crate::killed::run_as_child().await;
}
