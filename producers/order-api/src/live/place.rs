//! How far a stream of one order has come, as an event's id says it: an offset in each topic.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::Topic;

/// Which topics offsets belong to: under another cluster, topic or number of partitions they mean
/// something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Era(Arc<str>);

impl Era {
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(&hash.finalize()[..4]).into())
    }
}

/// The offsets behind the last event that was told of each topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    era: Era,
    next: [i64; 2],
}

impl Place {
    /// Nothing was told yet.
    pub(super) fn start(era: &Era) -> Self {
        Self { era: era.clone(), next: [0; 2] }
    }

    /// What an event's id says. `None`: it is none of ours, or of topics that aren't there any more.
    pub(super) fn parse(text: &str, era: &Era) -> Option<Self> {
        let mut parts = text.split('-');
        let is_ours = parts.next() == Some(&*era.0);
        let mut offset = || {
            let digits = parts.next()?;
            let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        let next = [offset()?, offset()?];
        (is_ours && parts.next().is_none()).then(|| Self { era: era.clone(), next })
    }

    /// Whether what is there was told.
    pub(super) fn is_behind(&self, topic: Topic, offset: i64) -> bool {
        offset < self.next[topic.index()]
    }

    pub(super) fn pass(&mut self, topic: Topic, offset: i64) {
        self.next[topic.index()] = offset.saturating_add(1);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [orders, statuses] = self.next;
        write!(f, "{}-{orders}-{statuses}", self.era.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_id_is_understood_as_it_was_written_and_nothing_else_is() {
        let (era, other) = (Era::of(&["a", "1"]), Era::of(&["a1", ""]));
        assert_ne!(era, other);
        let mut place = Place::start(&era);
        place.pass(Topic::Orders, 7);
        place.pass(Topic::Statuses, i64::MAX);
        let id = place.to_string();
        assert_eq!(Place::parse(&id, &era).unwrap(), place);
        assert!(place.is_behind(Topic::Orders, 7) && !place.is_behind(Topic::Orders, 8));
        assert_eq!(Place::parse(&id, &other), None);
        let name = &era.0;
        for wrong in ["", "7", "x-1-2", "1-2"] {
            assert_eq!(Place::parse(wrong, &era), None, "{wrong}");
        }
        for wrong in ["", "-1", "-1-", "-1-2-3", "--1-2", "-1-+2", "-1-99999999999999999999"] {
            assert_eq!(Place::parse(&format!("{name}{wrong}"), &era), None, "{wrong}");
        }
    }
}
