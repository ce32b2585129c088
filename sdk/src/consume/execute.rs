//! Doing what the core hands out: runs of keys side by side, at most so many handlers at once.
//!
//! Runs of a bundle are begun one after the other. A handler that doesn't wait ends there and then,
//! as in a plain loop; one that does goes on as a task of its own, the last in the bundle's.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use orderly_core::{Assignment, Decision as Follows, Failed, Lane, Ledger, Report, RunEnd, Unit};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit},
};
use tokio_util::sync::CancellationToken;

use super::{
    Decision, Failure, Scope,
    counters::Counters,
    crew::Crew,
    engine::{Engine, Ran, panic_text},
    look::Looks,
    mailbox::{Inbound, Mailbox},
    one_by_one::Run,
    pace::Pace,
    routes::Routes,
    shell::Stop,
};
use crate::{
    OutRecord, faults,
    record::{Coordinates, InRecord, TopicPartition},
};

/// A run goes on with its key's next record for so long; then it reports, so that what is done is
/// known soon.
const LONGEST_RUN: Duration = Duration::from_millis(2);

/// What runs handlers.
pub(super) struct Executor<S: Scope> {
    pub(super) engine: Engine<S>,
    pub(super) mailbox: Mailbox,
    pub(super) stop: Stop,
    pub(super) looks: Looks,
    pub(super) runtime: Handle,
    pub(super) handlers: Semaphore,
    pub(super) crew: Crew<(Unit<InRecord>, Arc<Place>)>,
    /// Longest that a handler may take.
    pub(super) timeout: Option<Duration>,
    pub(super) pace: Pace,
}

/// The partition that something is done for.
pub(super) struct Place {
    pub(super) at: TopicPartition,
    pub(super) counters: Counters,
    /// Nobody is to work for it any more.
    pub(super) stop: CancellationToken,
}

impl Place {
    /// `None`: nobody is to work for the partition any more. What ends at once isn't interrupted.
    pub(super) async fn while_ours<T>(
        &self,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        if self.stop.is_cancelled() {
            return None;
        }
        if let Poll::Ready(done) = futures::poll!(work.as_mut()) {
            return Some(done);
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.stop.cancelled() => None,
        }
    }
}

impl<S: Scope> Executor<S> {
    /// Has a unit done; its reports come to the mailbox.
    pub(super) fn start(self: &Arc<Self>, unit: Unit<InRecord>, place: Arc<Place>) {
        let Some(first) = self.crew.give((unit, place)) else { return };
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            let mut next = Some(first);
            while let Some((unit, place)) = next {
                this.work(unit, place).await;
                next = this.crew.next().await;
            }
        });
    }

    async fn work(self: &Arc<Self>, unit: Unit<InRecord>, place: Arc<Place>) {
        if matches!(self.engine.routes, Routes::Batch { .. }) {
            let ends = self.batch(unit, &place).await;
            self.mailbox.post(Inbound::Ends(ends));
        } else if let Some(ledger) = unit.ledger.clone() {
            let ends = self.in_sequence(unit, ledger, &place).await;
            self.mailbox.post(Inbound::Ends(ends));
        } else {
            self.side_by_side(unit, place).await;
        }
    }

    async fn side_by_side(self: &Arc<Self>, mut unit: Unit<InRecord>, place: Arc<Place>) {
        let mut ends = Ends::of(unit.assignment);
        let last = unit.runs.pop();
        let (began, mut at_once) = (Instant::now(), 0);
        for run in unit.runs {
            let permit = self.permit(&mut ends, &place).await;
            let (this, place) = (Arc::clone(self), Arc::clone(&place));
            let mut running =
                Box::pin(async move { this.run(unit.assignment, run, None, &place).await });
            match futures::poll!(&mut running) {
                Poll::Ready(ended) => {
                    ended.join(&mut ends);
                    at_once += 1;
                }
                Poll::Pending => {
                    self.pace.waited();
                    let this = Arc::clone(self);
                    permit.into_iter().for_each(SemaphorePermit::forget);
                    self.runtime.spawn(async move {
                        let ended = running.await;
                        this.handlers.add_permits(1);
                        let mut ends = Ends::of(unit.assignment);
                        ended.join(&mut ends);
                        this.mailbox.post(Inbound::Ends(ends));
                    });
                }
            }
        }
        // Where handlers wait it is the only one, and this its task.
        if let Some(run) = last {
            let _permit = self.permit(&mut ends, &place).await;
            let mut running = pin!(self.run(unit.assignment, run, None, &place));
            let ended = match futures::poll!(&mut running) {
                Poll::Ready(ended) => {
                    self.pace.ran(at_once + 1, began.elapsed());
                    ended
                }
                Poll::Pending => {
                    self.pace.ran(at_once, began.elapsed());
                    self.pace.waited();
                    self.hand_in(&mut ends);
                    running.await
                }
            };
            ended.join(&mut ends);
        }
        self.hand_in(&mut ends);
    }

    /// Leave to run a handler. Before it waits for it, it reports what is done. `None`: nobody is to
    /// work for the partition any more, and it only hands its records back.
    async fn permit(&self, ends: &mut Ends, place: &Place) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.handlers.try_acquire() {
            return Some(permit);
        }
        self.hand_in(ends);
        // It is never closed.
        tokio::select! {
            permit = self.handlers.acquire() => permit.ok(),
            () = place.stop.cancelled() => None,
        }
    }

    fn hand_in(&self, ends: &mut Ends) {
        let assignment = ends.report.assignment;
        if !ends.report.runs.is_empty() {
            let ends = mem::replace(ends, Ends::of(assignment));
            self.mailbox.post(Inbound::Ends(ends));
        }
    }

    /// Records of one key, one after the other; where the position moves with the effect, `ledger` is
    /// what was done before each.
    async fn run(
        &self,
        assignment: Assignment,
        run: orderly_core::Run<InRecord>,
        mut ledger: Option<&mut Ledger>,
        place: &Place,
    ) -> Ended {
        let mut ended = Ended::new(run.lane.clone());
        let is_redriven = !matches!(run.lane, Lane::Live(_));
        let (mut attempt, mut records) = (run.attempt, run.records);
        let began = Instant::now();
        while let Some(record) = records.front() {
            let how = Run { attempt, is_redriven, ledger: ledger.as_deref() };
            let tried = {
                let mut trying = pin!(self.try_once(record, how, place));
                match futures::poll!(&mut trying) {
                    Poll::Ready(tried) => tried,
                    Poll::Pending => {
                        // It may take its time, and what is done before it is known meanwhile.
                        ended.tell_done(assignment, &self.mailbox);
                        trying.await
                    }
                }
            };
            match tried {
                None => break,
                Some(Ok(ran)) => {
                    place.counters.count(ran.outcome);
                    if let Some(ledger) = &mut ledger {
                        ledger.finish(record.at().offset);
                    }
                    ended.done(record);
                    ended
                        .emitted
                        .extend(ran.emitted.into_iter().map(|it| (record.at().clone(), it)));
                    records.pop_front();
                }
                Some(Err(failure)) => {
                    ended.failed = Some(self.failed(&failure, record, attempt));
                    break;
                }
            }
            attempt = 1;
            if began.elapsed() > LONGEST_RUN {
                break;
            }
        }
        ended.left = records;
        ended
    }

    /// The runs of a unit one after the other, each record moving the position.
    async fn in_sequence(&self, unit: Unit<InRecord>, mut ledger: Ledger, place: &Place) -> Ends {
        let mut ends = Ends::of(unit.assignment);
        for run in unit.runs {
            let ended = self.run(unit.assignment, run, Some(&mut ledger), place).await;
            ended.join(&mut ends);
        }
        ends
    }

    /// `None`: nobody is to work for the partition any more.
    pub(super) async fn try_once(
        &self,
        record: &InRecord,
        run: Run<'_>,
        place: &Place,
    ) -> Option<Result<Ran, Failure>> {
        // In place, here and below: what a record takes is mostly moving what it is done in.
        let trying = pin!(async {
            faults::offset_first(record, &|next| self.say_done(next, place)).await;
            self.bounded(pin!(self.engine.attempt(record, run))).await
        });
        place.while_ours(trying).await
    }

    /// A handler's panic is a failure, and so is taking too long.
    pub(super) async fn bounded<T>(
        &self,
        handling: Pin<&mut impl Future<Output = Result<T, Failure>>>,
    ) -> Result<T, Failure> {
        let handling = caught(handling);
        match self.timeout {
            None => handling.await,
            Some(timeout) => tokio::time::timeout(timeout, handling).await.unwrap_or_else(|_| {
                Err(Failure::retry(format_args!("took longer than {timeout:?}")))
            }),
        }
    }

    /// A failure as the core takes it; told and counted.
    pub(super) fn failed(&self, failure: &Failure, record: &InRecord, attempt: u32) -> Failed {
        let (group, at, error) = (&self.engine.group, record.at(), failure.to_string());
        let decision = match failure.decision() {
            Decision::Retry => {
                metrics::counter!("orderly_retries_total", "group" => group.to_string())
                    .increment(1);
                tracing::warn!(%group, %at, attempt, error, "failed");
                Follows::Retry
            }
            Decision::Reject => Follows::Reject,
            Decision::NotYet => {
                tracing::debug!(%group, %at, fact = error, "not yet");
                Follows::NotYet
            }
            Decision::Unavailable(part) => {
                metrics::counter!(
                    "orderly_unavailable_total",
                    "group" => group.to_string(), "part" => *part
                )
                .increment(1);
                self.mailbox.post(Inbound::Away(part, error.clone()));
                Follows::Unavailable
            }
        };
        Failed { decision, error }
    }

    /// Where [`faults::COMMIT_BEFORE_EFFECT`] is planted.
    pub(super) fn say_done(&self, next: i64, place: &Place) {
        self.mailbox.post(Inbound::SaidDone(place.at.clone(), next - 1));
    }
}

/// A panic is a failure.
async fn caught<T>(
    mut handling: Pin<&mut impl Future<Output = Result<T, Failure>>>,
) -> Result<T, Failure> {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let why = format_args!("panicked: {}", panic_text(&*panic));
            Poll::Ready(Err(Failure::retry(why)))
        })
    })
    .await
}

/// Runs that ended, on their way to the core.
pub(super) struct Ends {
    pub(super) report: Report<InRecord>,
    /// What is emitted by what is done, where the member's transaction sends it; and on which record.
    pub(super) emitted: Vec<(Coordinates, OutRecord)>,
}

impl Ends {
    pub(super) fn of(assignment: Assignment) -> Self {
        Self { report: Report::of(assignment), emitted: Vec::new() }
    }
}

/// How a run ended, on its way into a report.
pub(super) struct Ended {
    lane: Lane,
    /// Records done.
    pub(super) count: usize,
    /// Those of them that aren't reported yet.
    done: Vec<i64>,
    bytes: usize,
    /// What they emit.
    pub(super) emitted: Vec<(Coordinates, OutRecord)>,
    pub(super) left: VecDeque<InRecord>,
    pub(super) failed: Option<Failed>,
}

impl Ended {
    pub(super) fn new(lane: Lane) -> Self {
        Self {
            lane,
            count: 0,
            done: Vec::new(),
            bytes: 0,
            emitted: Vec::new(),
            left: VecDeque::new(),
            failed: None,
        }
    }

    pub(super) fn done(&mut self, record: &InRecord) {
        self.count += 1;
        // Where that is planted, it was said before.
        if !faults::is_planted(faults::COMMIT_BEFORE_EFFECT) {
            self.done.push(record.at().offset);
            self.bytes += record.size();
        }
    }

    /// Reports what is done so far.
    fn tell_done(&mut self, assignment: Assignment, mailbox: &Mailbox) {
        // A redriven one's offset was done when it went to the dead letters.
        if !self.done.is_empty() && matches!(self.lane, Lane::Live(_)) {
            let (done, bytes) = (mem::take(&mut self.done), mem::take(&mut self.bytes));
            let report = Report { done, bytes, ..Report::of(assignment) };
            mailbox.post(Inbound::Ends(Ends { report, emitted: mem::take(&mut self.emitted) }));
        }
    }

    pub(super) fn join(self, ends: &mut Ends) {
        let Self { lane, count, done, bytes, emitted, left, failed } = self;
        let Ends { report, emitted: all } = ends;
        report.runs.push(RunEnd { lane, done: count, left, failed });
        report.done.extend(done);
        report.bytes += bytes;
        all.extend(emitted);
    }
}
