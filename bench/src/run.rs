//! Both sides of a case, taking turns.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};

use crate::{Error, args::Args, budget::Budget, machine, raw::Raw, report::Report, round::Round};

/// Rounds of a peer, at most.
const PEER_ROUNDS: u32 = 3;

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

    /// Rounds of several sides, each first in its turn. A side that was cut isn't run again: more
    /// rounds would say the same, and take long. Where the time is up, fewer are run, and said.
    pub(crate) async fn turns(
        &mut self,
        case: &str,
        mut sides: Vec<Side<'_>>,
    ) -> Result<Vec<Vec<Round>>, Error> {
        let mut done = vec![Vec::new(); sides.len()];
        let mut longest = Duration::ZERO;
        for number in 0..self.args.rounds {
            if !self.budget.has(longest) {
                let rounds = self.args.rounds;
                self.report.leave_out(format!("{case}: {number} of {rounds} rounds, time was up"));
                break;
            }
            let began = Instant::now();
            for turn in 0..sides.len() {
                let at = (number as usize + turn) % sides.len();
                let Side { name, is_peer, is_over, run } = &mut sides[at];
                if *is_over || (*is_peer && number >= PEER_ROUNDS) {
                    continue;
                }
                let (round, took) = machine::timed(run(number)).await;
                let round = match round {
                    Ok(round) => round,
                    Err(why) if *is_peer => {
                        self.report.leave_out(format!("{case}: {name}: {why}"));
                        *is_over = true;
                        continue;
                    }
                    Err(why) => return Err(format!("{case}, {name}: {why}").into()),
                };
                *is_over = round.is_cut;
                self.raw.round(case, name, &round, Some(took))?;
                done[at].push(round);
            }
            longest = longest.max(began.elapsed());
        }
        for (side, rounds) in sides.iter().zip(&done) {
            if rounds.iter().any(|round| round.is_cut) {
                self.report.leave_out(format!("{case}: {} was cut, and not run again", side.name));
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

/// One side of a case.
pub(crate) struct Side<'a> {
    name: &'static str,
    is_peer: bool,
    is_over: bool,
    run: Box<dyn FnMut(u32) -> BoxFuture<'a, Result<Round, Error>> + 'a>,
}

impl<'a> Side<'a> {
    /// `run` is given the round's number.
    pub(crate) fn new<F>(name: &'static str, mut run: impl FnMut(u32) -> F + 'a) -> Self
    where
        F: Future<Output = Result<Round, Error>> + Send + 'a,
    {
        let run = Box::new(move |number| run(number).boxed());
        Self { name, is_peer: false, is_over: false, run }
    }

    /// Somebody else's: fewer rounds, and one that fails is left out and ends no run.
    pub(crate) fn of_peer(self) -> Self {
        Self { is_peer: true, ..self }
    }
}
