//! A member: its core, and everything that is on its way to and from it.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt, mem,
    time::Duration,
};

use fastrand::Rng;
use orderly_core::{
    Assignment, AtOnce, Bounds, Commit, Core, Decision, Effect, Exhausted, Failed, Key, Lane,
    Letter, Mark, Record, Report, RetryPolicy, Run, RunEnd, Settings, SlotId, Whose,
};

use crate::world::{Broken, World};

#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub offset: i64,
    pub key: Option<[u8; 1]>,
}

impl Record for Item {
    fn offset(&self) -> i64 {
        self.offset
    }

    fn key(&self) -> Option<&[u8]> {
        self.key.as_ref().map(<[u8; 1]>::as_slice)
    }

    fn size(&self) -> usize {
        100
    }
}

/// How the members of a schedule are set.
pub struct How {
    pub settings: Settings,
    pub by_position: bool,
}

impl How {
    pub fn any(rng: &mut Rng) -> Self {
        let by_position = rng.u32(..4) == 0;
        let records = rng.usize(3..40);
        let retry = RetryPolicy {
            attempts: rng.u32(1..5),
            first_backoff: Duration::from_millis(10),
            most_backoff: Duration::from_millis(100),
            exhausted: if rng.u32(..8) == 0 { Exhausted::Skip } else { Exhausted::Park },
            rejected: if rng.u32(..8) == 0 { Exhausted::Skip } else { Exhausted::Park },
        };
        // Mostly reached while a record fails or is on its way; sometimes longer than the topic.
        let span = if rng.u32(..3) > 0 { rng.i64(5..50) } else { 1_000 };
        let bounds = Bounds { concurrency: rng.usize(1..6), records, bytes: 100 * records, span };
        let batch = (by_position || rng.bool()).then(|| rng.usize(1..10));
        let most_parked = if rng.bool() { 100 } else { 2 };
        Self { settings: Settings { bounds, retry, most_parked, batch }, by_position }
    }

    pub fn skips(&self) -> bool {
        let RetryPolicy { exhausted, rejected, .. } = &self.settings.retry;
        [exhausted, rejected].contains(&&Exhausted::Skip)
    }
}

/// What comes back to a core.
enum Answer {
    Marked(Whose, u64),
    Lettered(SlotId, i64),
    Found(Whose, i64, Item),
    None(Whose, i64),
    Committed(Commit),
}

pub struct Member {
    core: Core<Item>,
    assignment: Assignment,
    running: Vec<(Assignment, Vec<Run<Item>>)>,
    effects: VecDeque<Effect<Item>>,
    answers: VecDeque<(Assignment, Answer)>,
    next: i64,
    marks_read: usize,
    /// Done at the commit that it began with.
    done_before: BTreeSet<i64>,
    pub is_cut_off: bool,
}

impl Member {
    pub fn join(world: &mut World) -> Self {
        let mut core = Core::new(world.how.settings.clone(), world.rng.u64(..));
        core.tick(Duration::from_millis(world.now));
        let assignment = core.assign(world.take_over());
        let mut member = Self {
            core,
            assignment,
            running: Vec::new(),
            effects: VecDeque::new(),
            answers: VecDeque::new(),
            next: 0,
            marks_read: 0,
            done_before: BTreeSet::new(),
            is_cut_off: false,
        };
        member.begin(world);
        member
    }

    fn begin(&mut self, world: &World) {
        self.marks_read = world.marks.len();
        self.next = world.committed.as_ref().map_or(0, |position| position.next);
        let done = world.committed.as_ref().map(|position| world.finished_by(position));
        self.done_before = done.unwrap_or_default().into_iter().collect();
    }

    /// Lost and given back, while runs of before are still in flight.
    pub fn lose_and_regain(&mut self, world: &mut World) {
        self.core.release(self.assignment);
        self.effects.clear();
        self.assignment = self.core.assign(world.take_over());
        self.begin(world);
    }

    /// Drains, commits and goes.
    pub fn leave(&mut self, world: &mut World) -> Result<(), Broken> {
        self.core.stop_feeding(self.assignment);
        while !self.running.is_empty() {
            self.run(world)?;
        }
        match self.core.release(self.assignment) {
            Some(commit) => world.commit(commit.position),
            None => Ok(()),
        }
    }

    pub fn step(&mut self, world: &mut World) -> Result<(), Broken> {
        self.effects.extend(self.core.effects());
        match world.rng.u32(..8) {
            0 => self.fetch(world)?,
            1 => self.start(world)?,
            2 | 3 if !self.running.is_empty() => self.run(world)?,
            4 => self.perform(world),
            5 => (0..world.rng.u32(1..5)).for_each(|_| self.answer()),
            6 => {
                world.now += world.rng.u64(..40);
                self.core.tick(Duration::from_millis(world.now));
                self.read_a_mark(world);
            }
            7 if !self.is_cut_off => self.commit(world)?,
            _ => {}
        }
        let (span, most) = (self.core.span(self.assignment), world.how.settings.bounds.span);
        if span > most {
            return Err(format!("goes on over {span} offsets, {most} may be"));
        }
        Ok(())
    }

    fn fetch(&mut self, world: &mut World) -> Result<(), Broken> {
        let count = world.rng.i64(1..10);
        let all: Vec<i64> = world.all().filter(|offset| *offset >= self.next).collect();
        let records = all.into_iter().take(usize::try_from(count).expect("small")).map(|offset| {
            self.next = offset + 1;
            let key = world.log[usize::try_from(offset).expect("small")].flatten();
            Item { offset, key: key.map(|key| [key]) }
        });
        let records: Vec<Item> = records.collect();
        if world.rng.bool() {
            self.core.deliver(self.assignment, records);
            return Ok(());
        }
        records.into_iter().try_for_each(|item| self.take_at_once(item, world))
    }

    /// Does a record while it comes, where that may be; it may fail, or go on for longer.
    fn take_at_once(&mut self, item: Item, world: &mut World) -> Result<(), Broken> {
        let assignment = self.assignment;
        let ticket = match self.core.try_at_once(assignment, &item) {
            AtOnce::Do(ticket) => ticket,
            AtOnce::Nothing => return Ok(()),
            AtOnce::Deliver => {
                self.core.deliver(assignment, [item]);
                return Ok(());
            }
        };
        if world.by_position {
            return Err("a record is done at once while the position moves with the effect".into());
        }
        let is_running = |run: &Run<Item>| run.records[0].key == item.key && item.key.is_some();
        let same = self.running.iter().filter(|(its, _)| *its == assignment);
        if same.flat_map(|(_, runs)| runs).any(is_running) {
            return Err(format!("key {:?} runs twice at once", item.key));
        }
        if self.done_before.contains(&item.offset) {
            return Err(format!("{} runs again, it was done at the last commit", item.offset));
        }
        let records = VecDeque::from([item]);
        if world.rng.u32(..4) == 0 {
            let lane = self.core.goes_on(&ticket).ok_or("its partition isn't there")?;
            self.running.push((assignment, vec![Run { lane, records, attempt: 1 }]));
            return Ok(());
        }
        let Some(failed) = attempt(world, item.offset) else {
            world.apply(item.offset, item.key.map(|key| key[0]))?;
            self.core.done_at_once(&ticket);
            return Ok(());
        };
        let lane = self.core.goes_on(&ticket).ok_or("its partition isn't there")?;
        let end = RunEnd { lane, done: 0, left: records, failed: Some(failed) };
        let (done, runs) = (Vec::new(), vec![end]);
        self.core.report(Report { assignment, done, bytes: 0, runs });
        Ok(())
    }

    fn start(&mut self, world: &mut World) -> Result<(), Broken> {
        let Some(unit) = self.core.next_unit(world.rng.usize(1..4)) else { return Ok(()) };
        self.effects.extend(self.core.effects());
        if world.by_position && self.moves_position() {
            return Err("a unit runs while something else moves the position".into());
        }
        let mut keys = BTreeSet::new();
        let same = self.running.iter().filter(|(assignment, _)| *assignment == self.assignment);
        for run in same.flat_map(|(_, runs)| runs).chain(&unit.runs) {
            if let Some(key) = run.records[0].key
                && !keys.insert(key)
            {
                return Err(format!("key {key:?} runs twice at once"));
            }
        }
        for run in unit.runs.iter().filter(|run| matches!(run.lane, Lane::Live(_))) {
            let again = run.records.iter().find(|item| self.done_before.contains(&item.offset));
            if let Some(item) = again {
                return Err(format!("{} runs again, it was done at the last commit", item.offset));
            }
        }
        if world.by_position || world.rng.bool() {
            self.running.push((unit.assignment, unit.runs));
        } else {
            self.running.extend(unit.runs.into_iter().map(|run| (unit.assignment, vec![run])));
        }
        Ok(())
    }

    /// Whether a unit or a dead letter of the partition is in flight.
    fn moves_position(&self) -> bool {
        let runs = self.running.iter().any(|(assignment, _)| *assignment == self.assignment);
        let is_written = self.effects.iter().any(|effect| {
            matches!(effect, Effect::Letter(letter) if letter.assignment == self.assignment)
        });
        let is_awaited = self.answers.iter().any(|(assignment, answer)| {
            *assignment == self.assignment && matches!(answer, Answer::Lettered(..))
        });
        runs || is_written || is_awaited
    }

    /// Does some of what runs, and reports it.
    fn run(&mut self, world: &mut World) -> Result<(), Broken> {
        let which = world.rng.usize(..self.running.len());
        let (assignment, runs) = self.running.swap_remove(which);
        let mut report = Report { assignment, done: Vec::new(), bytes: 0, runs: Vec::new() };
        for run in runs {
            let is_live = matches!(run.lane, Lane::Live(_));
            let mut end = RunEnd { lane: run.lane, done: 0, left: run.records, failed: None };
            while let Some(item) = end.left.front() {
                if !world.is_calm && world.rng.u32(..15) == 0 {
                    break; // cancelled, or out of time
                }
                end.failed = attempt(world, item.offset);
                if end.failed.is_some() {
                    break;
                }
                world.apply(item.offset, item.key.map(|key| key[0]))?;
                report.done.push(item.offset);
                report.bytes += item.size();
                end.done += 1;
                end.left.pop_front();
                if is_live && world.rng.u32(..4) == 0 {
                    // Told before the run has come to its end.
                    let (done, bytes) = (mem::take(&mut report.done), mem::take(&mut report.bytes));
                    self.core.report(Report { assignment, done, bytes, runs: Vec::new() });
                }
            }
            report.runs.push(end);
        }
        self.core.report(report);
        Ok(())
    }

    /// Writes or reads what is next; the answer may come later, or never.
    fn perform(&mut self, world: &mut World) {
        let Some(effect) = self.effects.pop_front() else { return };
        match effect {
            Effect::Mark { assignment, mark, sequence } => {
                let whose = match &mark {
                    Mark::State { key, .. } => Whose::Key(Key::clone(key)),
                    _ => Whose::PassedOver,
                };
                world.marks.push(mark);
                self.answers.push_back((assignment, Answer::Marked(whose, sequence)));
            }
            Effect::Answer { whose, .. } => world.marks.push(Mark::Answered(whose)),
            Effect::Letter(Letter { assignment, slot, record, is_parked, .. }) => {
                world.letters.push((record, is_parked));
                let at = i64::try_from(world.letters.len()).expect("small") - 1;
                self.answers.push_back((assignment, Answer::Lettered(slot, at)));
            }
            Effect::Look { assignment, whose, from } => {
                let is_it = |(item, is_parked): &(Item, bool)| match &whose {
                    Whose::Key(key) => *is_parked && item.key() == Some(&**key),
                    Whose::PassedOver => !is_parked,
                };
                let found = (0_i64..).zip(&world.letters).skip_while(|(at, _)| *at < from);
                let found = found.into_iter().find(|(_, letter)| is_it(letter));
                let end = i64::try_from(world.letters.len()).expect("small");
                let answer = match found {
                    Some((at, (item, _))) => Answer::Found(whose, at, *item),
                    None => Answer::None(whose, end),
                };
                self.answers.push_back((assignment, answer));
            }
            Effect::Overtaken(_) => {}
            Effect::Stop { .. } => unreachable!("no schedule stops"),
        }
    }

    fn answer(&mut self) {
        let Some((assignment, answer)) = self.answers.pop_front() else { return };
        match answer {
            Answer::Marked(whose, sequence) => self.core.marked(assignment, &whose, sequence),
            Answer::Lettered(slot, at) => self.core.lettered(assignment, slot, at),
            Answer::Found(whose, at, item) => self.core.letter_found(assignment, &whose, at, item),
            Answer::None(whose, through) => self.core.no_letter(assignment, &whose, through),
            Answer::Committed(commit) => self.core.committed(&commit),
        }
    }

    fn read_a_mark(&mut self, world: &World) {
        if let Some(mark) = world.marks.get(self.marks_read) {
            self.marks_read += 1;
            self.core.mark_read(self.assignment, mark.clone());
        }
    }

    fn commit(&mut self, world: &mut World) -> Result<(), Broken> {
        for commit in self.core.to_commit() {
            world.commit(commit.position.clone())?;
            if world.is_calm || world.rng.bool() {
                self.answers.push_back((commit.assignment, Answer::Committed(commit)));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { core, assignment: it, running, effects, answers, .. } = self;
        let (backlog, parked, stuck) = (core.backlog(*it), core.parked(*it), core.stuck(*it));
        write!(f, "backlog {backlog}, parked {parked}, stuck {stuck:?}, ")?;
        write!(f, "{} run, {} effects, {} answers", running.len(), effects.len(), answers.len())
    }
}

/// The handler.
fn attempt(world: &mut World, offset: i64) -> Option<Failed> {
    let decision = match world.poison.get_mut(&offset) {
        Some(left @ 1..) => {
            *left -= 1;
            if world.rng.u32(..4) == 0 { Decision::Reject } else { Decision::Retry }
        }
        _ if world.is_calm || world.rng.u32(..12) > 0 => return None,
        _ => world.rng.choice([Decision::Unavailable, Decision::NotYet])?,
    };
    Some(Failed { decision, error: format!("{offset} fails") })
}
