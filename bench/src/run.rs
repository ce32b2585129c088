//! Both sides of a case, taking turns.

use std::time::{Duration, Instant};

use crate::{Error, args::Args, budget::Budget, raw::Raw, report::Report, round::Round};

/// What every benchmark has at hand.
pub(crate) struct Run<'a> {
    pub(crate) args: &'a Args,
    pub(crate) report: Report,
    pub(crate) raw: Raw,
    pub(crate) budget: Budget,
}

impl<'a> Run<'a> {
    pub(crate) fn begin(args: &'a Args) -> Result<Self, Error> {
        let raw = Raw::create(args)?;
        Ok(Self { args, report: Report::new(args, raw.path()), raw, budget: Budget::begin() })
    }

    /// Rounds of two sides, each first in every other round. A side that was cut isn't run again:
    /// more rounds would say the same, and take long. Where the time is up, fewer are run, and said.
    pub(crate) async fn turns<A, B>(
        &mut self,
        case: &str,
        names: [&str; 2],
        mut one: impl FnMut(u32) -> A,
        mut other: impl FnMut(u32) -> B,
    ) -> Result<[Vec<Round>; 2], Error>
    where
        A: Future<Output = Result<Round, Error>>,
        B: Future<Output = Result<Round, Error>>,
    {
        let mut done = [Vec::new(), Vec::new()];
        let mut longest = Duration::ZERO;
        for number in 0..self.args.rounds {
            if !self.budget.has(longest) {
                let rounds = self.args.rounds;
                self.report.leave_out(format!("{case}: {number} of {rounds} rounds, time was up"));
                break;
            }
            let began = Instant::now();
            for turn in 0..2 {
                let side = ((number + turn) % 2) as usize;
                if done[side].iter().any(|round: &Round| round.is_cut) {
                    continue;
                }
                let round = match side {
                    0 => one(number).await,
                    _ => other(number).await,
                };
                let round = round.map_err(|why| format!("{case}, {}: {why}", names[side]))?;
                self.raw.round(case, names[side], &round)?;
                done[side].push(round);
            }
            longest = longest.max(began.elapsed());
        }
        for (side, rounds) in names.iter().zip(&done) {
            if rounds.iter().any(|round| round.is_cut) {
                self.report.leave_out(format!("{case}: {side} was cut, and not run again"));
            }
        }
        Ok(done)
    }

    /// The report, with its worst case.
    pub(crate) fn end(mut self) -> Result<Report, Error> {
        self.report.under("seconds", self.budget.elapsed().as_secs());
        self.report.conclude();
        if self.report.cases.is_empty() {
            return Err("no case was measured".into());
        }
        Ok(self.report)
    }
}
