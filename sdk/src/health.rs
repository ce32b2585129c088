//! What a service knows of the parts it needs: which are away, since when and why; and whether its
//! members have joined their group. Readiness and the metric `orderly_part_away` say the same.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Where a service's parts and members are reported to. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    service: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    has_started: bool,
    parts: BTreeMap<&'static str, Part>,
    members: BTreeMap<u64, MemberState>,
    last_member: u64,
}

#[derive(Debug, Default)]
struct Part {
    /// How many wait for it now.
    waiting: usize,
    since: DateTime<Utc>,
    why: String,
}

/// What is known at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// It has started, no part is away, and every member has joined its group.
    pub is_ready: bool,
    /// It has passed its start.
    pub has_started: bool,
    /// The parts that anything was reported of, by name.
    pub parts: Vec<PartState>,
    /// The members that run.
    pub members: Vec<MemberState>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartState {
    /// `kafka`, `database`, `registry`, …
    pub name: &'static str,
    /// `None`: nobody waits for it.
    pub away: Option<Absence>,
}

/// That a part is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// When the first who waits for it found out.
    pub since: DateTime<Utc>,
    /// What the last one saw.
    pub why: String,
}

/// A member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemberState {
    /// It has been in the group since it runs.
    pub has_joined: bool,
    /// Partitions that it owns.
    pub partitions: usize,
}

impl Health {
    /// Of the service with that name. It isn't ready before [`started`](Health::started).
    pub fn of(service: &str) -> Self {
        Self(Arc::new(Shared { service: service.to_owned(), known: Mutex::default() }))
    }

    /// The service has passed its start.
    pub fn started(&self) {
        self.known().has_started = true;
    }

    /// Reports the part as away until what is returned is dropped.
    #[must_use = "dropped, it says that the part is back"]
    pub fn away(&self, part: &'static str, why: &str) -> Away {
        let mut known = self.known();
        let state = known.parts.entry(part).or_default();
        why.clone_into(&mut state.why);
        state.waiting += 1;
        if state.waiting == 1 {
            state.since = Utc::now();
            self.gauge(part, 1.0);
        }
        Away { health: self.clone(), part }
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        let known = self.known();
        let parts: Vec<PartState> = known
            .parts
            .iter()
            .map(|(name, part)| PartState {
                name,
                away: (part.waiting > 0)
                    .then(|| Absence { since: part.since, why: part.why.clone() }),
            })
            .collect();
        let members: Vec<MemberState> = known.members.values().copied().collect();
        let is_ready = known.has_started
            && parts.iter().all(|part| part.away.is_none())
            && members.iter().all(|member| member.has_joined);
        Snapshot { is_ready, has_started: known.has_started, parts, members }
    }

    /// The part, if it is away.
    pub fn absence(&self, part: &str) -> Option<Absence> {
        let known = self.known();
        let part = known.parts.get(part).filter(|part| part.waiting > 0)?;
        Some(Absence { since: part.since, why: part.why.clone() })
    }

    /// That this part is needed, and isn't known to be away.
    pub(crate) fn needs(&self, part: &'static str) {
        if self.known().parts.entry(part).or_default().waiting == 0 {
            self.gauge(part, 0.0);
        }
    }

    /// One more member, which hasn't joined yet.
    pub(crate) fn member(&self) -> Membership {
        let mut known = self.known();
        known.last_member += 1;
        let id = known.last_member;
        known.members.insert(id, MemberState::default());
        Membership { health: self.clone(), id }
    }

    /// Only called while what it tells of is locked, so that the last word is the true one.
    fn gauge(&self, part: &'static str, value: f64) {
        let service = self.0.service.clone();
        metrics::gauge!("orderly_part_away", "service" => service, "part" => part).set(value);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for a part. Dropped: not any more.
#[derive(Debug)]
pub struct Away {
    health: Health,
    part: &'static str,
}

impl Drop for Away {
    fn drop(&mut self) {
        let mut known = self.health.known();
        if let Some(state) = known.parts.get_mut(self.part) {
            state.waiting -= 1;
            if state.waiting == 0 {
                self.health.gauge(self.part, 0.0);
            }
        }
    }
}

/// A member's place in the report. Dropped: it doesn't run any more.
#[derive(Debug)]
pub(crate) struct Membership {
    health: Health,
    id: u64,
}

impl Membership {
    /// It is in the group, and owns so many partitions.
    pub(crate) fn owns(&self, partitions: usize) {
        let state = MemberState { has_joined: true, partitions };
        self.health.known().members.insert(self.id, state);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.health.known().members.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_away_as_long_as_anybody_waits_for_it() {
        let health = Health::of("test");
        assert!(!health.snapshot().is_ready, "not started");
        health.started();
        assert!(health.snapshot().is_ready);
        let (one, two) = (health.away("database", "refused"), health.away("database", "locked"));
        drop(one);
        let absence = health.absence("database");
        assert_eq!(absence.map(|absence| absence.why).as_deref(), Some("locked"));
        assert!(!health.snapshot().is_ready);
        drop(two);
        assert_eq!(health.absence("database"), None);
        let snapshot = health.snapshot();
        assert!(snapshot.is_ready);
        assert_eq!(snapshot.parts, [PartState { name: "database", away: None }]);
    }

    #[test]
    fn it_is_ready_when_every_member_that_runs_has_joined() {
        let health = Health::of("test");
        health.started();
        let (one, two) = (health.member(), health.member());
        one.owns(3);
        assert!(!health.snapshot().is_ready);
        two.owns(0);
        assert!(health.snapshot().is_ready);
        let three = health.member();
        assert!(!health.snapshot().is_ready);
        drop(three);
        assert!(health.snapshot().is_ready);
    }
}
