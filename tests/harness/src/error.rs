//! A part that can't be had, and what a test does about it: it says so and returns, or fails where
//! `ORDERLY_REQUIRE_SERVICES=1` asks for every part.

use std::io::Write as _;

/// A part that can't be had here.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{part}: {why}")]
pub struct NotRun {
    part: String,
    why: String,
    broken: bool,
    by_name: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "most reasons are made on the spot")]
impl NotRun {
    /// Something that the part needs isn't on this machine.
    pub fn missing(part: &str, why: impl ToString) -> Self {
        Self { part: part.to_owned(), why: why.to_string(), broken: false, by_name: false }
    }

    /// Everything is there, and yet the part doesn't start: no test should pass over that.
    pub(crate) fn broken(part: &str, why: impl ToString) -> Self {
        Self { part: part.to_owned(), why: why.to_string(), broken: true, by_name: false }
    }

    /// With what was against the way tried before.
    pub(crate) fn after(self, docker: Option<&str>) -> Self {
        match docker {
            Some(docker) if !self.broken => {
                Self { why: format!("{}; Docker: {docker}", self.why), ..self }
            }
            _ => self,
        }
    }

    /// A way that was asked for by name: the part may be there by another.
    pub(crate) fn by_name(self) -> Self {
        Self { by_name: true, ..self }
    }

    pub(crate) fn into_broken(self) -> Self {
        Self { broken: true, ..self }
    }

    /// Whether the part was found but doesn't work, rather than not found.
    pub fn is_broken(&self) -> bool {
        self.broken
    }
}

/// A part couldn't be killed, paused or started again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

#[expect(clippy::needless_pass_by_value, reason = "most reasons are made on the spot")]
impl Fault {
    pub(crate) fn new(why: impl ToString) -> Self {
        Self(why.to_string())
    }
}

impl From<NotRun> for Fault {
    fn from(e: NotRun) -> Self {
        Self(e.to_string())
    }
}

/// Gives the part, or says on the real stderr (which the test runner doesn't swallow) that the test
/// was not run. [`need!`](crate::need) calls this with the test's name.
///
/// # Panics
/// Where `ORDERLY_REQUIRE_SERVICES=1`, unless one way was asked for by name (the part may be had by
/// another), and where the part is there but broken.
pub fn decide<T>(test: &str, part: Result<T, NotRun>) -> Option<T> {
    match part {
        Ok(part) => Some(part),
        Err(e) => {
            let required = std::env::var("ORDERLY_REQUIRE_SERVICES").is_ok_and(|v| v == "1");
            assert!((!required || e.by_name) && !e.broken, "not run: {test}: {e}");
            // One write: tests run side by side.
            let line = format!("not run: {test}: {e}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            None
        }
    }
}

/// The path of the test, from the type name of a function inside of it.
pub fn test_name(inner: &str) -> String {
    let name = inner.rsplit_once("::").map_or(inner, |(test, _)| test);
    name.replace("::{{closure}}", "")
}

/// Gives a test its part, or says `not run: <test>: <why>` and returns from the test. With
/// `ORDERLY_REQUIRE_SERVICES=1` the test fails instead.
///
/// ```no_run
/// # async fn test() {
/// let kafka = orderly_harness::need!(orderly_harness::parts::kafka().await);
/// # }
/// # async fn fallible() -> Result<(), std::io::Error> {
/// let postgres = orderly_harness::need!(orderly_harness::Postgres::start().await, Ok(()));
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! need {
    ($part:expr) => {
        $crate::need!($part, ())
    };
    ($part:expr, $otherwise:expr) => {{
        fn here() {}
        match $crate::decide(&$crate::test_name(::std::any::type_name_of_val(&here)), $part) {
            Some(part) => part,
            None => return $otherwise,
        }
    }};
}
