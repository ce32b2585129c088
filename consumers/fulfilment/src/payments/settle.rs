//! Asks the provider for what is due, and applies what it says. Nothing of it is in memory: what is
//! taken is due again after its lease, so another member goes on after a kill.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use fulfilment_payment::{PaymentError, Provider, Reply};
use orderly_sdk::{
    Health, away,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    PaymentRow, RefundRow, Step,
    apply::{payment_answered, refund_answered},
};
use crate::{
    order_row::RowError,
    settings::Rules,
    work::{Needs, Work},
};

/// Questions on their way to the provider at once, of one process.
const MOST: usize = 32;
/// How often the tables are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Wait after the database was away.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longer than any question takes.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// What readiness calls the provider.
const PROVIDER: &str = "payment provider";

/// What the members' settling shares.
#[derive(Clone)]
pub(crate) struct Settling {
    pub(crate) database: Database,
    pub(crate) encoders: Encoders,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) rules: Arc<Rules>,
}

/// What is due, as it was when it was taken.
enum Due {
    Payment(PaymentRow),
    Refund(RefundRow, Box<PaymentRow>),
}

/// Until `shutdown`, then until what was asked is answered. A part that is away is waited for.
pub(crate) async fn settle_until(settling: Settling, health: Health, shutdown: CancellationToken) {
    let (said, mut hears) = watch::channel(None::<String>);
    let (mut asked, mut database_away, mut provider_away) = (JoinSet::new(), None, None);
    while !shutdown.is_cancelled() {
        let room = MOST.saturating_sub(asked.len());
        let wait = match settling.take(room).await {
            Ok(due) => {
                database_away = None;
                for due in due {
                    let (settling, said) = (settling.clone(), said.clone());
                    asked.spawn(async move { settling.settle(due, &said).await });
                }
                TICK
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "payments wait");
                database_away = away(&error).map(|part| health.away(part.part, &part.message));
                BACKOFF
            }
        };
        if hears.has_changed().unwrap_or(false) {
            let why = hears.borrow_and_update().clone();
            provider_away = why.map(|why| health.away(PROVIDER, &why));
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            // There may be room, and something new that is due at once.
            Some(_) = asked.join_next(), if !asked.is_empty() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    while asked.join_next().await.is_some() {}
    drop((database_away, provider_away));
}

impl Settling {
    /// What is due, so much at most. Nobody else takes it before its lease is over.
    async fn take(&self, most: usize) -> Result<Vec<Due>, SettleError> {
        let (now, most) = (Utc::now(), i64::try_from(most).unwrap_or_default());
        if most == 0 || !self.is_due(now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin().await?;
        let mut due = Vec::new();
        let payments = PaymentRow::due(&mut tx, now, most).await?;
        let asked = |payment: &PaymentRow| PaymentRow {
            due_at: Some(now + LEASE),
            may_be_done: true,
            ..payment.clone()
        };
        let leased: Vec<_> = payments.iter().map(asked).collect();
        PaymentRow::keep(&mut tx, leased.iter()).await?;
        let mut refunds = RefundRow::due(&mut tx, now, most).await?;
        refunds.iter_mut().for_each(|refund| refund.due_at = Some(now + LEASE));
        RefundRow::keep(&mut tx, refunds.iter()).await?;
        for refund in refunds {
            // Not locked: whoever has it may want what is locked here.
            let of = PaymentRow::seen(&mut tx, &refund.order_id).await?;
            due.extend(of.map(|payment| Due::Refund(refund, Box::new(payment))));
        }
        tx.commit().await?;
        due.extend(payments.into_iter().map(Due::Payment));
        Ok(due)
    }

    /// Looked at without a turn to write: mostly nothing is.
    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM fulfilment_payments WHERE due_at <= $1
                   UNION ALL SELECT 1 FROM fulfilment_refunds WHERE due_at <= $1 LIMIT 1";
        Ok(self.database.query_opt(sql, &[now.into()]).await?.is_some())
    }

    /// Asks, and applies the answer. What can't be applied now is asked again after its lease: the
    /// provider gives the same answer to the same key.
    async fn settle(&self, due: Due, said: &watch::Sender<Option<String>>) {
        let (order_id, request) = match &due {
            Due::Payment(payment) => (payment.order_id.clone(), payment.request()),
            Due::Refund(refund, payment) => {
                (refund.order_id.clone(), Some(refund.request(payment)))
            }
        };
        let Some(request) = request else { return };
        let outcome = self.provider.perform(&request).await;
        count(&due, &outcome);
        let why = match &outcome {
            Err(PaymentError::Unavailable(why)) => Some(why.clone()),
            _ => None,
        };
        said.send_if_modified(|before| {
            let is_other = before.is_some() != why.is_some();
            *before = why;
            is_other
        });
        if let Err(error) = self.apply(&order_id, due, outcome).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(order_id, error, "a payment's answer is asked for again");
        }
    }

    async fn apply(
        &self,
        order_id: &str,
        due: Due,
        outcome: Result<Reply, PaymentError>,
    ) -> Result<(), SettleError> {
        let now = Utc::now();
        let mut tx = self.database.begin().await?;
        let of_it = BTreeSet::from([order_id.to_owned()]);
        let needs = Needs { orders: of_it.clone(), settled: of_it, ..Needs::default() };
        let mut work = Work::of(&mut tx, needs, &self.encoders).await?;
        match due {
            Due::Payment(asked) => {
                payment_answered(&mut work, &asked, outcome, &self.rules, now)?;
            }
            Due::Refund(refund, _) => refund_answered(&mut work, &refund.refund_id, outcome, now)?,
        }
        work.keep(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

fn count(due: &Due, outcome: &Result<Reply, PaymentError>) {
    let step = match due {
        Due::Payment(PaymentRow { step: Step::Capturing, .. }) => "capture",
        Due::Payment(PaymentRow { step: Step::Voiding, .. }) => "void",
        Due::Payment(_) => "authorise",
        Due::Refund(..) => "refund",
    };
    let outcome = match outcome {
        Ok(_) => "done",
        Err(PaymentError::Declined { .. }) => "declined",
        Err(PaymentError::Unknown(_)) => "unknown",
        Err(PaymentError::Unavailable(_)) => "unavailable",
        Err(PaymentError::Refused(_)) => "refused",
    };
    metrics::counter!("orderly_payments_total", "step" => step, "outcome" => outcome).increment(1);
}

#[derive(Debug, thiserror::Error)]
enum SettleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
