//! The stages that every order goes through, from configuration.

use std::{fmt, str::FromStr, time::Duration};

/// The stages in their order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<Stage>);

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, as `bake`.
    pub name: String,
    /// How long an order is in it.
    pub takes: Duration,
}

impl Stages {
    /// The stage with that index, from 0; `None` behind the last.
    pub fn get(&self, index: usize) -> Option<&Stage> {
        self.0.get(index)
    }

    /// How long an order takes from its confirmation until it is ready, at least.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|stage| stage.takes).sum()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// As `prep=100ms,bake=2s,oven=1m`.
impl FromStr for Stages {
    type Err = StagesError;

    fn from_str(text: &str) -> Result<Self, StagesError> {
        let mut stages: Vec<Stage> = Vec::new();
        for part in text.split(',') {
            let (name, takes) = part.split_once('=').ok_or_else(|| StagesError::new(part))?;
            let name = name.trim();
            let is_name = (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let is_new = stages.iter().all(|stage| stage.name != name);
            let takes = duration(takes.trim()).filter(|_| is_name && is_new);
            let takes = takes.ok_or_else(|| StagesError::new(part))?;
            stages.push(Stage { name: name.to_owned(), takes });
        }
        Ok(Self(stages))
    }
}

/// In the same form, fit to be parsed again.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Stage { name, takes }) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{name}={}ms", takes.as_millis())?;
        }
        Ok(())
    }
}

/// As `2m`; the error says what may be written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no duration: write a number with ms, s, m or h, at most 24h");
    duration(text).ok_or_else(wrong)
}

/// A whole number with `ms`, `s`, `m` or `h`; a day at most.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = number.checked_mul(match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    })?;
    (millis <= 86_400_000).then(|| Duration::from_millis(millis))
}

/// The text is no list of stages.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{part}` is no stage: write name=duration, each name once, with ms, s, m or h and at most a \
     day, as prep=100ms,bake=2s,oven=1m"
)]
pub struct StagesError {
    part: String,
}

impl StagesError {
    fn new(part: &str) -> Self {
        Self { part: part.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_in_their_order() {
        let stages: Stages = "prep=100ms, bake=2s,oven=1m".parse().expect("stages");
        let names: Vec<&str> = stages.0.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["prep", "bake", "oven"]);
        assert_eq!(stages.total(), Duration::from_millis(62_100));
    }

    #[test]
    fn stages_are_written_as_they_are_read() {
        let stages: Stages = "prep=100ms, bake=2s,oven=24h".parse().expect("stages");
        assert_eq!(stages.to_string(), "prep=100ms,bake=2000ms,oven=86400000ms");
        assert_eq!(stages.to_string().parse(), Ok(stages));
    }

    #[test]
    fn what_is_no_stage_is_named() {
        for (text, part) in [
            ("", ""),
            ("prep", "prep"),
            ("prep=5", "prep=5"),
            ("prep=1s,prep=2s", "prep=2s"),
            ("a=1s,=2s", "=2s"),
            ("a=25h", "a=25h"),
            ("a=-1s", "a=-1s"),
            ("a b=1s", "a b=1s"),
            ("a=99999999999999999999s", "a=99999999999999999999s"),
        ] {
            assert_eq!(text.parse::<Stages>(), Err(StagesError::new(part)), "{text}");
        }
    }
}
