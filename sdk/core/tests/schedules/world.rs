//! What outlives a member: the topic, the group's offset, marks, dead letters and the effects.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use orderly_core::{Beginning, Ledger, Mark, Marks, Position, Taken, Whose};

use crate::member::{How, Item, Member};

/// A promise that was broken.
pub type Broken = String;

pub struct World {
    pub rng: Rng,
    pub now: u64,
    /// The topic: a key at each offset, or nothing there.
    pub log: Vec<Option<Option<u8>>>,
    pub committed: Option<Position>,
    pub marks: Vec<Mark>,
    /// With whether its key was parked.
    pub letters: Vec<(Item, bool)>,
    /// Offsets whose effect is there.
    pub done: BTreeSet<i64>,
    /// By key, offsets in the order of their effects.
    pub order: BTreeMap<u8, Vec<i64>>,
    /// How often the handler still fails at an offset.
    pub poison: BTreeMap<i64, u32>,
    pub is_calm: bool,
    pub by_position: bool,
    pub how: How,
}

const STEPS: usize = 400;
const MOST_CALM: usize = 12_000;

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let how = How::any(&mut rng);
        Self {
            rng,
            now: 0,
            log: Vec::new(),
            committed: None,
            marks: Vec::new(),
            letters: Vec::new(),
            done: BTreeSet::new(),
            order: BTreeMap::new(),
            poison: BTreeMap::new(),
            is_calm: false,
            by_position: how.by_position,
            how,
        }
    }

    pub fn run(mut self) -> Result<(), Broken> {
        let mut owner = Member::join(&mut self);
        let mut zombies: Vec<Member> = Vec::new();
        for _ in 0..STEPS {
            match self.rng.u32(..100) {
                0..15 => self.produce(),
                15 => owner = Member::join(&mut self), // kill -9
                16 => {
                    owner.leave(&mut self)?;
                    owner = Member::join(&mut self);
                }
                17 => {
                    let next = Member::join(&mut self);
                    zombies.push(std::mem::replace(&mut owner, next));
                    zombies.last_mut().expect("just pushed").is_cut_off = true;
                }
                18 => owner.lose_and_regain(&mut self),
                19 => self.ask_for_a_redrive(),
                20..30 if !zombies.is_empty() => {
                    let which = self.rng.usize(..zombies.len());
                    zombies[which].step(&mut self)?;
                    if self.rng.u32(..30) == 0 {
                        zombies.swap_remove(which);
                    }
                }
                _ => owner.step(&mut self)?,
            }
        }
        drop(zombies);
        self.calm_down(&mut owner)
    }

    /// Everything goes well from now on: all of it must come to its end.
    fn calm_down(mut self, owner: &mut Member) -> Result<(), Broken> {
        self.is_calm = true;
        self.poison.clear();
        for step in 0..MOST_CALM {
            owner.step(&mut self)?;
            if step % 500 == 0 {
                let marks = self.read_marks();
                if self.is_over() {
                    return Ok(());
                }
                let keys = marks.parked.into_keys().map(Whose::Key);
                self.marks.extend(keys.chain([Whose::PassedOver]).map(Mark::Redrive));
            }
        }
        Err(format!(
            "never came to an end: committed {:?} of {}, without effect {:?}, marks {:?}, {owner}",
            self.committed,
            self.log.len(),
            self.missing(),
            self.read_marks(),
        ))
    }

    fn is_over(&self) -> bool {
        let marks = self.read_marks();
        let end = self.all().last().map_or(0, |last| last + 1);
        let is_committed = match &self.committed {
            Some(position) => position.next >= end && position.done_beyond.is_empty(),
            None => end == 0,
        };
        is_committed
            && marks.parked.is_empty()
            && marks.requests.is_empty()
            && marks.passed_over.until == 0
            && self.missing().is_empty()
    }

    /// Records without effect.
    fn missing(&self) -> Vec<i64> {
        self.all().filter(|offset| !self.done.contains(offset)).collect()
    }

    /// Whether a dead letter of that offset is one that nobody has to bring back.
    fn is_skipped(&self, offset: i64) -> bool {
        self.how.skips() || self.log[usize::try_from(offset).expect("small")].flatten().is_none()
    }

    /// Offsets of records.
    pub fn all(&self) -> impl Iterator<Item = i64> {
        (0_i64..).zip(&self.log).filter(|(_, record)| record.is_some()).map(|(offset, _)| offset)
    }

    fn produce(&mut self) {
        for _ in 0..self.rng.usize(1..8) {
            let record = match self.rng.u32(..20) {
                0 => None,
                1 => Some(None),
                _ => Some(Some(self.rng.u8(..5))),
            };
            if self.rng.u32(..10) == 0 {
                let offset = i64::try_from(self.log.len()).expect("small");
                self.poison.insert(offset, self.rng.u32(1..6));
            }
            self.log.push(record);
        }
    }

    fn ask_for_a_redrive(&mut self) {
        let parked = self.read_marks().parked.into_keys().map(Whose::Key);
        let all: Vec<_> = parked.chain([Whose::PassedOver]).collect();
        self.marks.extend(self.rng.choice(all).map(Mark::Redrive));
    }

    pub fn read_marks(&self) -> Marks {
        let mut marks = Marks::default();
        self.marks.iter().for_each(|mark| marks.read(mark.clone()));
        marks
    }

    /// A new owner's start.
    pub fn take_over(&mut self) -> Beginning {
        let epoch = self.read_marks().epoch + 1;
        self.marks.push(Mark::Takeover(epoch));
        Beginning {
            position: self.committed.clone(),
            epoch,
            marks: self.read_marks(),
            letters_end: i64::try_from(self.letters.len()).expect("small"),
            by_position: self.by_position,
        }
    }

    /// The effect of a record, once.
    pub fn apply(&mut self, offset: i64, key: Option<u8>) -> Result<(), Broken> {
        if !self.done.insert(offset) {
            return Ok(());
        }
        let Some(key) = key else { return Ok(()) };
        let order = self.order.entry(key).or_default();
        if !self.how.skips() && order.last().is_some_and(|last| *last > offset) {
            return Err(format!("key {key}: {offset} after {order:?}"));
        }
        order.push(offset);
        Ok(())
    }

    /// What the group commits must be done, or lie in the dead letters of a parked key.
    pub fn commit(&mut self, position: Position) -> Result<(), Broken> {
        let marks = self.read_marks();
        for offset in self.finished_by(&position) {
            let key = self.log[usize::try_from(offset).expect("small")].flatten();
            let is_parked = key.is_some_and(|key| marks.parked.contains_key([key].as_slice()));
            let is_letter = self.letters.iter().any(|(letter, _)| letter.offset == offset);
            let is_safe = is_letter && (is_parked || self.is_skipped(offset));
            if !self.done.contains(&offset) && !is_safe {
                return Err(format!("committed {position:?} passes {offset}, which isn't done"));
            }
        }
        if let Some(before) = &self.committed
            && before.next > position.next
        {
            return Err(format!("committed {position:?} after {before:?}"));
        }
        self.committed = Some(position);
        Ok(())
    }

    /// Records that a position says are done.
    pub fn finished_by(&self, position: &Position) -> Vec<i64> {
        let mut ledger = Ledger::restored(position);
        let known = position.next + ledger.span();
        let finished = |offset: i64, ledger: &mut Ledger| {
            offset < position.next || (offset < known && ledger.take(offset) == Taken::DoneBefore)
        };
        self.all().filter(|offset| finished(*offset, &mut ledger)).collect()
    }
}
