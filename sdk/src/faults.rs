//! Bugs and crashes on purpose, so that tests see the proof find them. All of it is behind the
//! feature `faults`, which nothing turns on by default: without it every function here is empty,
//! reads no environment, and is compiled to nothing.
//!
//! With it, `ORDERLY_PLANTED=<bug>` plants one of [`COMMIT_BEFORE_EFFECT`], [`INBOX_OFF`],
//! [`NEW_ID_AT_RETRY`], [`ONE_ACK`], [`PRODUCER_REUSED`], [`NO_SEEK_AFTER_ABORT`], [`OFFSETS_OUTSIDE`],
//! [`OLD_METADATA`]; `ORDERLY_FAULT_POINT=<point>:<n>` ends the process at its n-th
//! pass of a point as kill -9 would, once: the file `fault` that it leaves in the working directory
//! disarms it.

/// Between a record's effect and its offset.
pub const EFFECT_DONE: &str = "effect-done";
/// Between an order's acknowledgement and the answer that is kept.
pub const ORDER_ACKNOWLEDGED: &str = "order-acknowledged";

/// A record's offset is committed, then its handler runs.
pub const COMMIT_BEFORE_EFFECT: &str = "commit-before-effect";
/// An event that was done is done again.
pub const INBOX_OFF: &str = "inbox-off";
/// A request that is repeated under its key is another event.
pub const NEW_ID_AT_RETRY: &str = "new-id-at-retry";
/// After an outcome that isn't known, or a request that may be on its way twice, the same producer goes on.
pub const PRODUCER_REUSED: &str = "producer-reused";
/// After an abort the member goes on where it is.
pub const NO_SEEK_AFTER_ABORT: &str = "no-seek-after-abort";
/// Offsets are committed beside the transaction.
pub const OFFSETS_OUTSIDE: &str = "offsets-outside";
/// A transaction's offsets come with what was done beyond them one transaction ago.
pub const OLD_METADATA: &str = "old-metadata";
/// A record counts as written once its partition's leader has it.
pub const ONE_ACK: &str = "one-ack";

pub(crate) use imp::{committed, effect_done, offset_first};
pub use imp::{is_planted, point};

#[cfg(not(feature = "faults"))]
mod imp {
    use std::{fmt::Display, future::Ready};

    use crate::{kafka::Assigned, record::InRecord};

    /// Whether this bug is planted.
    #[inline(always)]
    pub const fn is_planted(_bug: &str) -> bool {
        false
    }

    /// A place where the process may end: its name, what passes it, and where.
    #[inline(always)]
    pub const fn point(_name: &str, _what: Option<&str>, _at: &dyn Display) {}

    #[inline(always)]
    pub(crate) const fn effect_done(_record: &InRecord) {}

    #[inline(always)]
    pub(crate) fn offset_first(_record: &InRecord, _done: &impl Fn(i64)) -> Ready<()> {
        std::future::ready(())
    }

    #[inline(always)]
    pub(crate) const fn committed(_offsets: &[Assigned]) {}
}

#[cfg(feature = "faults")]
mod imp {
    use std::{
        collections::HashMap,
        env,
        fmt::Display,
        fs,
        path::Path,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use tokio::sync::watch;

    use super::{COMMIT_BEFORE_EFFECT, EFFECT_DONE};
    use crate::{
        codec::headers,
        kafka::Assigned,
        record::{InRecord, TopicPartition},
    };

    /// With it in the working directory, no point ends the process any more.
    const MARK: &str = "fault";
    /// Longest that a commit is waited for.
    const PATIENCE: Duration = Duration::from_secs(30);

    static PLANTED: LazyLock<Option<String>> = LazyLock::new(|| env::var("ORDERLY_PLANTED").ok());
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(Armed::by_environment);
    static COMMITTED: LazyLock<watch::Sender<HashMap<TopicPartition, i64>>> =
        LazyLock::new(watch::Sender::default);

    /// The point where the process ends.
    struct Armed {
        name: String,
        /// Passes left until then, the last included.
        left: AtomicU64,
    }

    impl Armed {
        fn by_environment() -> Option<Self> {
            let said = env::var("ORDERLY_FAULT_POINT").ok()?;
            let (name, n) = said.rsplit_once(':')?;
            let left = AtomicU64::new(n.parse().ok()?);
            (!Path::new(MARK).exists()).then(|| Self { name: name.to_owned(), left })
        }

        fn is_due(&self, name: &str, what: Option<&str>) -> bool {
            let is_it = match self.name.split_once('/') {
                Some((armed, of)) => armed == name && what == Some(of),
                None => self.name == name,
            };
            is_it && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    /// Whether this bug is planted.
    pub fn is_planted(bug: &str) -> bool {
        PLANTED.as_deref() == Some(bug)
    }

    /// A place where the process may end: its name, what passes it, and where. To name what passes,
    /// put it behind a slash: `effect-done/orderly.OrderPlaced:20`.
    pub fn point(name: &str, what: Option<&str>, at: &dyn Display) {
        if is_due(name, what) {
            end(name, at);
        }
    }

    /// A record's effect is committed.
    pub(crate) fn effect_done(record: &InRecord) {
        // Where this is planted, the point lies before the effect.
        if !is_planted(COMMIT_BEFORE_EFFECT) {
            point(EFFECT_DONE, record.header_str(headers::TYPE), &Shown(record));
        }
    }

    /// Where [`COMMIT_BEFORE_EFFECT`] is planted, moves the offset; and if the process is to end
    /// between that and the effect, waits until the broker has it.
    pub(crate) async fn offset_first(record: &InRecord, done: &impl Fn(i64)) {
        if !is_planted(COMMIT_BEFORE_EFFECT) {
            return;
        }
        let at = record.at();
        done(at.offset + 1);
        if is_due(EFFECT_DONE, record.header_str(headers::TYPE)) {
            let mut committed = COMMITTED.subscribe();
            let waiting = committed.wait_for(|all| all.get(&at.partition) > Some(&at.offset));
            if tokio::time::timeout(PATIENCE, waiting).await.is_ok() {
                end(EFFECT_DONE, &Shown(record));
            }
            tracing::error!(%at, "fault: the offset was never committed");
        }
    }

    /// These offsets are committed: where [`COMMIT_BEFORE_EFFECT`] is planted, the broker has
    /// acknowledged them.
    pub(crate) fn committed(offsets: &[Assigned]) {
        let offsets = offsets.iter().map(|o| (o.partition.clone(), o.position.next));
        COMMITTED.send_modify(|all| all.extend(offsets));
    }

    fn is_due(name: &str, what: Option<&str>) -> bool {
        ARMED.as_ref().is_some_and(|armed| armed.is_due(name, what))
    }

    /// Where a record lies, and its key.
    struct Shown<'a>(&'a InRecord);

    impl Display for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let key = String::from_utf8_lossy(self.0.key().unwrap_or_default());
            write!(f, "{}, {key}", self.0.at())
        }
    }

    fn end(name: &str, at: &dyn Display) -> ! {
        // Where it can't be disarmed, it ends the next process, too: a test sees that.
        let _ = fs::write(MARK, at.to_string());
        eprintln!("fault: ended at {name}: {at}");
        std::process::abort();
    }
}
