//! Whether topics keep what an import is about to write: a record stamped 2010, in a topic that
//! keeps a week, is gone at the next retention check.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use importer::{Format, OpenError};
use orderly_sdk::{
    Config,
    kafka::{Admin, KafkaError},
    topics::Retention,
};

/// Asks the broker how long it keeps each of `topics`, and refuses where that is shorter than the
/// age of the oldest document in `path`. Reads the file only where some topic doesn't keep for ever.
pub async fn check_retention(
    config: &Config,
    topics: &[&str],
    path: PathBuf,
    format: Format,
) -> Result<(), RetentionError> {
    let kept = match Admin::new(config)?.describe(topics).await {
        Ok(kept) => kept,
        // Nothing goes there by age.
        Err(KafkaError::Unsupported { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let shortest = kept
        .into_iter()
        .filter_map(|(topic, state)| match state.retention() {
            Retention::For(time) => Some((topic, time)),
            Retention::Forever => None,
        })
        .min_by_key(|(_, time)| *time);
    let Some((topic, retention)) = shortest else { return Ok(()) };
    let shown = Retention::For(retention);
    if !path.is_file() && !path.is_dir() {
        return Err(RetentionError::ReadOnce { topic, retention: shown, path });
    }
    let from = path.clone();
    let reading = tokio::task::spawn_blocking(move || oldest(&from, format)).await;
    let oldest = reading.map_err(|e| RetentionError::Reader(e.to_string()))??;
    match oldest {
        Some(oldest) if age(oldest) >= retention => {
            let (retention, oldest) = (shown, oldest.date_naive().to_string());
            Err(RetentionError::TooShort { topic, retention, path, oldest })
        }
        _ => Ok(()),
    }
}

fn oldest(path: &Path, format: Format) -> Result<Option<DateTime<Utc>>, OpenError> {
    Ok(importer::open(path, format)?.oldest()?)
}

/// What will happen is of no age.
fn age(at: DateTime<Utc>) -> Duration {
    (Utc::now() - at).to_std().unwrap_or_default()
}

/// Why nothing was emitted.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The cluster.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The file.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is imported wouldn't stay.
    #[error(
        "nothing was imported: topic `{topic}` keeps records for {retention}, and {} begins on \
         {oldest}: Kafka would remove them soon after they were written. Let the topic keep them \
         (`retention.ms=-1`), then import again", path.display()
    )]
    TooShort {
        /// The topic that keeps them shortest.
        topic: String,
        /// How long.
        retention: Retention,
        /// The file.
        path: PathBuf,
        /// When its oldest document happened.
        oldest: String,
    },
    /// It can't be read twice.
    #[error(
        "nothing was imported: topic `{topic}` keeps records for {retention}, and how old those \
         in {} are can't be looked up first, as it is no file: save it as one, or let the topic \
         keep them (`retention.ms=-1`)", path.display()
    )]
    ReadOnce {
        /// The topic that keeps them shortest.
        topic: String,
        /// How long.
        retention: Retention,
        /// The pipe.
        path: PathBuf,
    },
    /// The reader's thread.
    #[error("the reader panicked: {0}")]
    Reader(String),
}
