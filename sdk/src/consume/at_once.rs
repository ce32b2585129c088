//! Handlers run by the thread that polls, on records where the client library put them: as long as
//! they end at once, and nothing else of their key waits. One that doesn't end goes on as a task, and
//! what comes behind it of its key takes the way through the queue.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use orderly_core::{Assignment, AtOnce, Core, Lane};

use super::{
    Failure, Scope,
    engine::{Outcome, Ran},
    execute::{Ended, Ends, Executor, Place},
    mailbox::Inbound,
    one_by_one::Run,
};
use crate::{
    OutRecord,
    record::{Coordinates, InRecord},
};

/// Longest that the thread does a partition's records before it looks around.
const LONGEST: Duration = Duration::from_millis(10);
/// Records between two looks at the clock.
const LOOK: u64 = 8;

/// A record, and what became of it. `None`: nobody is to work for the partition any more.
type Tried = (InRecord, Option<Result<Ran, Failure>>);

/// Where records are begun, one after the other, by one future that goes on with the next: making one
/// for each would cost as much as all else that is done for a record.
#[derive(Default)]
pub(super) struct Bench(Option<Trying>);

/// The future, and what it is given and gives back.
struct Trying {
    working: Pin<Box<dyn Future<Output = ()> + Send>>,
    hatch: Arc<Mutex<Hatch>>,
}

#[derive(Default)]
struct Hatch {
    given: Option<(InRecord, Arc<Place>)>,
    tried: Option<Tried>,
}

impl Bench {
    /// Begins a record; `Err` is what has to go on elsewhere.
    fn begin<S: Scope>(
        &mut self,
        executor: &Arc<Executor<S>>,
        record: InRecord,
        place: &Arc<Place>,
    ) -> Result<Tried, Trying> {
        let mut trying = self.0.take().unwrap_or_else(|| Trying::of(executor));
        lock(&trying.hatch).given = Some((record, Arc::clone(place)));
        match trying.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(tried) => {
                self.0 = Some(trying);
                Ok(tried)
            }
            Poll::Pending => Err(trying),
        }
    }
}

impl Trying {
    fn of<S: Scope>(executor: &Arc<Executor<S>>) -> Self {
        let hatch = Arc::new(Mutex::new(Hatch::default()));
        let (executor, its_hatch) = (Arc::clone(executor), Arc::clone(&hatch));
        let working = Box::pin(async move {
            loop {
                let next = poll_fn(|_| match lock(&its_hatch).given.take() {
                    Some(given) => Poll::Ready(given),
                    // Whoever gives it something polls it.
                    None => Poll::Pending,
                });
                let (record, place) = next.await;
                let run = Run { attempt: 1, is_redriven: false, ledger: None };
                let tried = executor.try_once(&record, run, &place).await;
                lock(&its_hatch).tried = Some((record, tried));
            }
        });
        Self { working, hatch }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Tried> {
        // It never ends.
        let _ = self.working.as_mut().poll(cx);
        lock(&self.hatch).tried.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Never held by two at once.
fn lock(hatch: &Mutex<Hatch>) -> MutexGuard<'_, Hatch> {
    hatch.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Scope> Executor<S> {
    /// Does records of a partition, and delivers those whose keys have others before them. What isn't
    /// begun in time is left. Answers how many are done, and what they emit that a transaction is to send.
    pub(super) fn at_once(
        self: &Arc<Self>,
        bench: &mut Bench,
        core: &mut Core<InRecord>,
        assignment: Assignment,
        place: &Arc<Place>,
        records: &mut impl Iterator<Item = InRecord>,
    ) -> (usize, Vec<(Coordinates, OutRecord)>) {
        let mut emitted = Vec::new();
        let Ok(mut permit) = self.handlers.try_acquire() else { return (0, emitted) };
        let _in_runtime = self.runtime.enter();
        let (began, mut runs, mut done, mut others) = (Instant::now(), 0_u64, 0, 0);
        for record in records.by_ref() {
            let ticket = match core.try_at_once(assignment, &record) {
                AtOnce::Do(ticket) => ticket,
                AtOnce::Nothing => continue,
                AtOnce::Deliver => {
                    core.deliver(assignment, [record.owned()]);
                    continue;
                }
            };
            match bench.begin(self, record, place) {
                Ok((record, Some(Ok(ran)))) => {
                    core.done_at_once(&ticket);
                    emitted.extend(ran.emitted.into_iter().map(|it| (record.at().clone(), it)));
                    match ran.outcome {
                        Outcome::Done => done += 1,
                        other => {
                            place.counters.count(other);
                            others += 1;
                        }
                    }
                }
                Ok(tried) => {
                    if let Some(lane) = core.goes_on(&ticket) {
                        // Nothing is emitted by what isn't done.
                        core.report(self.end_of(assignment, lane, tried, place).report);
                    }
                }
                Err(trying) => {
                    self.pace.waited();
                    let next = self.handlers.try_acquire();
                    // Given back when it ends.
                    permit.forget();
                    match core.goes_on(&ticket) {
                        Some(lane) => self.go_on(assignment, lane, trying, place),
                        None => self.handlers.add_permits(1),
                    }
                    match next {
                        Ok(next) => permit = next,
                        Err(_) => break,
                    }
                }
            }
            runs += 1;
            if runs % LOOK == 0 && began.elapsed() > LONGEST {
                break;
            }
        }
        place.counters.count_many(Outcome::Done, done);
        self.pace.ran_at_once(runs, began.elapsed());
        (usize::try_from(done).unwrap_or(usize::MAX) + others, emitted)
    }

    fn go_on(
        self: &Arc<Self>,
        assignment: Assignment,
        lane: Lane,
        mut trying: Trying,
        place: &Arc<Place>,
    ) {
        let (this, place) = (Arc::clone(self), Arc::clone(place));
        self.runtime.spawn(async move {
            let tried = poll_fn(|cx| trying.poll(cx)).await;
            this.handlers.add_permits(1);
            let ends = this.end_of(assignment, lane, tried, &place);
            this.mailbox.post(Inbound::Ends(ends));
        });
    }

    fn end_of(
        &self,
        assignment: Assignment,
        lane: Lane,
        (record, tried): Tried,
        place: &Place,
    ) -> Ends {
        let mut ended = Ended::new(lane);
        match tried {
            Some(Ok(ran)) => {
                place.counters.count(ran.outcome);
                ended.done(&record);
                let emitted = ran.emitted.into_iter().map(|it| (record.at().clone(), it));
                ended.emitted.extend(emitted);
            }
            Some(Err(failure)) => {
                ended.failed = Some(self.failed(&failure, &record, 1));
                ended.left = VecDeque::from([record.owned()]);
            }
            None => ended.left = VecDeque::from([record.owned()]),
        }
        let mut ends = Ends::of(assignment);
        ended.join(&mut ends);
        ends
    }
}
