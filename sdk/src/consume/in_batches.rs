//! Many records of a partition at a time; one that fails is cut out of its batch.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Instant,
};

use metrics::Histogram;
use orderly_core::{Lane, Ledger, Unit};
use tracing::Instrument as _;

use super::{
    BatchContext, Begun, Decision, Failure, Scope,
    engine::{Opened, Outcome, panic_text},
    execute::{Ended, Ends, Executor, Place},
    routes::{BatchRoute, DecodedBatch, Routes, Timed},
    scope,
};
use crate::{EventId, codec::headers, faults, record::InRecord, trace};

impl<S: Scope> Executor<S> {
    /// Does the records of a unit, in the order of their offsets: all at once, and where that fails,
    /// one by one.
    pub(super) async fn batch(&self, unit: Unit<InRecord>, place: &Place) -> Ends {
        let mut ends = Ends::of(unit.assignment);
        let Routes::Batch { route, .. } = &self.engine.routes else { return ends };
        let mut its: Vec<Ended> =
            unit.runs.iter().map(|run| Ended::new(run.lane.clone())).collect();
        let mut batch = Batch::of(route, &unit);
        let opened = batch.open(self, &unit, &mut its, place).await;
        if opened.is_some() {
            batch.work(self, &mut its, place).await;
        }
        drop(batch);
        for (run, mut ended) in unit.runs.into_iter().zip(its) {
            ended.left = run.records.into_iter().skip(ended.count).collect();
            ended.join(&mut ends);
        }
        ends
    }
}

/// Records in the order of their offsets, each with the run that it is of.
struct Batch<'a, S: Scope> {
    records: Vec<(usize, &'a InRecord)>,
    /// What is of nobody's type has no event.
    taken: Vec<Taken<'a>>,
    events: Box<dyn DecodedBatch<S> + 'a>,
    seconds: &'a Histogram,
    ids: Vec<EventId>,
    /// Of each event, the span that emitted it.
    traces: Vec<Option<Arc<str>>>,
    ledger: Option<Ledger>,
    is_redriven: bool,
    attempt: u32,
}

#[derive(Clone, Copy)]
struct Taken<'a> {
    run: usize,
    record: &'a InRecord,
    event: Option<usize>,
}

impl<'a, S: Scope> Batch<'a, S> {
    fn of(timed: &'a Timed<dyn BatchRoute<S>>, unit: &'a Unit<InRecord>) -> Self {
        let runs = unit.runs.iter().enumerate();
        let mut records: Vec<(usize, &InRecord)> =
            runs.flat_map(|(i, run)| run.records.iter().map(move |record| (i, record))).collect();
        records.sort_by_key(|(_, record)| record.at().offset);
        Self {
            records,
            taken: Vec::new(),
            events: timed.route.begin(),
            seconds: &timed.seconds,
            ids: Vec::new(),
            traces: Vec::new(),
            ledger: unit.ledger.clone(),
            is_redriven: unit.runs.iter().any(|run| !matches!(run.lane, Lane::Live(_))),
            attempt: unit.runs.first().map_or(1, |run| run.attempt),
        }
    }

    /// Decodes; what can't be fails its run there. `None`: cancelled.
    async fn open(
        &mut self,
        executor: &Executor<S>,
        unit: &Unit<InRecord>,
        ends: &mut [Ended],
        place: &Place,
    ) -> Option<()> {
        for (run, record) in std::mem::take(&mut self.records) {
            if ends[run].failed.is_some() {
                continue;
            }
            let is_first = unit.runs[run].records.front().is_some_and(|it| it.at() == record.at());
            let attempt = if is_first { unit.runs[run].attempt } else { 1 };
            let opened = place.while_ours(pin!(executor.engine.open(record, attempt))).await?;
            match opened.and_then(|opened| self.add(opened, record)) {
                Ok(event) => self.taken.push(Taken { run, record, event }),
                Err(failure) => {
                    ends[run].failed = Some(executor.failed(&failure, record, attempt));
                }
            }
        }
        Some(())
    }

    fn add(&mut self, opened: Opened<'_>, record: &InRecord) -> Result<Option<usize>, Failure> {
        let Opened::Event { schema, datum } = opened else { return Ok(None) };
        let meta = headers::read(record);
        let (id, at, trace) = (meta.id, record.at().clone(), meta.traceparent.clone());
        // Decoding runs the types' own code.
        let added = catch_unwind(AssertUnwindSafe(|| self.events.add(&schema, datum, meta, at)));
        added.unwrap_or_else(|panic| {
            Err(Failure::reject(format_args!("panicked: {}", panic_text(&*panic))))
        })?;
        self.ids.push(id);
        self.traces.push(trace);
        Ok(Some(self.ids.len() - 1))
    }

    async fn work(&mut self, executor: &Executor<S>, ends: &mut [Ended], place: &Place) {
        let all = self.taken.len();
        match self.attempt(executor, 0..all, place).await {
            None => return,
            Some(Ok(outcome)) => return self.done(0..all, outcome, ends, place),
            Some(Err(failure)) => {
                let is_of_a_record = !matches!(failure.decision(), Decision::Unavailable(_));
                if all == 1 || !is_of_a_record {
                    return self.fail(0, &failure, executor, ends);
                }
            }
        }
        for i in 0..all {
            if ends[self.taken[i].run].failed.is_some() {
                continue;
            }
            match self.attempt(executor, i..i + 1, place).await {
                None => return,
                Some(Ok(outcome)) => self.done(i..i + 1, outcome, ends, place),
                Some(Err(failure)) => {
                    self.fail(i, &failure, executor, ends);
                    if matches!(failure.decision(), Decision::Unavailable(_)) {
                        return;
                    }
                }
            }
        }
    }

    fn fail(&self, i: usize, failure: &Failure, executor: &Executor<S>, ends: &mut [Ended]) {
        if let Some(Taken { run, record, .. }) = self.taken.get(i) {
            ends[*run].failed = Some(executor.failed(failure, record, self.attempt));
        }
    }

    fn done(&mut self, range: Range<usize>, outcome: Outcome, ends: &mut [Ended], place: &Place) {
        for Taken { run, record, event } in &self.taken[range] {
            place.counters.count(match event {
                Some(_) => outcome,
                None if self.is_redriven => Outcome::Discarded,
                None => Outcome::Skipped,
            });
            ends[*run].done(record);
            if let Some(ledger) = &mut self.ledger {
                ledger.finish(record.at().offset);
            }
        }
    }

    /// One run on some of the records. `None`: cancelled.
    async fn attempt(
        &self,
        executor: &Executor<S>,
        range: Range<usize>,
        place: &Place,
    ) -> Option<Result<Outcome, Failure>> {
        let taken = &self.taken[range.clone()];
        let first = taken.first()?.record.at();
        let traces = taken.iter().filter_map(|it| self.traces[it.event?].as_deref());
        let (group, count) = (&executor.engine.group, taken.len());
        let span = trace::of_batch(group, first, count, traces, self.attempt);
        let trying = async {
            for taken in taken {
                faults::offset_first(taken.record, &|next| executor.say_done(next, place)).await;
            }
            self.try_once(executor, range, place).await
        };
        let trying = trying.instrument(span);
        place.while_ours(pin!(executor.bounded(pin!(trying)))).await
    }

    async fn try_once(
        &self,
        executor: &Executor<S>,
        range: Range<usize>,
        place: &Place,
    ) -> Result<Outcome, Failure> {
        let engine = &executor.engine;
        let taken = &self.taken[range];
        let offsets: Vec<i64> = taken.iter().map(|taken| taken.record.at().offset).collect();
        // Events lie side by side, in the records' order.
        let first = taken.iter().find_map(|taken| taken.event);
        let last = taken.iter().rev().find_map(|taken| taken.event);
        let events = first.zip(last).map_or(0..0, |(first, last)| first..last + 1);
        let unit = scope::Unit {
            group: &engine.group,
            partition: &place.at,
            offsets: &offsets,
            events: &self.ids[events.clone()],
            ledger: self.ledger.as_ref(),
            is_redriven: self.is_redriven,
        };
        if events.is_empty() {
            engine.scope.pass(&unit).await?;
            return Ok(Outcome::Skipped);
        }
        let tx = match engine.scope.begin(&unit).await? {
            Begun::Repeat => return Ok(Outcome::Repeat),
            Begun::Fresh(tx) => tx,
        };
        let mut cx = BatchContext { tx, group: &engine.group, attempt: self.attempt };
        let began = Instant::now();
        let handled = self.events.handle(&mut cx, events).await;
        self.seconds.record(began.elapsed());
        handled?;
        engine.scope.commit(cx.tx, &unit, Vec::new()).await?;
        taken.iter().for_each(|taken| faults::effect_done(taken.record));
        Ok(if self.is_redriven { Outcome::Redriven } else { Outcome::Done })
    }
}
