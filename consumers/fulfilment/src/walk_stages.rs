//! Walks orders on for which the time that was set has come: to cancel is over, or a stage; and gives
//! the places at stations to those whose turn it is. Nothing of it is in memory: each round reads the
//! tables, so it goes on after a kill, and any member may do it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use orderly_sdk::{
    Health, away,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError, Tx, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    kitchen::{Floor, Hours, Passed, PlaceRow},
    order_row::{OrderRow, RowError, State},
    payments::{PaymentRow, Step},
    stages::Stages,
    tell,
};

/// Orders that are due, read in one transaction.
const BATCH: usize = 200;
/// How often the table is looked at: a stage ends at most this late.
const TICK: Duration = Duration::from_millis(50);
/// What readiness calls it where an order can't be walked on.
const STAGES: &str = "stages";
/// Wait after the database was away.
const BACKOFF: Duration = Duration::from_secs(1);

/// Who walks them, in the kitchen that these stages have.
pub(crate) struct Walker {
    pub(crate) database: Database,
    pub(crate) encoders: Encoders,
    pub(crate) stages: Stages,
}

/// What a round came to.
struct Round {
    /// Orders that went on.
    walked: usize,
    /// There is more to be done.
    is_cut: bool,
}

impl Walker {
    /// Until `shutdown`. A database that is away is waited for.
    pub(crate) async fn walk(&self, health: &Health, shutdown: &CancellationToken) {
        let mut waiting = None;
        // Stations may have been added: who is in line has its place then, though nobody is due.
        let mut look_anyway = true;
        loop {
            let (wait, told) = match self.walk_due(look_anyway).await {
                Ok(Round { walked, is_cut }) => {
                    look_anyway = is_cut;
                    // Cut without having done anything: somebody is at who comes next.
                    let wait = if is_cut && walked > 0 { Duration::ZERO } else { TICK };
                    (wait, None)
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "stages wait");
                    let told = match away(&error) {
                        Some(part) => health.away(part.part, &part.message),
                        // As a row that can't be read: nobody is walked on until that is mended.
                        None => health.away(STAGES, &error.to_string()),
                    };
                    (BACKOFF, Some(told))
                }
            };
            drop(std::mem::replace(&mut waiting, told));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One transaction: the orders that are due, with everything that is told of them. Read within it,
    /// so two that walk at once never walk one order for the same stage.
    async fn walk_due(&self, look_anyway: bool) -> Result<Round, WalkError> {
        let now = self.now().await?;
        // First looked at without a turn to write: mostly nothing is due.
        let due = "SELECT 1 FROM fulfilment_orders WHERE ends_at <= $1 LIMIT 1";
        if !look_anyway && self.database.query_opt(due, &[now.into()]).await?.is_none() {
            return Ok(Round { walked: 0, is_cut: false });
        }
        let mut tx = self.database.begin().await?;
        let places = PlaceRow::all(&mut tx).await?;
        let lines = OrderRow::in_lines(&mut tx).await?;
        let mut floor = Floor::of(&self.stages, places, lines, now);
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let due = OrderRow::due(&mut tx, now, most).await?;
        // Behind the last that was read others may be due, whose places count.
        let is_full = due.len() == BATCH;
        let horizon = due.last().filter(|_| is_full).and_then(|last| last.ends_at).unwrap_or(now);
        let mut hours = Hours::of(due);
        for (stage, most) in floor.may_be_given(&hours.due()) {
            let waiting = OrderRow::first_in_line(&mut tx, &stage, most).await?;
            hours.line_up(&mut floor, &stage, waiting);
        }
        let passed = hours.pass(&mut floor, horizon);
        let round = Round { walked: passed.changed.len(), is_cut: passed.is_cut || is_full };
        PlaceRow::keep(&mut tx, floor.changed()).await?;
        self.keep(&mut tx, &passed, now).await?;
        tx.commit().await?;
        count(&floor);
        Ok(round)
    }

    /// By the database's clock, which all members share: a place that one gave away by its own clock would
    /// be free for the others when theirs had come so far.
    async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let row = self.database.query_opt("SELECT {now}", &[]).await?;
        let millis: i64 = row.map_or(Ok(0), |row| row.get(0))?;
        Ok(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }

    async fn keep(
        &self,
        tx: &mut Tx,
        passed: &Passed,
        now: DateTime<Utc>,
    ) -> Result<(), WalkError> {
        let Passed { orders, changed, told, .. } = passed;
        let changed: Vec<&OrderRow> = changed.iter().filter_map(|at| orders.get(*at)).collect();
        OrderRow::keep(tx, changed.iter().copied()).await?;
        let capturing = changed.iter().filter(|order| order.state == State::Capturing);
        let capturing: Vec<_> = capturing.map(|order| vec![(&order.order_id).into()]).collect();
        if !capturing.is_empty() {
            let mut payments = PaymentRow::among(tx, capturing).await?;
            payments.iter_mut().for_each(|payment| payment.go(Step::Capturing, now));
            PaymentRow::keep(tx, payments.iter()).await?;
        }
        let mut records = Vec::with_capacity(told.len());
        for (at, told) in told {
            if let Some(order) = orders.get(*at) {
                records.push(tell::as_record(&self.encoders, &tell::placing(order), told)?);
            }
        }
        Ok(outbox::insert(tx, &records).await?)
    }
}

fn count(floor: &Floor) {
    for (stage, taken, waiting) in floor.stages() {
        let stage = stage.to_owned();
        #[allow(clippy::cast_precision_loss, reason = "a gauge")]
        {
            metrics::gauge!("orderly_stage_places_taken", "stage" => stage.clone())
                .set(taken as f64);
            metrics::gauge!("orderly_stage_in_line", "stage" => stage).set(waiting as f64);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum WalkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
