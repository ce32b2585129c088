//! `orderly dlq`: what a group gave up, and bringing it back.

use std::{collections::BTreeMap, process::ExitCode};

use orderly_sdk::{
    Config,
    consume::{
        DeadLetter, Parked, PassedOver, dead_letters, parked_keys, passed_over,
        request_passed_over, request_redrive,
    },
};
use serde_json::{Value, json};

use super::{Refused, print};
use crate::args::{DlqArgs, DlqCommand, Output};

/// Letters that are shown at most; more are counted.
const MOST_SHOWN: usize = 1_000;

pub(super) async fn run(args: DlqArgs, output: Output) -> Result<ExitCode, Refused> {
    let DlqArgs { command, cluster } = args;
    let config = cluster
        .or_environment()
        .map_err(|why| Refused::usage(format!("dlq reads a group's dead letters: {why}")))?;
    match command {
        DlqCommand::Ls { group } => list(&config, &group, output).await,
        DlqCommand::Show { group, key } => show(&config, &group, &key, output).await,
        DlqCommand::Redrive { group, key: Some(key), execute, .. } => {
            redrive(&config, &group, &key, execute, output).await
        }
        DlqCommand::Redrive { group, key: None, execute, .. } => {
            redrive_skipped(&config, &group, execute, output).await
        }
    }
}

async fn list(config: &Config, group: &str, output: Output) -> Result<ExitCode, Refused> {
    let parked = parked_keys(config, group).await.map_err(|e| Refused::by(&e))?;
    let mut skipped = BTreeMap::<(String, String), u64>::new();
    let (mut letters, mut done) = (0_u64, 0_u64);
    let count = |letter: DeadLetter| {
        letters += 1;
        done += u64::from(letter.is_done);
        if !letter.is_parked && !letter.is_done {
            let what = (letter.source.partition.topic.to_string(), letter.error);
            *skipped.entry(what).or_default() += 1;
        }
    };
    dead_letters(config, group, count).await.map_err(|e| Refused::by(&e))?;
    match output {
        Output::Json => {
            let parked: Vec<Value> = parked.iter().map(as_json).collect();
            let skipped: Vec<Value> = skipped
                .iter()
                .map(|((topic, error), count)| {
                    json!({ "topic": topic, "error": error, "letters": count })
                })
                .collect();
            print::line(json!({
                "parked": parked, "skipped": skipped, "letters": letters, "done": done,
            }));
        }
        Output::Table => {
            let mut table =
                print::table(["partition", "parked key", "from", "laps", "state", "why"]);
            for Parked { at, key, next, laps, is_redriving, error } in &parked {
                let state = if *is_redriving { "redriving" } else { "parked" };
                table.add_row([
                    at.to_string(),
                    text(key),
                    next.to_string(),
                    laps.to_string(),
                    state.to_owned(),
                    error.clone(),
                ]);
            }
            if !parked.is_empty() {
                print::line(table.to_string());
            }
            for ((topic, error), count) in &skipped {
                print::line(format!("skipped in {topic}: {count} ({error})"));
            }
            print::line(format!(
                "{} keys parked; {letters} dead letters, of which a redrive has done {done}",
                parked.len()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(
    config: &Config,
    group: &str,
    key: &str,
    output: Output,
) -> Result<ExitCode, Refused> {
    let (mut found, mut more) = (Vec::new(), 0_u64);
    let keep = |letter: DeadLetter| {
        if letter.record.key() == Some(key.as_bytes()) {
            if found.len() < MOST_SHOWN {
                found.push(letter);
            } else {
                more += 1;
            }
        }
    };
    dead_letters(config, group, keep).await.map_err(|e| Refused::by(&e))?;
    if found.is_empty() {
        return Err(Refused::because(format!("group {group} has no dead letter of key {key}")));
    }
    match output {
        Output::Json => {
            for letter in &found {
                print::line(json!({
                    "at": letter.at.to_string(),
                    "source": letter.source.to_string(),
                    "type": letter.record.header_str("ce_type"),
                    "event": letter.record.header_str("ce_id"),
                    "attempts": letter.attempts,
                    "parked": letter.is_parked,
                    "done": letter.is_done,
                    "error": letter.error,
                }));
            }
        }
        Output::Table => {
            let mut table = print::table(["source", "type", "event", "attempts", "state", "why"]);
            for letter in &found {
                let header = |name| letter.record.header_str(name).unwrap_or("").to_owned();
                table.add_row([
                    letter.source.to_string(),
                    header("ce_type"),
                    header("ce_id"),
                    letter.attempts.to_string(),
                    state(letter).to_owned(),
                    letter.error.clone(),
                ]);
            }
            print::line(table.to_string());
            if more > 0 {
                print::line(format!("and {more} more"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn redrive(
    config: &Config,
    group: &str,
    key: &str,
    execute: bool,
    output: Output,
) -> Result<ExitCode, Refused> {
    let parked = parked_keys(config, group).await.map_err(|e| Refused::by(&e))?;
    let wanted: Vec<Parked> =
        parked.into_iter().filter(|parked| parked.key == key.as_bytes()).collect();
    if wanted.is_empty() {
        return Err(Refused::because(format!(
            "group {group} hasn't parked key {key}; `orderly dlq ls {group}` lists those it has"
        )));
    }
    for parked in &wanted {
        if execute {
            request_redrive(config, group, parked).await.map_err(|e| Refused::by(&e))?;
        }
        match output {
            Output::Json => {
                let mut json = as_json(parked);
                json["asked"] = execute.into();
                print::line(json);
            }
            Output::Table if execute => print::line(format!(
                "{key} on {}: asked; its owner begins at offset {}",
                parked.at, parked.next
            )),
            Output::Table => print::line(format!(
                "{key} on {}: would be redriven from offset {} on; --execute does it",
                parked.at, parked.next
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn redrive_skipped(
    config: &Config,
    group: &str,
    execute: bool,
    output: Output,
) -> Result<ExitCode, Refused> {
    let passed = passed_over(config, group).await.map_err(|e| Refused::by(&e))?;
    if passed.is_empty() {
        return Err(Refused::because(format!(
            "group {group} has skipped nothing that a redrive hasn't done since"
        )));
    }
    for PassedOver { at, letters, is_redriving } in &passed {
        if execute {
            request_passed_over(config, group, at).await.map_err(|e| Refused::by(&e))?;
        }
        match output {
            Output::Json => print::line(json!({
                "topic": at.topic.to_string(), "partition": at.partition, "skipped": letters,
                "redriving": is_redriving, "asked": execute,
            })),
            Output::Table if execute => {
                print::line(format!("{letters} skipped of {at}: asked, of its owner"));
            }
            Output::Table => print::line(format!(
                "{letters} skipped of {at}: would be redriven, in no order; --execute does it"
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn state(letter: &DeadLetter) -> &'static str {
    match letter {
        DeadLetter { is_done: true, .. } => "done",
        DeadLetter { is_parked: true, .. } => "parked",
        _ => "skipped",
    }
}

fn as_json(parked: &Parked) -> Value {
    let Parked { at, key, next, laps, is_redriving, error } = parked;
    json!({
        "topic": at.topic.to_string(), "partition": at.partition, "key": text(key),
        "next": next, "laps": laps, "redriving": is_redriving, "error": error,
    })
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
