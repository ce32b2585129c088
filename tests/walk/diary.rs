//! When a member's transactions began and ended: a line each, written by one call, so that what a
//! killed member wrote is whole.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use orderly_sdk::consume::Unit;

use super::{Sent, Walk, now};

/// What a member writes.
pub struct Diary(File);

/// A line: what happened, where, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A transaction is about to begin.
    Begun,
    /// It has ended, whatever came of it.
    Ended,
    /// The effect was there already.
    Repeat,
}

impl Diary {
    /// Of the member of that name.
    pub fn of(dir: &Path, member: &str) -> Self {
        let path = dir.join(member).with_extension("diary");
        Self(File::options().create(true).append(true).open(path).unwrap())
    }

    /// Writes a line.
    pub fn write(&self, entry: Entry, (partition, offset): (i32, i64)) {
        let line = format!("{entry:?} {partition} {offset} {}\n", now());
        (&self.0).write_all(line.as_bytes()).unwrap();
    }
}

/// The one record of a unit: partition and offset.
pub fn place(unit: &Unit<'_>) -> (i32, i64) {
    (unit.partition.partition, unit.offsets.first().copied().unwrap_or_default())
}

/// A transaction of a member.
#[derive(Clone, Debug)]
struct Pass {
    member: String,
    at: (i32, i64),
    from: i64,
    to: i64,
}

/// What ran beside what.
#[derive(Debug, Default)]
pub struct Findings {
    /// Times that an effect was there already.
    pub repeats: usize,
    /// Transactions that a kill ended.
    pub cut: usize,
    /// Transactions of one key by two members at once, one of them cut off.
    pub overlaps: usize,
    /// The same, and none was: what must not be.
    pub unexplained: Vec<String>,
}

impl Findings {
    /// From all diaries.
    pub fn of(walk: &Walk, sent: &Sent) -> Self {
        let mut findings = Self::default();
        let mut by_key = HashMap::<&str, Vec<Pass>>::new();
        for (member, lines) in all(walk) {
            let death = walk.deaths.get(&member).copied();
            for pass in findings.passes(&member, lines, death) {
                // Of steps alone; every record there is one that was acknowledged.
                by_key.entry(&sent.at[&pass.at].0).or_default().push(pass);
            }
        }
        for (key, mut passes) in by_key {
            passes.sort_by_key(|pass| pass.from);
            for (i, later) in passes.iter().enumerate() {
                let beside = |it: &&Pass| it.member != later.member && it.to > later.from;
                for earlier in passes[..i].iter().filter(beside) {
                    if [earlier, later].into_iter().any(|pass| was_cut_off(walk, pass)) {
                        findings.overlaps += 1;
                    } else {
                        findings.unexplained.push(format!("{key}: {earlier:?}, {later:?}"));
                    }
                }
            }
        }
        findings
    }

    fn passes(&mut self, member: &str, lines: Vec<Line>, death: Option<i64>) -> Vec<Pass> {
        let mut open = HashMap::<(i32, i64), i64>::new();
        let mut passes = Vec::new();
        for (entry, at, time) in lines {
            match &*entry {
                "Begun" => drop(open.insert(at, time)),
                "Repeat" => self.repeats += 1,
                _ => {}
            }
            if entry != "Begun"
                && let Some(from) = open.remove(&at)
            {
                passes.push(Pass { member: member.to_owned(), at, from, to: time });
            }
        }
        self.cut += open.len();
        let unfinished = open.into_iter().map(|(at, from)| {
            let to = death.unwrap_or_else(|| panic!("{member} lives and {at:?} has no end"));
            Pass { member: member.to_owned(), at, from, to }
        });
        passes.extend(unfinished);
        passes
    }
}

/// Whether a member is in the middle of a transaction.
pub fn is_busy(dir: &Path, member: &str) -> bool {
    let path = dir.join(member).with_extension("diary");
    let open = fs::read_to_string(path).map_or(0, |diary| {
        let count = |entry: &str| if entry == "Begun" { 1 } else { -1 };
        lines(member, &diary).iter().map(|(entry, ..)| count(entry)).sum()
    });
    open > 0
}

/// The member that began something in a partition last.
pub fn last_at(walk: &Walk, partition: i32) -> Option<String> {
    let last = |(member, lines): (String, Vec<Line>)| {
        let here = |(entry, (at, _), _): &&Line| entry == "Begun" && *at == partition;
        lines.iter().filter(here).map(|(.., time)| *time).max().map(|time| (time, member))
    };
    all(walk).filter_map(last).max().map(|(_, member)| member)
}

/// What happened, where, and when.
type Line = (String, (i32, i64), i64);

/// Every member and its diary.
fn all(walk: &Walk) -> impl Iterator<Item = (String, Vec<Line>)> {
    fs::read_dir(walk.diaries()).unwrap().map(|file| {
        let path = file.unwrap().path();
        let member = path.file_stem().unwrap().to_string_lossy().into_owned();
        let lines = lines(&member, &fs::read_to_string(&path).unwrap());
        (member, lines)
    })
}

/// The whole lines of a diary.
fn lines(member: &str, diary: &str) -> Vec<Line> {
    let whole = diary.rfind('\n').map_or("", |end| &diary[..end]);
    let read = |line: &str| -> Option<_> {
        let mut words = line.split(' ');
        let entry = words.next()?.to_owned();
        let at = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((entry, at, words.next()?.parse().ok()?))
    };
    let read = |line| read(line).unwrap_or_else(|| panic!("{member}: {line:?}"));
    whole.lines().map(read).collect()
}

/// Longest until a member that was paused hears that it has been taken for dead.
const UNTIL_TOLD: i64 = 15_000_000;

fn was_cut_off(walk: &Walk, pass: &Pass) -> bool {
    let meanwhile = |(member, from, to): &(String, i64, i64)| {
        *member == pass.member && pass.from < to + UNTIL_TOLD && pass.to > *from
    };
    walk.pauses.iter().any(meanwhile)
}
