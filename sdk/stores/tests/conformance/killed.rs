//! kill -9 in the middle of transactions: each is whole or not there.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use orderly_stores::{Database, Outbox, outbox};

use crate::{Place, add_effect, effects, prepare_effects, record};

/// Where the child finds its database.
const CHILD_DATABASE: &str = "ORDERLY_TEST_KILLED_CHILD_DATABASE";
/// The transaction in whose middle it is killed.
const KILLED_IN: usize = 20;

pub(crate) async fn a_killed_process_leaves_whole_transactions(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    outbox::prepare(&db).await.unwrap();

    let url = place.url.clone();
    let killing = tokio::task::spawn_blocking(move || kill_child_in_transaction(&url));
    let committed = killing.await.unwrap();

    // A commit whose word was still on its way may be there too; the one in the middle may not.
    let effects = effects(&db).await;
    assert_eq!(committed, KILLED_IN);
    assert_eq!(effects.len(), KILLED_IN, "{effects:?}");
    let emitted = Outbox::new(db.clone()).look(1000).await.unwrap();
    let emitted: Vec<_> = emitted.into_iter().map(|(_, record)| record).collect();
    assert_eq!(emitted, effects.iter().map(|effect| record("k", effect)).collect::<Vec<_>>());
    // Its lock went with it.
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "after").await;
    tx.commit().await.unwrap();
}

/// What the child does: commits transactions, saying so, and stays in the middle of one.
pub(crate) async fn run_as_child() {
    let Ok(url) = env::var(CHILD_DATABASE) else { return };
    let db = Database::open(&url).unwrap();
    for number in 0..=KILLED_IN {
        let mut tx = db.begin().await.unwrap();
        add_effect(&mut tx, &number.to_string()).await;
        outbox::insert(&mut tx, &[record("k", &number.to_string())]).await.unwrap();
        if number == KILLED_IN {
            println!("\nin the middle");
            std::future::pending::<()>().await;
        }
        tx.commit().await.unwrap();
        println!("\ncommitted");
    }
}

/// How many commits the child told of before it was killed.
fn kill_child_in_transaction(url: &str) -> usize {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed_child", "--nocapture"])
        .env(CHILD_DATABASE, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut committed = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        match line.unwrap().as_str() {
            "committed" => committed += 1,
            "in the middle" => break,
            _ => {}
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success(), "the child ended by itself: {status}");
    committed
}
