//! The commands, one file each; and their exit codes: 0 fine, 1 a violation or a refusal, 2 usage,
//! 3 something can't be reached.

mod api_key;
mod apply;
mod demo;
mod dlq;
mod import;
mod print;
mod replay;
mod run;
mod stock;
mod up;
mod validate;

use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_schemas::every_schema;
use orderly_sdk::{
    away,
    topics::{Topics, TopicsError},
};

use crate::{
    args::{Args, Command},
    platform::chain,
};

/// Runs what was asked for.
pub async fn run(args: Args, metrics: PrometheusHandle) -> ExitCode {
    let Args { command, output, topics: file } = args;
    let done = match command {
        Command::ApiKey(api_key) => api_key::run(&api_key.command, output),
        Command::Validate(validate) => validate::run(&validate, output, file.as_deref()),
        Command::Apply(apply) => match checked_topics(file.as_deref()) {
            Ok(topics) => apply::run(apply, output, &topics).await,
            Err(error) => Err(Refused::violation(&error)),
        },
        Command::Dlq(dlq) => dlq::run(dlq, output).await,
        Command::Replay(replay) => replay::run(replay, output).await,
        Command::Stock(stock) => stock::run(stock, output).await,
        Command::Import(import) => import::run(import, output).await,
        Command::Run(service) => match checked_topics(file.as_deref()) {
            Ok(topics) => run::run(service, output, topics, metrics).await,
            Err(error) => Err(Refused::violation(&error)),
        },
        Command::Demo(demo) => match checked_topics(file.as_deref()) {
            Ok(topics) => demo::run(demo, output, topics, metrics).await,
            Err(error) => Err(Refused::violation(&error)),
        },
        Command::Up(up) => match checked_topics(file.as_deref()) {
            Ok(topics) => up::run(up, output, topics, metrics).await,
            Err(error) => Err(Refused::violation(&error)),
        },
    };
    match done {
        Ok(code) => code,
        Err(Refused { code, message }) => {
            eprintln!("orderly: {message}");
            ExitCode::from(code)
        }
    }
}

/// Why a command didn't do what was asked.
pub(crate) struct Refused {
    code: u8,
    message: String,
}

impl Refused {
    pub(crate) fn violation(error: &dyn std::error::Error) -> Self {
        Self { code: 1, message: chain(error) }
    }

    pub(crate) fn because(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// By what the error is: a part that is away, else a refusal.
    pub(crate) fn by(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { code: if away(error).is_some() { 3 } else { 1 }, message: chain(error) }
    }
}

/// The topics, if they go with the events that are built in.
fn checked_topics(named: Option<&std::path::Path>) -> Result<Topics, TopicsError> {
    let topics = topics(named)?;
    let events: Vec<_> = every_schema().iter().map(|schema| (schema.event, schema.topic)).collect();
    topics.check(&events)?;
    Ok(topics)
}

/// The topics of the file that was named; else the one here; else the one that was built in.
pub fn topics(named: Option<&std::path::Path>) -> Result<Topics, TopicsError> {
    let here = std::path::Path::new("topics.yaml");
    match named {
        Some(file) => Topics::load(file),
        None if here.exists() => Topics::load(here),
        None => Topics::parse(include_str!("../../../topics.yaml"), "(built-in) topics.yaml"),
    }
}
