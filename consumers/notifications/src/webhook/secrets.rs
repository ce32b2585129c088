//! The file of secrets: a line for each caller, `caller whsec_… [whsec_…]`, the newest first; all of a
//! line sign, so that a receiver can change from one to the next. `anonymous` is everybody who needs no
//! key. Empty lines and those that begin with `#` say nothing.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::sign::Secret;

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// Bytes that it may have.
const LONGEST: u64 = 4 << 20;
/// Secrets of one caller.
const MOST: usize = 8;
const ANONYMOUS: &str = "anonymous";

/// Who signs with what. Read again when the file changes. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    file: Option<Arc<Path>>,
    known: Arc<RwLock<Known>>,
}

struct Known {
    of: HashMap<String, Arc<[Secret]>>,
    read_at: Option<SystemTime>,
}

/// Why the file can't be used. Never quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// It can't be read.
    #[error("the file of webhook secrets {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// A line says nothing of use.
    #[error("the webhook secrets' line {0}: {1}")]
    Line(usize, &'static str),
}

impl Secrets {
    /// From a file, which is read again when it changes.
    pub fn load(file: &Path) -> Result<Self, SecretsError> {
        let known = read_file(file)?;
        Ok(Self { file: Some(file.into()), known: Arc::new(RwLock::new(known)) })
    }

    /// From a text as the file has it.
    pub fn of(text: &str) -> Result<Self, SecretsError> {
        let known = Known { of: read(text)?, read_at: None };
        Ok(Self { file: None, known: Arc::new(RwLock::new(known)) })
    }

    /// A caller's, the newest first; `None`: there is none.
    pub(crate) fn of_caller(&self, caller: Option<&str>) -> Option<Arc<[Secret]>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.of.get(caller.unwrap_or(ANONYMOUS)).map(Arc::clone)
    }

    /// Reads the file again whenever it has changed. One that can't be used changes nothing.
    pub(crate) async fn follow_until(self, shutdown: CancellationToken) {
        let Some(file) = self.file.clone() else { return };
        let mut refused = None;
        while shutdown.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
            let changed_at = fs::metadata(&file).and_then(|data| data.modified()).ok();
            let read_at = self.known.read().unwrap_or_else(PoisonError::into_inner).read_at;
            if changed_at == read_at || changed_at == refused {
                continue;
            }
            match read_file(&file) {
                Ok(known) => {
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
                    tracing::info!("the webhook secrets were read again");
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the webhook secrets stay as they were");
                    refused = changed_at;
                }
            }
        }
    }
}

fn read_file(file: &Path) -> Result<Known, SecretsError> {
    let failed = |error| SecretsError::File(file.to_owned(), error);
    let data = fs::metadata(file).map_err(failed)?;
    if data.len() > LONGEST {
        return Err(failed(io::Error::other("it has more than 4 MiB")));
    }
    // Before it is read: what is written meanwhile is read the next time.
    let read_at = data.modified().ok();
    let text = fs::read_to_string(file).map_err(failed)?;
    Ok(Known { of: read(&text)?, read_at })
}

fn read(text: &str) -> Result<HashMap<String, Arc<[Secret]>>, SecretsError> {
    let mut of = HashMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split_whitespace();
        let Some(caller) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        let secrets: Result<Vec<_>, _> = words.map(Secret::read).collect();
        let secrets = secrets.map_err(|why| SecretsError::Line(number, why))?;
        if secrets.is_empty() {
            return Err(SecretsError::Line(number, "there is no secret behind the caller's name"));
        }
        if secrets.len() > MOST {
            return Err(SecretsError::Line(number, "it has more than 8 secrets"));
        }
        if of.insert(caller.to_owned(), secrets.into()).is_some() {
            return Err(SecretsError::Line(number, "its caller has a line already"));
        }
    }
    Ok(of)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ONE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const TWO: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn each_caller_has_a_line_and_the_newest_comes_first() {
        let text = format!("# ours\n\nweb-shop {TWO} {ONE}\nanonymous\t{ONE}\n");
        let secrets = Secrets::of(&text).unwrap();
        let of = |caller| secrets.of_caller(caller).map(|secrets| secrets.to_vec());
        let (one, two) = (Secret::read(ONE).unwrap(), Secret::read(TWO).unwrap());
        assert_eq!(of(Some("web-shop")), Some(vec![two, one.clone()]));
        assert_eq!(of(None), Some(vec![one]));
        assert_eq!(of(Some("another")), None);
    }

    #[test]
    fn a_line_that_says_nothing_of_use_is_refused_by_its_number() {
        for (text, part) in [
            ("web-shop".to_owned(), "line 1: there is no secret"),
            (format!("a {ONE}\na {TWO}"), "line 2: its caller has a line"),
            (format!("a {}", &ONE[6..]), "line 1: it doesn't begin"),
        ] {
            let why = Secrets::of(&text).unwrap_err().to_string();
            assert!(why.contains(part) && !why.contains("MfKQ"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_file_that_changed_is_read_again_and_a_bad_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secrets");
        fs::write(&file, format!("a {ONE}\n")).unwrap();
        let secrets = Secrets::load(&file).unwrap();
        let stop = CancellationToken::new();
        let following = tokio::spawn(secrets.clone().follow_until(stop.clone()));
        let until_known = async |caller: &'static str| {
            while secrets.of_caller(Some(caller)).is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        fs::write(&file, "b hunter2\n").unwrap();
        tokio::time::sleep(PERIOD * 2).await;
        assert!(secrets.of_caller(Some("a")).is_some());
        fs::write(&file, format!("a {TWO} {ONE}\nb {TWO}\n")).unwrap();
        tokio::time::timeout(Duration::from_secs(60), until_known("b")).await.unwrap();
        assert_eq!(secrets.of_caller(Some("a")).unwrap().len(), 2);
        stop.cancel();
        following.await.unwrap();
    }
}
