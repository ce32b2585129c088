//! Who asks: callers known by API keys, of which a file keeps the hashes.
//!
//! ```yaml
//! - caller: shop-1
//!   key_sha256: [5f4d…, 9a0c…]      # several live at once, so that a key can be replaced
//!   rate: { per_second: 50, burst: 100 }
//! - caller: backoffice
//!   role: operator                  # reads what others placed
//!   key_sha256: [77b1…]
//! ```
//!
//! A key is 32 random bytes, so its SHA-256 needs no salt and no slow hash: there is nothing to
//! guess, and no table of likely keys. A key that comes with a request is hashed and looked up by
//! that. How long this takes depends on the hash alone, which nobody can steer towards another's,
//! and to know a hash is not to know the key: so it tells no more than a comparison in constant
//! time would.
//!
//! The file is read again every few seconds. What it says then holds from the next request on: a
//! hash that is gone is a key that is revoked. A file that can't be used changes nothing, and the
//! log says so.

mod bucket;
mod caller;
mod file;
mod given;
mod new_key;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Kind, Problem, events};

pub(crate) use self::given::X_API_KEY;
use self::{bucket::Bucket, given::Given};
pub use self::{
    caller::{ANONYMOUS, Caller},
    file::{KeysError, must_be_name},
    new_key::NewKey,
};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A SHA-256.
type Hash = [u8; 32];

/// The callers that a service knows. Cheap to clone; clones know the same.
#[derive(Clone)]
pub struct ApiKeys(Arc<Source>);

enum Source {
    /// Everybody is let in.
    Anyone(Caller),
    File {
        path: PathBuf,
        known: ArcSwap<Known>,
        last: Mutex<Last>,
    },
}

/// What was found the last time, so that a file which can't be used is told of once.
#[derive(PartialEq, Eq)]
enum Last {
    Read(Hash),
    Unreadable(String),
}

/// By the hashes of their keys.
struct Known(HashMap<Hash, Arc<Owner>>);

/// A caller, and how much of their rate is left.
struct Owner {
    caller: Caller,
    bucket: Option<Arc<Bucket>>,
}

/// Why a request isn't let in.
pub(crate) enum Refusal {
    /// The headers can't be understood.
    Unclear(Problem),
    /// No key, or none that is known.
    Unknown { is_given: bool },
    /// The caller has to wait.
    TooMany { caller: Caller, wait: Duration },
}

impl ApiKeys {
    /// Without keys: everybody is `anonymous`, sees everything and may ask as often as they like.
    pub fn anonymous() -> Self {
        Self(Arc::new(Source::Anyone(Caller::anonymous())))
    }

    /// Those of a file. [`follow_until`](Self::follow_until) takes up what is changed there.
    pub fn load(path: &Path) -> Result<Self, KeysError> {
        let text = file::read(path)?;
        let known = Known::of(file::parse(&text, path)?, None);
        events::keys_read(path, known.len());
        warn_if_open(path);
        Ok(Self(Arc::new(Source::File {
            path: path.to_owned(),
            known: ArcSwap::from_pointee(known),
            last: Mutex::new(Last::Read(new_key::hash(text.as_bytes()))),
        })))
    }

    /// Whether everybody is let in.
    pub fn is_anonymous(&self) -> bool {
        matches!(&*self.0, Source::Anyone(_))
    }

    /// Looks at the file every 5 s until `shutdown`.
    pub async fn follow_until(self, shutdown: CancellationToken) {
        if self.is_anonymous() {
            return;
        }
        while shutdown.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            let keys = self.clone();
            // It may lie on a disk that is slow. A panic there is the next look's matter.
            let _ = tokio::task::spawn_blocking(move || keys.look_again()).await;
        }
    }

    /// Looks at the file now and takes up what is changed. `Err`: it can't be used, and what was
    /// known before still is; this is logged once.
    pub fn look_again(&self) -> Result<(), KeysError> {
        let Source::File { path, known, last } = &*self.0 else { return Ok(()) };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match file::read(path) {
            Ok(text) => text,
            Err(error) => {
                let found = Last::Unreadable(error.to_string());
                if *last != found {
                    events::keys_refused(&error);
                    *last = found;
                }
                return Err(error);
            }
        };
        let found = Last::Read(new_key::hash(text.as_bytes()));
        let is_new = *last != found;
        let entries = match file::parse(&text, path) {
            Ok(entries) => entries,
            Err(error) => {
                if is_new {
                    events::keys_refused(&error);
                    *last = found;
                }
                return Err(error);
            }
        };
        if is_new {
            let now = Known::of(entries, Some(&known.load()));
            events::keys_read(path, now.len());
            warn_if_open(path);
            known.store(Arc::new(now));
            *last = found;
        }
        Ok(())
    }

    /// Who asks, with a request of their rate taken.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let known = match &*self.0 {
            Source::Anyone(caller) => return Ok(caller.clone()),
            Source::File { known, .. } => known.load(),
        };
        let given = given::key(headers).map_err(|why| {
            Refusal::Unclear(
                Problem::new(Kind::InvalidRequest, "The API key is unclear.").at(why.0, why.1),
            )
        })?;
        let owner = match given {
            Given::Nothing => return Err(Refusal::Unknown { is_given: false }),
            Given::Key(key) => known.0.get(&new_key::hash(key)),
        };
        let owner = owner.ok_or(Refusal::Unknown { is_given: true })?;
        match owner.bucket.as_ref().map_or(Ok(()), |bucket| bucket.take()) {
            Ok(()) => Ok(owner.caller.clone()),
            Err(wait) => Err(Refusal::TooMany { caller: owner.caller.clone(), wait }),
        }
    }
}

impl Known {
    /// A caller whose rate stays the same keeps what is left of it.
    fn of(entries: Vec<file::Entry>, before: Option<&Self>) -> Self {
        let mut buckets = HashMap::new();
        for owner in before.iter().flat_map(|before| before.0.values()) {
            if let Some(bucket) = &owner.bucket {
                buckets.insert(owner.caller.as_str(), bucket);
            }
        }
        let mut known = HashMap::new();
        for file::Entry { caller, hashes, rate } in entries {
            let bucket = rate.map(|rate| match buckets.get(caller.as_str()) {
                Some(bucket) if bucket.rate() == rate => Arc::clone(bucket),
                _ => Arc::new(Bucket::full(rate)),
            });
            let owner = Arc::new(Owner { caller, bucket });
            known.extend(hashes.into_iter().map(|hash| (hash, Arc::clone(&owner))));
        }
        Self(known)
    }

    /// How many keys there are.
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Source::Anyone(_) => f.write_str("ApiKeys(anonymous)"),
            Source::File { path, .. } => write!(f, "ApiKeys({})", path.display()),
        }
    }
}

fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
            events::keys_open_to_others(path);
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    struct Callers {
        file: tempfile::NamedTempFile,
        keys: ApiKeys,
    }

    impl Callers {
        fn of(text: &str) -> Self {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), text).unwrap();
            let keys = ApiKeys::load(file.path()).unwrap();
            Self { file, keys }
        }

        fn rewrite(&self, text: &str) -> Result<(), KeysError> {
            fs::write(self.file.path(), text).unwrap();
            self.keys.look_again()
        }

        /// Who is let in with a key; `Err`: the status.
        fn ask(&self, key: &NewKey) -> Result<String, u16> {
            let mut headers = HeaderMap::new();
            headers.insert(X_API_KEY, key.reveal().parse().unwrap());
            match self.keys.admit(&headers) {
                Ok(caller) => Ok(caller.as_str().to_owned()),
                Err(Refusal::Unclear(_)) => Err(400),
                Err(Refusal::Unknown { .. }) => Err(401),
                Err(Refusal::TooMany { .. }) => Err(429),
            }
        }
    }

    fn key() -> NewKey {
        NewKey::random().unwrap()
    }

    #[test]
    fn two_keys_live_at_once_and_one_that_is_taken_away_is_revoked() {
        let (old, new) = (key(), key());
        let both = format!("[{}, {}]", old.sha256(), new.sha256());
        let callers = Callers::of(&format!("- {{ caller: a, key_sha256: {both} }}"));
        assert_eq!(callers.ask(&old).as_deref(), Ok("a"));
        assert_eq!(callers.ask(&new).as_deref(), Ok("a"));
        assert_eq!(callers.ask(&key()), Err(401));

        let one = format!("- {{ caller: a, key_sha256: [{}] }}", new.sha256());
        callers.rewrite(&one).unwrap();
        assert_eq!(callers.ask(&old), Err(401));
        assert_eq!(callers.ask(&new).as_deref(), Ok("a"));
    }

    #[test]
    fn a_file_that_cannot_be_used_changes_nothing_until_it_is_mended() {
        let (one, two) = (key(), key());
        let good = format!("- {{ caller: a, key_sha256: [{}] }}", one.sha256());
        let callers = Callers::of(&good);
        for bad in ["", "- caller: a\n  keys: []\n", "- {"] {
            callers.rewrite(bad).unwrap_err();
            callers.keys.look_again().unwrap_err();
            assert_eq!(callers.ask(&one).as_deref(), Ok("a"));
        }
        fs::remove_file(callers.file.path()).unwrap();
        callers.keys.look_again().unwrap_err();
        assert_eq!(callers.ask(&one).as_deref(), Ok("a"));

        let more = format!("{good}\n- {{ caller: b, key_sha256: [{}] }}", two.sha256());
        callers.rewrite(&more).unwrap();
        assert_eq!(callers.ask(&two).as_deref(), Ok("b"));
        callers.rewrite(&good).unwrap();
        assert_eq!(callers.ask(&two), Err(401));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_the_callers_whichever_key_they_use_and_a_reload_does_not_fill_it() {
        let (one, two, other) = (key(), key(), key());
        let text = format!(
            "- caller: a\n  key_sha256: [{}, {}]\n  rate: {{ per_second: 1, burst: 2 }}\n\
             - caller: b\n  key_sha256: [{}]\n",
            one.sha256(),
            two.sha256(),
            other.sha256()
        );
        let callers = Callers::of(&text);
        assert_eq!(callers.ask(&one).as_deref(), Ok("a"));
        assert_eq!(callers.ask(&two).as_deref(), Ok("a"));
        assert_eq!(callers.ask(&one), Err(429));
        callers.rewrite(&format!("{text}# the same\n")).unwrap();
        assert_eq!(callers.ask(&two), Err(429));
        assert_eq!(callers.ask(&other).as_deref(), Ok("b"));

        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(callers.ask(&two).as_deref(), Ok("a"));
        assert_eq!(callers.ask(&one), Err(429));
    }

    #[test]
    fn nothing_that_is_shown_has_a_key_or_its_hash() {
        let key = key();
        let callers = Callers::of(&format!("- {{ caller: a, key_sha256: [{}] }}", key.sha256()));
        let shown = format!("{:?} {:?}", callers.keys, key);
        assert!(!shown.contains(key.reveal()) && !shown.contains(&key.sha256()), "{shown}");
    }

    #[test]
    fn without_keys_everybody_is_anonymous_and_sees_everything() {
        let caller = ApiKeys::anonymous().admit(&HeaderMap::new()).ok().unwrap();
        assert_eq!((caller.as_str(), caller.owner()), (ANONYMOUS, None));
        assert_eq!(caller.sees_only(), None);
        assert!(caller.is_operator());
    }
}
