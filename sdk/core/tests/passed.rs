//! What was passed over, done after all, where a schedule seldom comes by.

use std::time::Duration;

use orderly_core::{
    Assignment, Beginning, Bounds, Core, Decision, Effect, Exhausted, Failed, Mark, Marks,
    PassedOver, Position, Record, Report, RetryPolicy, RunEnd, Settings, Whose,
};

#[derive(Clone, Debug)]
struct Letter(i64);

impl Record for Letter {
    fn offset(&self) -> i64 {
        self.0
    }

    fn key(&self) -> Option<&[u8]> {
        None
    }

    fn size(&self) -> usize {
        1
    }
}

/// Two dead letters, passed over, and a member that was told `state` of them.
struct Two {
    core: Core<Letter>,
    assignment: Assignment,
}

impl Two {
    fn told(state: PassedOver) -> Self {
        let wait = Duration::from_millis(1);
        let retry = RetryPolicy {
            attempts: 3,
            first_backoff: wait,
            most_backoff: wait,
            exhausted: Exhausted::Skip,
            rejected: Exhausted::Skip,
        };
        let bounds = Bounds { concurrency: 1, records: 10, bytes: 1_000, span: 1_000 };
        let settings = Settings { bounds, retry, most_parked: 1, batch: None };
        let mut core = Core::new(settings, 1);
        let marks = Marks { epoch: 1, passed_over: state, ..Marks::default() };
        let assignment =
            core.assign(Beginning { epoch: 1, marks, letters_end: 2, ..Beginning::default() });
        core.mark_read(assignment, Mark::Redrive(Whose::PassedOver));
        Self { core, assignment }
    }

    /// Does what may be done, each as `how` says; the letters in their order.
    fn run(&mut self, how: impl Fn(i64) -> Option<Decision>) -> Vec<i64> {
        let mut ran = Vec::new();
        for now in 0..100 {
            self.core.tick(Duration::from_millis(10 * now));
            self.answer();
            let Some(unit) = self.core.next_unit(1) else { continue };
            let mut report = Report::of(unit.assignment);
            for mut run in unit.runs {
                ran.push(run.records[0].0);
                let failed = how(run.records[0].0)
                    .map(|decision| Failed { decision, error: "as told".to_owned() });
                if failed.is_none() {
                    run.records.clear();
                }
                let done = usize::from(failed.is_none());
                report.runs.push(RunEnd { lane: run.lane, done, left: run.records, failed });
            }
            self.core.report(report);
        }
        ran
    }

    /// Acknowledges marks, finds letters.
    fn answer(&mut self) {
        loop {
            let effects = self.core.effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Mark { assignment, sequence, .. } => {
                        self.core.marked(assignment, &Whose::PassedOver, sequence);
                    }
                    Effect::Look { assignment, whose, from: at @ 0..2 } => {
                        self.core.letter_found(assignment, &whose, at, Letter(at));
                    }
                    Effect::Look { assignment, whose, .. } => {
                        self.core.no_letter(assignment, &whose, 2);
                    }
                    _ => {}
                }
            }
        }
    }

    fn asked_again(mut self) -> Vec<i64> {
        self.core.mark_read(self.assignment, Mark::Redrive(Whose::PassedOver));
        self.run(|_| None)
    }
}

#[test]
fn one_that_isnt_ready_holds_up_no_other_and_is_done_the_next_time() {
    let mut two = Two::told(PassedOver::default());
    assert_eq!(two.run(|at| (at == 0).then_some(Decision::NotYet)), [0, 1]);
    assert_eq!(two.asked_again(), [0]);
}

#[test]
fn one_that_fails_is_tried_as_often_as_any_and_left() {
    let mut two = Two::told(PassedOver::default());
    assert_eq!(two.run(|at| (at == 0).then_some(Decision::Retry)), [0, 0, 0, 1]);
    assert_eq!(two.asked_again(), [0]);
}

#[test]
fn a_mark_that_cant_be_counts_as_none() {
    for (next, until) in [(i64::MIN, 0), (i64::MAX, 0), (3, 0), (0, i64::MAX), (0, -1)] {
        let position = Position { next, done_beyond: String::new() };
        let mut two = Two::told(PassedOver { position, until });
        assert_eq!(two.run(|_| None), [0, 1], "{next}, {until}");
    }
}
