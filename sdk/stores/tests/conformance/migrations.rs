//! Tables are brought up to date once, by whichever member starts first.

use std::{
    env,
    process::{Command, Stdio},
};

use orderly_stores::{Database, Migration, StoreError};

use crate::{Place, effects};

const CREATE: Migration = Migration {
    name: "create",
    sql: "CREATE TABLE effects (id {id}, what TEXT NOT NULL);
          INSERT INTO effects (what) VALUES ('created');",
};
const EXTEND: Migration =
    Migration { name: "extend", sql: "INSERT INTO effects (what) VALUES ('extended')" };

pub(crate) async fn migrations_are_applied_once(place: &Place) {
    let db = place.open();
    db.migrate("shop", &[CREATE]).await.unwrap();
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();
    // Another component's steps are its own, whatever their names.
    db.migrate("till", &[EXTEND]).await.unwrap();

    assert_eq!(effects(&db).await, ["created", "extended", "extended"]);
}

pub(crate) async fn members_that_start_at_once_migrate_once(place: &Place) {
    let mut members = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = place.url.clone();
        members.spawn(async move {
            let open = tokio::task::spawn_blocking(move || Database::open(&url).unwrap());
            open.await.unwrap().migrate("shop", &[CREATE, EXTEND]).await.unwrap();
        });
    }
    members.join_all().await;

    assert_eq!(effects(&place.open()).await, ["created", "extended"]);
}

/// Where a process of its own finds its database.
const CHILD_DATABASE: &str = "ORDERLY_TEST_MIGRATING_CHILD_DATABASE";

pub(crate) async fn processes_that_start_at_once_migrate_once(place: &Place) {
    let start = |_| {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "migrating_child"])
            .env(CHILD_DATABASE, &place.url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    for mut process in processes {
        let ended = tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap();
        assert!(ended.success());
    }

    assert_eq!(effects(&place.open()).await, ["created", "extended"]);
}

/// What such a process does.
pub(crate) async fn run_as_child() {
    let Ok(url) = env::var(CHILD_DATABASE) else { return };
    let db = Database::open(&url).unwrap();
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();
}

pub(crate) async fn a_changed_migration_is_refused(place: &Place) {
    let db = place.open();
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();
    let changed = Migration { sql: "INSERT INTO effects (what) VALUES ('changed')", ..EXTEND };

    let error = db.migrate("shop", &[CREATE, changed]).await.unwrap_err();

    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
    assert!(
        error.to_string().starts_with("migration `extend` of shop: its text changed"),
        "{error}"
    );
    assert_eq!(effects(&db).await, ["created", "extended"]);
}

pub(crate) async fn a_moved_migration_is_refused(place: &Place) {
    let db = place.open();
    db.migrate("shop", &[CREATE]).await.unwrap();

    let error = db.migrate("shop", &[EXTEND, CREATE]).await.unwrap_err();

    assert!(error.to_string().contains("has `create` in its place"), "{error}");
    assert_eq!(effects(&db).await, ["created"]);
}

pub(crate) async fn a_failing_migration_leaves_nothing(place: &Place) {
    let db = place.open();
    let wrong = Migration { name: "wrong", sql: "INSERT INTO effects (nowhere) VALUES (1)" };

    let error = db.migrate("shop", &[CREATE, wrong]).await.unwrap_err();

    assert!(error.to_string().starts_with("migration `wrong` of shop: "), "{error}");
    assert!(db.query("SELECT what FROM effects", &[]).await.is_err());
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();
}

pub(crate) async fn an_older_member_lets_newer_migrations_be(place: &Place) {
    let db = place.open();
    db.migrate("shop", &[CREATE, EXTEND]).await.unwrap();

    db.migrate("shop", &[CREATE]).await.unwrap();

    assert_eq!(effects(&db).await, ["created", "extended"]);
}
