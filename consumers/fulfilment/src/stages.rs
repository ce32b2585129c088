//! The stages that every order goes through, from configuration, and the stations that there are for
//! them.

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
    /// Where orders stand for it, and wait in line if all is taken; `None`: there is room for all.
    pub stations: Option<Stations>,
}

/// The stations of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stations {
    /// How many there are.
    pub count: u32,
    /// Orders that each takes at once.
    pub capacity: u32,
}

impl Stations {
    /// Most of either.
    const MOST: u32 = 1_000;

    /// Orders that all of them take at once.
    pub fn places(self) -> u32 {
        self.count * self.capacity
    }
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

    /// In their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Stage> {
        self.0.iter()
    }

    /// The same, each so many times as fast; at least a millisecond long if it took any time.
    #[must_use]
    pub fn sped_up(mut self, times: u32) -> Self {
        for stage in self.0.iter_mut().filter(|stage| !stage.takes.is_zero()) {
            stage.takes = (stage.takes / times.max(1)).max(Duration::from_millis(1));
        }
        self
    }
}

/// As `prep=100ms,bake=2s*3,oven=1m*2x4`: each with how long it takes, then, if they are limited, how
/// many stations there are, and how many orders each takes at once.
impl FromStr for Stages {
    type Err = StagesError;

    fn from_str(text: &str) -> Result<Self, StagesError> {
        let mut stages: Vec<Stage> = Vec::new();
        for part in text.split(',') {
            let wrong = || StagesError::new(part);
            let (name, rest) = part.split_once('=').ok_or_else(wrong)?;
            let (takes, stations) = match rest.split_once('*') {
                None => (rest, None),
                Some((takes, stations)) => (takes, Some(stations_of(stations).ok_or_else(wrong)?)),
            };
            let name = name.trim();
            let is_name = (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let is_new = stages.iter().all(|stage| stage.name != name);
            let takes = duration(takes.trim()).filter(|_| is_name && is_new);
            let takes = takes.ok_or_else(wrong)?;
            stages.push(Stage { name: name.to_owned(), takes, stations });
        }
        Ok(Self(stages))
    }
}

/// In the same form, fit to be parsed again.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Stage { name, takes, stations }) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{name}={}ms", takes.as_millis())?;
            match stations {
                None => {}
                Some(Stations { count, capacity: 1 }) => write!(f, "*{count}")?,
                Some(Stations { count, capacity }) => write!(f, "*{count}x{capacity}")?,
            }
        }
        Ok(())
    }
}

/// As `3`, or `2x4`.
fn stations_of(text: &str) -> Option<Stations> {
    let (count, capacity) = text.trim().split_once('x').unwrap_or((text.trim(), "1"));
    let number = |text: &str| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = text.parse().ok().filter(|_| is_number)?;
        (1..=Stations::MOST).contains(&number).then_some(number)
    };
    Some(Stations { count: number(count)?, capacity: number(capacity)? })
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
     day; where it has stations *N behind it, or *NxM if each takes M orders at once, both 1 to \
     1000; as prep=100ms,bake=2s*3,oven=1m*2x4"
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
        let stages: Stages = "prep=100ms, bake=2s*3,oven=24h*2x4".parse().expect("stages");
        assert_eq!(stages.to_string(), "prep=100ms,bake=2000ms*3,oven=86400000ms*2x4");
        assert_eq!(stages.to_string().parse(), Ok(stages));
    }

    #[test]
    fn a_stage_with_stations_has_so_many_places() {
        let stages: Stages = "prep=1s,bake=1s*3,oven=1s*2x4".parse().expect("stages");
        let places = stages.iter().map(|stage| stage.stations.map(Stations::places));
        assert_eq!(places.collect::<Vec<_>>(), [None, Some(3), Some(8)]);
    }

    #[test]
    fn a_kitchen_that_is_sped_up_keeps_its_stations_and_no_stage_becomes_nothing() {
        let stages: Stages = "prep=2m*3,bake=5ms,oven=0ms".parse().expect("stages");
        assert_eq!(stages.sped_up(60).to_string(), "prep=2000ms*3,bake=1ms,oven=0ms");
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
            ("a=1s*0", "a=1s*0"),
            ("a=1s*", "a=1s*"),
            ("a=1s*2x", "a=1s*2x"),
            ("a=1s*1001", "a=1s*1001"),
            ("a=1s*+2", "a=1s*+2"),
            ("a=1s*2x3x4", "a=1s*2x3x4"),
            ("a=99999999999999999999s", "a=99999999999999999999s"),
        ] {
            assert_eq!(text.parse::<Stages>(), Err(StagesError::new(part)), "{text}");
        }
    }
}
