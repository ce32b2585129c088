//! Which records of a partition are done: an offset below which all are, and which beyond it.
//!
//! Only records that came are tracked, so offsets that don't exist (compacted away, transaction
//! markers) hold up nothing.

use std::collections::VecDeque;

use crate::ledger_text;

/// Done and not done in one partition.
///
/// Within [`can_take`](Ledger::can_take) its text always fits the metadata of a commit, whatever is
/// finished in whatever order: while the span is short as one bit for each offset, and beyond that
/// as runs, of which there are at most two for each unfinished record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Offset of the lowest bit of the first word.
    origin: i64,
    /// A bit for each offset from `origin` on; set: unfinished.
    words: VecDeque<u64>,
    /// Offset behind the last one that is known; `None` before the first record of a partition that
    /// nobody began.
    high: Option<i64>,
    /// Offset behind the last record that came.
    taken: i64,
    unfinished: i64,
}

/// How far a partition is done, as it is committed: both computed at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Offset of the first record that isn't done.
    pub next: i64,
    /// What is done beyond it; empty for nothing. At most [`MOST_TEXT`](crate::MOST_TEXT) bytes.
    pub done_beyond: String,
}

/// Whether a record that came is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is.
    Fresh,
    /// It was done before the restart.
    DoneBefore,
    /// It came already.
    Seen,
}

/// Offsets that a bit each still fits into a text.
pub(crate) const SHORT_SPAN: i64 = 24_000;
/// Unfinished records whose runs fit into a text, however they lie.
pub(crate) const FEW: i64 = 500;
/// Longest span whose runs have at most three bytes.
pub(crate) const LONGEST_SPAN: i64 = 2_000_000;

impl Ledger {
    /// All below `next` is done, nothing beyond it. `None`: wherever the first record lies.
    pub fn starting(next: Option<i64>) -> Self {
        let origin = next.unwrap_or(0);
        Self { origin, words: VecDeque::new(), high: next, taken: origin, unfinished: 0 }
    }

    /// As it was committed. A text that is nobody's, damaged or of another offset counts as none:
    /// then what was done beyond is done again.
    pub fn restored(position: &Position) -> Self {
        let mut ledger = Self::starting(Some(position.next));
        let Some(runs) = ledger_text::decode(position) else { return ledger };
        let mut at = position.next;
        for (i, run) in runs.into_iter().enumerate() {
            if i % 2 == 0 {
                (at..at + run).for_each(|offset| ledger.set(offset));
            }
            at += run;
        }
        ledger.high = Some(at);
        ledger
    }

    /// Whether a record at `offset` may be taken up, with a span of at most `most_span` offsets. It
    /// may, where nothing before it is under way: what was to come there isn't there any more.
    pub fn can_take(&self, offset: i64, most_span: i64) -> bool {
        let Some(next) = self.next() else { return true };
        let span = offset + 1 - next;
        self.unfinished == 0
            || next >= self.taken
            || span <= SHORT_SPAN.min(most_span)
            || (self.unfinished < FEW && span <= most_span.min(LONGEST_SPAN))
    }

    /// Takes up the record at `offset`; records come in the order of their offsets.
    pub fn take(&mut self, offset: i64) -> Taken {
        let high = self.high.unwrap_or(offset);
        if self.high.is_none() {
            self.origin = offset;
        } else if offset < self.taken {
            return Taken::Seen;
        }
        // What was to come before it and didn't isn't there any more.
        (self.taken.max(self.origin)..offset.min(high)).for_each(|gone| self.clear(gone));
        self.taken = offset + 1;
        if offset < high {
            return if self.is_set(offset) { Taken::Fresh } else { Taken::DoneBefore };
        }
        if self.unfinished == 0 {
            self.words.clear();
            self.origin = offset;
        }
        self.high = Some(offset + 1);
        self.set(offset);
        Taken::Fresh
    }

    /// The record at `offset` is done.
    pub fn finish(&mut self, offset: i64) {
        self.clear(offset);
    }

    /// Whether the record at `offset` is done.
    pub fn is_done(&self, offset: i64) -> bool {
        self.high.is_some_and(|high| offset < high) && !self.is_set(offset)
    }

    /// What somebody else did counts as done here, too.
    pub fn absorb(&mut self, other: &Position) {
        let theirs = Self::restored(other);
        let Some((high, their_high)) = self.high.zip(theirs.high) else {
            *self = theirs;
            return;
        };
        (self.origin..high).filter(|at| theirs.is_done(*at)).for_each(|at| self.clear(at));
        (high..their_high).filter(|at| theirs.is_set(*at)).for_each(|at| self.set(at));
        self.high = Some(high.max(their_high));
    }

    /// Records that are known and not done.
    pub fn unfinished(&self) -> i64 {
        self.unfinished
    }

    /// Offset of the first record that isn't done; `None` before the first record of a partition
    /// that nobody began.
    pub fn next(&self) -> Option<i64> {
        let high = self.high?;
        let first = self.words.iter().enumerate().find(|(_, word)| **word != 0);
        Some(first.map_or(high, |(i, word)| self.offset(i) + i64::from(word.trailing_zeros())))
    }

    /// Offsets from the first that isn't done to the last that is known.
    pub fn span(&self) -> i64 {
        self.high.zip(self.next()).map_or(0, |(high, next)| high - next)
    }

    /// What to commit.
    pub fn position(&self) -> Option<Position> {
        let next = self.next()?;
        let done_beyond = ledger_text::encode(next, &self.runs(next));
        Some(Position { next, done_beyond })
    }

    /// A bug on purpose: as if all that came were done.
    #[cfg(feature = "faults")]
    pub(crate) fn past_gap(&self) -> Option<Position> {
        Some(Position { next: self.high?, done_beyond: String::new() })
    }

    /// Lengths of what is unfinished and what is done, in turn, from `next` on to the end.
    fn runs(&self, next: i64) -> Vec<i64> {
        let (mut runs, mut at) = (Vec::new(), next);
        let high = self.high.unwrap_or(next);
        while at < high {
            let end = self.end_of_run(at, high);
            runs.push(end - at);
            at = end;
        }
        runs
    }

    /// Where the run that begins at `at` ends.
    fn end_of_run(&self, at: i64, high: i64) -> i64 {
        let is_unfinished = self.is_set(at);
        let mut at = at;
        while at < high {
            let (i, bit) = self.index(at);
            let word = self.words.get(i).copied().unwrap_or(0);
            let changes = if is_unfinished { !word } else { word } >> bit;
            if changes != 0 {
                return (at + i64::from(changes.trailing_zeros())).min(high);
            }
            at = self.offset(i + 1);
        }
        high
    }

    fn set(&mut self, offset: i64) {
        let (i, bit) = self.index(offset);
        if i >= self.words.len() {
            self.words.resize(i + 1, 0);
        }
        self.unfinished += i64::from(!self.is_set(offset));
        self.words[i] |= 1 << bit;
    }

    fn clear(&mut self, offset: i64) {
        if !self.is_set(offset) {
            return;
        }
        let (i, bit) = self.index(offset);
        self.words[i] &= !(1 << bit);
        self.unfinished -= 1;
        while self.words.front() == Some(&0) {
            self.words.pop_front();
            self.origin += 64;
        }
    }

    fn is_set(&self, offset: i64) -> bool {
        let (i, bit) = self.index(offset);
        offset >= self.origin && self.words.get(i).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// Word and bit of an offset that isn't below the origin.
    fn index(&self, offset: i64) -> (usize, u32) {
        let distance = u64::try_from(offset - self.origin).unwrap_or(0);
        let word = usize::try_from(distance / 64).unwrap_or(usize::MAX);
        (word, u32::try_from(distance % 64).unwrap_or(0))
    }

    fn offset(&self, word: usize) -> i64 {
        self.origin.saturating_add(i64::try_from(word).unwrap_or(i64::MAX).saturating_mul(64))
    }
}
