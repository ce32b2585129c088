//! What a server can do to its clients is the database's fault and no record's, and passes.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use orderly_harness::{Postgres, need, parts};
use orderly_sdk::consume::{Decision, Failure};
use orderly_stores::{Database, Outbox, StoreError, outbox};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{add_effect, at_once, effects, prepare_effects, record};

#[tokio::test]
async fn a_locked_table_is_unavailable_until_it_is_let_go() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "lock_timeout=200");
    prepare_effects(&db).await;
    let mut holder = db.begin().await.unwrap();
    holder.execute("LOCK TABLE effects IN ACCESS EXCLUSIVE MODE", &[]).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    let insert = "INSERT INTO effects (what) VALUES ('a')";
    assert_unavailable(tx.execute(insert, &[]).await.unwrap_err());
    // Also where the handler didn't look at the error.
    assert_unavailable(tx.commit().await.unwrap_err());
    assert_unavailable(db.query("SELECT what FROM effects", &[]).await.unwrap_err());

    holder.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "let go").await;
    tx.commit().await.unwrap();
    assert_eq!(effects(&db).await, ["let go"]);
}

#[tokio::test]
async fn a_slow_statement_is_unavailable_and_so_is_a_deadlock() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "statement_timeout=200");
    assert_unavailable(db.query("SELECT pg_sleep(60)", &[]).await.unwrap_err());

    let db = open(place.url(), "");
    prepare_effects(&db).await;
    let (mut one, mut other) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let lock = |key: i32| format!("SELECT pg_advisory_xact_lock({key})");
    one.query(&lock(1), &[]).await.unwrap();
    other.query(&lock(2), &[]).await.unwrap();
    let (second, first) = (lock(2), lock(1));
    let (of_one, of_other) = tokio::join!(one.query(&second, &[]), other.query(&first, &[]));
    let errors: Vec<_> = [of_one, of_other].into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    errors.into_iter().for_each(assert_unavailable);
}

#[tokio::test]
async fn a_server_that_is_killed_is_unavailable_until_it_is_back() {
    let server = need!(Postgres::start().await);
    let db = open(&server.url(), "");
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "before").await;
    tx.commit().await.unwrap();
    let (mut writing, mut committing) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    add_effect(&mut writing, "lost").await;
    add_effect(&mut committing, "lost").await;

    server.kill().await.unwrap();

    let insert = "INSERT INTO effects (what) VALUES ('lost')";
    assert_unavailable(writing.execute(insert, &[]).await.unwrap_err());
    assert_unavailable(committing.commit().await.unwrap_err());
    assert_unavailable(db.begin().await.err().unwrap());
    assert_unavailable(db.query("SELECT what FROM effects", &[]).await.unwrap_err());

    server.start_again().await.unwrap();
    assert_eq!(effects(&db).await, ["before"]);
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "after").await;
    tx.commit().await.unwrap();
    assert_eq!(effects(&db).await, ["before", "after"]);
}

#[tokio::test]
async fn a_server_that_is_stopped_for_a_while_says_so_and_goes_on() {
    let server = need!(Postgres::start().await);
    let db = open(&server.url(), "");
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "lost").await;

    server.stop().await.unwrap();

    assert_unavailable(tx.commit().await.unwrap_err());
    server.start_again().await.unwrap();
    assert!(effects(&db).await.is_empty());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_unavailable_in_time() {
    let server = need!(Postgres::start().await);
    let db = open(&server.url(), "statement_timeout=200&connect_timeout=1");
    let patient = open(&server.url(), "");
    prepare_effects(&patient).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "lost").await;

    server.pause().await.unwrap();
    let insert = "INSERT INTO effects (what) VALUES ('lost')";
    let in_call = tx.execute(insert, &[]).await.unwrap_err();
    let in_begin = db.begin().await.err().unwrap();
    let in_read = db.query("SELECT what FROM effects", &[]).await.unwrap_err();
    server.resume().await.unwrap();

    [in_call, in_begin, in_read].into_iter().for_each(assert_unavailable);
    drop(tx);
    let mut tx = patient.begin().await.unwrap();
    add_effect(&mut tx, "after").await;
    tx.commit().await.unwrap();
    assert_eq!(effects(&patient).await, ["after"]);
}

#[tokio::test]
async fn a_server_that_was_never_there_is_unavailable_and_no_password_is_shown() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let db = open(&format!("postgres://me:s3cret@{nobody}/shop"), "connect_timeout=1");

    for error in [db.begin().await.err().unwrap(), db.query("SELECT 1", &[]).await.unwrap_err()] {
        let message = error.to_string();
        assert!(message.contains(&format!("{nobody}/shop")), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
        assert_unavailable(error);
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_an_error_and_may_have_been_done() {
    let place = need!(parts::postgres().await);
    let direct = open(place.url(), "");
    prepare_effects(&direct).await;
    let line = Line::to(place.url()).await;
    let db = open(&line.url, "");
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "committed").await;

    line.cut_behind_requests();

    assert_unavailable(tx.commit().await.unwrap_err());
    let committed = async {
        while effects(&direct).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), committed).await.unwrap();
}

#[tokio::test]
async fn a_pool_in_use_is_waited_for_and_then_unavailable() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "pool_size=1&connect_timeout=1");
    let held = db.begin().await.unwrap();

    assert_unavailable(db.begin().await.err().unwrap());
    // Reads have connections of their own: who holds a transaction can always read.
    db.query("SELECT 1", &[]).await.unwrap();
    let mut waiting = pin!(db.begin());
    assert!(at_once(waiting.as_mut()).await.is_none());
    drop(held);

    waiting.await.unwrap();
}

#[tokio::test]
async fn a_connection_in_an_unknown_state_is_not_used_again() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "pool_size=1");
    let mut seen = Vec::new();
    for cancelled in [false, true, true] {
        let mut tx = db.begin().await.unwrap();
        let row = tx.query_opt("SELECT pg_backend_pid()", &[]).await.unwrap().unwrap();
        seen.push(row.get::<i32>(0).unwrap());
        if cancelled {
            let mut call = pin!(tx.query("SELECT pg_sleep(60)", &[]));
            assert!(at_once(call.as_mut()).await.is_none());
        }
    }

    // Rolled back, the first went on; the second was closed.
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[1], seen[2]);
}

/// The table was counted while it was empty and not yet vacuumed: Postgres expects no row in it.
#[tokio::test]
async fn an_outbox_that_filled_since_it_was_counted_is_relayed_as_quickly() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "statement_timeout=15000");
    outbox::prepare(&db).await.unwrap();
    let mut relay = Outbox::new(db.clone());
    let records: Vec<_> = (0..10_000).map(|n: u32| record(&n.to_string(), "1")).collect();
    let mut tx = db.begin().await.unwrap();
    tx.execute("ALTER TABLE outbox SET (autovacuum_enabled = false)", &[]).await.unwrap();
    outbox::insert(&mut tx, &records).await.unwrap();
    tx.execute("DELETE FROM outbox", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("ANALYZE outbox", &[]).await.unwrap();
    outbox::insert(&mut tx, &records).await.unwrap();
    tx.commit().await.unwrap();

    let mut relayed = 0;
    while relayed < records.len() {
        let taken = relay.take(1_000).await.unwrap();
        relay.sent(&crate::outbox::ids(&taken)).await.unwrap();
        relayed += taken.len();
    }
    assert!(relay.is_empty().await.unwrap());
}

#[tokio::test]
async fn text_that_postgres_cannot_hold_is_the_statements_fault() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "");
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();

    let insert = "INSERT INTO effects (what) VALUES ($1)";
    let error = tx.execute(insert, &["a\0b".into()]).await.unwrap_err();

    assert!(matches!(&error, StoreError::Statement { message, .. } if message.contains("NUL")));
}

#[tokio::test]
async fn errors_show_no_values() {
    let place = need!(parts::postgres().await);
    let db = open(place.url(), "");
    let table = "CREATE TABLE t (a TEXT PRIMARY KEY, b BIGINT CHECK (b > 0))";
    let mut tx = db.begin().await.unwrap();
    tx.execute(table, &[]).await.unwrap();
    tx.commit().await.unwrap();

    for sql in [
        "INSERT INTO t (a, b) SELECT $1, 1 FROM generate_series(1, 2)",
        "INSERT INTO t (a, b) VALUES ($1, 0)",
        "INSERT INTO t (a, b) VALUES ('x', CAST($1 AS TEXT)::BIGINT)",
    ] {
        let mut tx = db.begin().await.unwrap();
        let error = tx.execute(sql, &["s3cret".into()]).await.unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert_eq!(Failure::from(error).decision(), &Decision::Retry);
    }
}

fn open(url: &str, options: &str) -> Database {
    let mark = if url.contains('?') { '&' } else { '?' };
    Database::open(&format!("{url}{mark}{options}")).unwrap()
}

fn assert_unavailable(error: StoreError) {
    let message = error.to_string();
    let failure = Failure::from(error);
    assert_eq!(failure.decision(), &Decision::Unavailable("database"), "{message}");
}

/// A line to a server that can be cut.
struct Line {
    url: String,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a url with a user");
        let (server, path) = rest.split_once('/').expect("a url with a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{path}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let (server, cut) = (server.to_owned(), Arc::clone(&is_cut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&cut)));
            }
        });
        Self { url, is_cut }
    }

    /// What is asked still gets there; the first answer closes the line instead.
    fn cut_behind_requests(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: TcpStream, is_cut: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut answer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from_server.read(&mut answer).await {
        if is_cut.load(Ordering::SeqCst) || to_client.write_all(&answer[..length]).await.is_err() {
            break;
        }
    }
    asking.abort();
}
