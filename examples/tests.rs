//! Every example, as a reader runs it; and the one with most in it on real parts.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use orderly_harness::{Kafka, Postgres, Registry, need};

fn run(example: &str, environment: &[(&str, &str)]) -> Vec<String> {
    run_with(example, &[], environment, 0)
}

fn run_with(example: &str, flags: &[&str], environment: &[(&str, &str)], code: i32) -> Vec<String> {
    let mut command = Command::new(example);
    for name in ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "DATABASE_URL", "RUST_LOG"] {
        command.env_remove(name);
    }
    let output = command.args(flags).envs(environment.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn place(lines: &[String], beginning: &str) -> usize {
    lines.iter().position(|line| line.starts_with(beginning)).unwrap_or_else(|| {
        panic!("no line begins with {beginning:?}: {lines:#?}");
    })
}

#[test]
fn emit_is_told_where_the_event_lies() {
    let lines = run(env!("CARGO_BIN_EXE_01-emit"), &[]);
    assert!(lines[0].starts_with("written at cups-"), "{lines:?}");
}

#[test]
fn a_slow_table_delays_only_itself() {
    let lines = run(env!("CARGO_BIN_EXE_02-consume"), &[]);
    let at = |line| place(&lines, line);
    assert!(at("tea") < at("water"), "{lines:?}");
    assert!(at("water") < at("pour-over") && at("pour-over") < at("espresso"), "{lines:?}");
}

#[test]
fn the_refused_one_is_cut_out_and_all_others_are_added_up() {
    let lines = run(env!("CARGO_BIN_EXE_03-batch"), &[]);
    assert!(lines.last().unwrap().ends_with("29 in all"), "{lines:?}");
    assert!(lines.len() < 29, "one at a time: {lines:?}");
}

fn is_parked_and_brought_back(lines: &[String]) {
    let at = |line| place(lines, line);
    assert!(at("tea") < at("water") && at("water") < at("table-1 is parked"), "{lines:?}");
    assert!(at("table-1 is parked") < at("latte") && at("latte") < at("espresso"), "{lines:?}");
}

#[test]
fn a_parked_table_is_brought_back_in_order() {
    is_parked_and_brought_back(&run(env!("CARGO_BIN_EXE_04-park-and-redrive"), &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_table_is_brought_back_in_order_on_real_parts() {
    let (kafka, registry) = (need!(Kafka::start(1).await), need!(Registry::start().await));
    let environment =
        [("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()), ("SCHEMA_REGISTRY_URL", registry.url())];
    let lines = run(env!("CARGO_BIN_EXE_04-park-and-redrive"), &environment);
    is_parked_and_brought_back(&lines);
}

fn is_billed_once(lines: &[String]) {
    let bills: Vec<_> = lines.iter().filter(|line| line.starts_with("bill: ")).collect();
    assert_eq!(bills.len(), 4, "{lines:#?}");
    let at = |line| place(lines, line);
    assert!(at("the till is stuck") < at("bill: table-1 espresso"), "{lines:#?}");
    assert!(at("bill: table-1 latte") > at("bill: table-1 espresso"), "{lines:#?}");
}

#[test]
fn every_cup_is_billed_once() {
    is_billed_once(&run(env!("CARGO_BIN_EXE_05-exactly-once"), &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cup_is_billed_once_on_real_parts() {
    let (kafka, registry) = (need!(Kafka::start(1).await), need!(Registry::start().await));
    let environment =
        [("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()), ("SCHEMA_REGISTRY_URL", registry.url())];
    is_billed_once(&run(env!("CARGO_BIN_EXE_05-exactly-once"), &environment));
}

fn is_proved(lines: &[String]) {
    let at = |line| place(lines, line);
    let killed = at("a member of fan-out was killed after ");
    assert!(killed < lines.iter().position(|line| line.contains("became a celebrity")).unwrap());
    assert_eq!(lines.last().unwrap(), "proved", "{lines:#?}");
    let due = lines[at("  posts that they have to show")].split_whitespace().last().unwrap();
    assert!(due.parse::<u32>().unwrap() > 1_000, "{lines:#?}");
}

const SMALL: [&str; 6] = ["--users", "60", "--posts", "300", "--celebrity-at", "20"];

#[test]
fn a_feed_whose_fan_out_is_killed_shows_every_timeline_whole() {
    is_proved(&run_with(env!("CARGO_BIN_EXE_feed"), &SMALL, &[], 0));
}

#[test]
fn the_feeds_proof_finds_what_is_broken() {
    for (fault, found) in [
        ("lose-row", "  missing"),
        ("double-post", "  shown twice"),
        ("swap-posts", "  behind an older one of the same author"),
    ] {
        let flags = [&SMALL[..], &["--fault", fault]].concat();
        let lines = run_with(env!("CARGO_BIN_EXE_feed"), &flags, &[], 1);
        assert_eq!(lines.last().unwrap(), "VIOLATED", "{fault}: {lines:#?}");
        let line = &lines[place(&lines, found)];
        let count = line.split_whitespace().last().unwrap();
        assert!(count.parse::<u32>().unwrap() > 0, "{fault}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_on_real_parts_shows_every_timeline_whole() {
    let (kafka, registry) = (need!(Kafka::start(1).await), need!(Registry::start().await));
    let postgres = need!(Postgres::start().await);
    let database = postgres.url();
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()),
        ("SCHEMA_REGISTRY_URL", registry.url()),
        ("DATABASE_URL", &database),
    ];
    // The second finds what the first left.
    for _ in 0..2 {
        is_proved(&run_with(env!("CARGO_BIN_EXE_feed"), &SMALL, &environment, 0));
    }
}
