//! What one transaction is about: the rows it needs, locked in one order for everybody (orders,
//! coupons, stock, payments), changed in memory, and kept at its end in one statement a table.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use orderly_sdk::{
    Meta, OutRecord,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{StoreError, Tx, Value, outbox};

use crate::{
    cancelled_early::CancelledEarly,
    coupons::Coupons,
    order::Told,
    order_row::{OrderRow, RowError},
    payments::{PaymentRow, RefundRow, Step},
    rows::Rows,
    stock::Shelf,
    tell,
};

/// What to lock.
#[derive(Default)]
pub(crate) struct Needs {
    /// New orders among them, which aren't there yet.
    pub(crate) orders: BTreeSet<String>,
    /// Those of them that may be let go, sold or paid back.
    pub(crate) settled: BTreeSet<String>,
    /// Products that are wanted or were counted.
    pub(crate) skus: BTreeSet<String>,
    pub(crate) coupons: BTreeSet<String>,
}

/// One transaction's work.
pub(crate) struct Work<'a> {
    encoders: &'a Encoders,
    pub(crate) orders: Rows<OrderRow>,
    pub(crate) cancelled_early: CancelledEarly,
    pub(crate) coupons: Coupons,
    pub(crate) shelf: Shelf,
    pub(crate) payments: Rows<PaymentRow>,
    pub(crate) refunds: Rows<RefundRow>,
    told: Vec<OutRecord>,
}

impl<'a> Work<'a> {
    /// Reads and locks what is needed.
    pub(crate) async fn of(
        tx: &mut Tx,
        needs: Needs,
        encoders: &'a Encoders,
    ) -> Result<Self, RowError> {
        let Needs { orders, settled, skus, mut coupons } = needs;
        let cancelled_early = CancelledEarly::among(tx, &orders).await?;
        let found = OrderRow::among(tx, as_rows(orders)).await?;
        let orders: Rows<OrderRow> =
            found.into_iter().map(|order| (order.order_id.clone(), order)).collect();
        let settled: BTreeSet<String> =
            settled.into_iter().filter(|id| orders.get(id).is_some()).collect();
        let of_settled = settled.iter().filter_map(|id| orders.get(id));
        coupons.extend(of_settled.flat_map(|order| order.coupons.iter().cloned()));
        let coupons = Coupons::of(tx, coupons).await?;
        let settled = as_rows(settled);
        let shelf = Shelf::of(tx, settled.clone(), skus).await?;
        let (payments, refunds) = if settled.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            let payments = PaymentRow::among(tx, settled.clone()).await?;
            (payments, RefundRow::of_orders(tx, settled).await?)
        };
        let payments = payments.into_iter().map(|it| (it.order_id.clone(), it)).collect();
        let refunds = refunds.into_iter().map(|it| (it.refund_id.clone(), it)).collect();
        let told = Vec::new();
        Ok(Self { encoders, orders, cancelled_early, coupons, shelf, payments, refunds, told })
    }

    /// To be told in this transaction, as caused by `cause`.
    pub(crate) fn tell(&mut self, cause: &Meta, told: &[Told]) -> Result<(), EncodeError> {
        self.told.extend(tell::as_records(self.encoders, cause, told)?);
        Ok(())
    }

    /// What was done for an order is undone, the last first: its payment, its coupons, its stock.
    /// Each once: an order that holds nothing any more changes nothing.
    pub(crate) fn let_go(&mut self, order_id: &str, now: DateTime<Utc>) {
        let Some(order) = self.orders.change(order_id) else { return };
        self.coupons.give_back(&std::mem::take(&mut order.coupons));
        if let Some(payment) = self.payments.change(order_id) {
            payment.give_up(now);
            if payment.step == Step::Captured {
                let cause = &order.placed_event_id;
                let refund = RefundRow::new(order_id, order_id, payment.amount, cause, now);
                self.refunds.add(order_id, refund);
            }
        }
        self.shelf.release(order_id);
    }

    /// Keeps all of it, and puts what is told into the outbox.
    pub(crate) async fn keep(self, tx: &mut Tx) -> Result<(), StoreError> {
        OrderRow::keep(tx, self.orders.changed().map(|(_, it)| it)).await?;
        self.cancelled_early.keep(tx).await?;
        self.coupons.keep(tx).await?;
        self.shelf.keep(tx).await?;
        PaymentRow::keep(tx, self.payments.changed().map(|(_, it)| it)).await?;
        RefundRow::keep(tx, self.refunds.changed().map(|(_, it)| it)).await?;
        outbox::insert(tx, &self.told).await
    }
}

/// A reason from outside, fit to be kept and shown.
pub(crate) fn shown(reason: Option<&str>, otherwise: &str) -> String {
    const LONGEST: usize = 500;
    let reason: String = reason.unwrap_or_default().trim().chars().take(LONGEST).collect();
    let reason = reason.replace(|c: char| c.is_control(), " ");
    if reason.is_empty() { otherwise.to_owned() } else { reason }
}

fn as_rows(ids: BTreeSet<String>) -> Vec<Vec<Value>> {
    ids.into_iter().map(|id| vec![id.into()]).collect()
}
