//! What a test does where a part can't be had. The tests here run one test of this very binary in a
//! process that finds no tools.

use std::process::{Command, Output};

use orderly_harness::{Postgres, need};

#[tokio::test]
async fn asks_for_postgres() {
    let postgres = need!(Postgres::start().await);
    assert!(std::net::TcpStream::connect(postgres.address()).is_ok());
}

/// `asks_for_postgres` without PATH, a filled cache or Docker.
fn run(required: &str) -> (Output, String) {
    let nothing = tempfile::tempdir().unwrap();
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "not_run::asks_for_postgres"]).env("PATH", nothing.path());
    test.env("ORDERLY_HARNESS_CACHE", nothing.path()).env("ORDERLY_REQUIRE_SERVICES", required);
    test.env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .env_remove("JAVA_HOME")
        .env_remove("ORDERLY_TEST_DATABASE");
    let ran = test.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    (ran, said)
}

#[test]
fn a_test_without_its_part_says_so_by_name_and_passes() {
    let (ran, said) = run("");
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    assert!(said.contains("not run: parts::not_run::asks_for_postgres: postgres: "), "{said}");
    assert!(said.contains(" missing"), "it says what is missing: {said}");
    assert!(said.contains("Docker: no engine"), "{said}");
}

#[test]
fn a_test_whose_part_is_required_fails_without_it() {
    let (ran, said) = run("1");
    assert!(!ran.status.success() && said.contains("1 failed"), "{said}");
    assert!(said.contains("not run: parts::not_run::asks_for_postgres: postgres: "), "{said}");
}

#[test]
fn two_processes_fill_one_cache_at_once() {
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let cache = tempfile::Builder::new().permissions(passable).tempdir().unwrap();
    let test = || {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "not_run::asks_for_postgres"])
            .env("ORDERLY_HARNESS_CACHE", cache.path());
        test.stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [test(), test()].map(|test| test.wait_with_output().unwrap());
    let mut not_run = false;
    for ran in &both {
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        assert!(ran.status.success(), "{said}");
        not_run |= said.contains("not run: ");
    }
    let kept: Vec<String> = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "ports" && !name.ends_with(".lock"))
        .collect();
    assert!(not_run || (kept.len() == 1 && kept[0].starts_with("postgres-")), "{kept:?}");
}
