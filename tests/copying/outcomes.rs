//! How members' transactions ended, as their metrics say; each writes them down again and again, so that
//! of one that is killed all but the last is known.

use std::{collections::BTreeMap, fmt, fs, path::Path};

/// The metric.
const METRIC: &str = "orderly_transactions_total{";
/// Its outcomes.
const OUTCOMES: [&str; 4] = ["committed", "aborted", "unknown", "fenced"];

/// Of all members there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes(BTreeMap<String, u64>);

impl Outcomes {
    /// How many ended so.
    pub fn of(&self, outcome: &str) -> u64 {
        self.0.get(outcome).copied().unwrap_or_default()
    }

    /// Writes down what a member's metrics say now, whole or not at all.
    pub fn tell(dir: &Path, member: &str, metrics: &str) {
        let lines: Vec<&str> = metrics.lines().filter(|line| line.starts_with(METRIC)).collect();
        let draft = dir.join(member).with_extension("draft");
        fs::write(&draft, lines.join("\n")).unwrap();
        fs::rename(draft, dir.join(member).with_extension("outcomes")).unwrap();
    }

    /// All that was written down.
    pub(super) fn told(dir: &Path) -> Self {
        let mut all = Self::default();
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|it| it == "outcomes") {
                all.add(&fs::read_to_string(path).unwrap());
            }
        }
        all
    }

    fn add(&mut self, metrics: &str) {
        for line in metrics.lines() {
            let outcome = line.split_once("outcome=\"").and_then(|(_, it)| it.split_once('"'));
            let count = line.rsplit_once(' ').and_then(|(_, count)| count.parse::<u64>().ok());
            if let (Some((outcome, _)), Some(count)) = (outcome, count) {
                assert!(OUTCOMES.contains(&outcome), "{line}");
                *self.0.entry(outcome.to_owned()).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = OUTCOMES.map(|outcome| format!("{} {outcome}", self.of(outcome)));
        write!(f, "transactions: {}", said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_members_wrote_down_is_added_up() {
        let dir = tempfile::tempdir().unwrap();
        let metrics = |count| {
            format!(
                "# TYPE orderly_transactions_total counter\n\
                 orderly_transactions_total{{group=\"copier\",outcome=\"committed\"}} {count}\n\
                 orderly_transactions_total{{group=\"copier\",outcome=\"fenced\"}} 1\n\
                 orderly_commits_total{{group=\"copier\",outcome=\"done\"}} 9\n"
            )
        };
        Outcomes::tell(dir.path(), "one", &metrics(3));
        Outcomes::tell(dir.path(), "one", &metrics(4));
        Outcomes::tell(dir.path(), "two", &metrics(5));
        let told = Outcomes::told(dir.path());
        assert_eq!((told.of("committed"), told.of("fenced"), told.of("aborted")), (9, 2, 0));
        let said = "transactions: 9 committed, 0 aborted, 0 unknown, 2 fenced";
        assert_eq!(told.to_string(), said);
    }
}
