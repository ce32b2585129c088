use std::process::Command;
use std::time::Duration;

use orderly_harness::{Postgres, Way, need, parts};
use tokio_postgres::{Client, NoTls};

use crate::eventually::eventually;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn answers(client: &Client) -> bool {
    tokio::time::timeout(Duration::from_secs(2), client.simple_query("SELECT 1"))
        .await
        .is_ok_and(|a| a.is_ok())
}

async fn count(url: &str) -> i64 {
    connect(url).await.query_one("SELECT count(*) FROM kept", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn postgres_killed_and_started_again_has_what_was_committed() {
    let postgres = need!(Postgres::start().await);
    let client = connect(&postgres.url()).await;
    client
        .batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)")
        .await
        .unwrap();
    postgres.kill().await.unwrap();
    assert!(!answers(&client).await, "its backends are gone too");
    postgres.start_again().await.unwrap();
    assert_eq!(count(&postgres.url()).await, 2);
    postgres.stop().await.unwrap();
    assert!(tokio_postgres::connect(&postgres.url(), NoTls).await.is_err());
    postgres.start_again().await.unwrap();
    assert_eq!(count(&postgres.url()).await, 2);
}

#[tokio::test]
async fn paused_postgres_keeps_its_connections_and_answers_when_it_is_resumed() {
    let postgres = need!(Postgres::start().await);
    let client = connect(&postgres.url()).await;
    assert!(answers(&client).await);
    postgres.pause().await.unwrap();
    assert!(!answers(&client).await);
    postgres.resume().await.unwrap();
    eventually("the same connection answers", async || answers(&client).await).await;
    postgres.pause().await.unwrap();
    postgres.kill().await.unwrap();
    assert!(postgres.pid().is_err());
}

#[tokio::test]
async fn settings_and_passwords_are_the_servers_own() {
    let postgres = need!(Postgres::start_with(&[("max_connections", "7")]).await);
    let set = connect(&postgres.url()).await.query_one("SHOW max_connections", &[]).await.unwrap();
    assert_eq!(set.get::<_, String>(0), "7");
    assert!(
        tokio_postgres::connect(&postgres.open_url(), NoTls).await.is_err(),
        "no password, no entry"
    );
    assert_eq!(std::fs::read_to_string(postgres.password_file()).unwrap(), postgres.password());
    assert!(!format!("{postgres:?}").contains(postgres.password()));
}

#[tokio::test]
async fn each_test_is_given_a_fresh_database_that_is_dropped_with_it() {
    let (one, other) = (need!(parts::postgres().await), need!(parts::postgres().await));
    let client = connect(one.url()).await;
    client.batch_execute("CREATE TABLE kept (n int)").await.unwrap();
    let seen = connect(other.url()).await;
    let tables = seen.query("SELECT FROM pg_tables WHERE tablename = 'kept'", &[]).await.unwrap();
    assert!(tables.is_empty(), "the other test's table");
    let name = one.name().to_owned();
    drop(one); // though a client is on it
    let left = seen.query("SELECT FROM pg_database WHERE datname = $1", &[&name]).await.unwrap();
    assert!(left.is_empty(), "{name} is left");
}

/// The test above, in a process that could start nothing.
#[tokio::test]
async fn a_server_that_the_environment_names_is_used_before_any_other() {
    let postgres = need!(Postgres::start().await);
    let nothing = tempfile::tempdir().unwrap();
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "postgres::each_test_is_given_a_fresh_database_that_is_dropped_with_it"]);
    test.env("PATH", nothing.path()).env("ORDERLY_HARNESS_CACHE", nothing.path());
    test.env("ORDERLY_TEST_DATABASE", postgres.url()).env("ORDERLY_REQUIRE_SERVICES", "1");
    let ran = test.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}

#[tokio::test]
async fn postgres_of_root_runs_as_another_user() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not run: postgres_of_root_runs_as_another_user: this user isn't root");
        return;
    }
    let postgres = need!(Postgres::start_by(Way::Process).await);
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", postgres.pid().unwrap())).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert_ne!(uid.split_whitespace().next(), Some("0"));
}
