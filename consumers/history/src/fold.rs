//! Events → rows. Whatever order the two topics come in, and however often, the rows are the same.
//!
//! Within a batch each order is written once, with what the batch comes to for it, and keys are
//! sorted: two members that fold one order from two topics lock its rows in the same sequence.

use std::collections::{BTreeMap, btree_map::Entry};

use orderly_schemas::{OrderConfirmed, OrderLine, OrderPlaced, OrderReturned};
use orderly_sdk::{EventId, Meta, consume::Received};
use orderly_stores::{StoreError, Tx, Value};

use crate::{
    Happened,
    statuses::{CONFIRMED, IN_PROGRESS, PLACED, QUEUED, Status},
};

/// Folds events of one partition, in their order, into the tables.
///
/// - An order that is placed twice under different event ids stays as it was placed first; the
///   timeline has both.
/// - A status counts if its sequence is the highest seen, so it never goes back.
/// - An event that was folded before changes nothing.
pub async fn fold(tx: &mut Tx, events: &[Received<Happened>]) -> Result<(), StoreError> {
    let mut folded = Folded::default();
    for event in events {
        folded.add(event);
    }
    folded.write(tx).await
}

type Rows = Vec<Vec<Value>>;

/// What a batch comes to, by order id.
#[derive(Default)]
struct Folded<'a> {
    placed: BTreeMap<&'a str, (&'a OrderPlaced, &'a Meta)>,
    statuses: BTreeMap<&'a str, (Status<'a>, &'a Received<Happened>)>,
    confirmed: BTreeMap<&'a str, &'a OrderConfirmed>,
    returned: BTreeMap<&'a str, (&'a OrderReturned, &'a Meta)>,
    timeline: BTreeMap<(&'a str, EventId), &'a Received<Happened>>,
}

impl<'a> Folded<'a> {
    fn add(&mut self, received: &'a Received<Happened>) {
        let Received { event, meta, .. } = received;
        let order_id = event.order_id();
        self.timeline.entry((order_id, meta.id)).or_insert(received);
        match event {
            Happened::OrderPlaced(order) => {
                self.placed.entry(order_id).or_insert((order, meta));
            }
            Happened::OrderConfirmed(confirmed) => {
                self.confirmed.entry(order_id).or_insert(confirmed);
            }
            Happened::OrderReturned(goods) => {
                self.returned.entry(order_id).or_insert((goods, meta));
            }
            _ => {}
        }
        if let Some(status) = event.status().filter(|status| status.word.is_some()) {
            match self.statuses.entry(order_id) {
                Entry::Vacant(none) => {
                    none.insert((status, received));
                }
                Entry::Occupied(mut known) if known.get().0.sequence < status.sequence => {
                    known.insert((status, received));
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        for (sql, rows) in [
            (PLACE, self.placed_rows()),
            (
                ADD_LINE,
                lines(self.placed.values().map(|(o, meta)| (&*o.order_id, &o.lines, *meta))),
            ),
            (MOVE_STATUS, self.status_rows()),
            // Its status made a row where none was.
            (PRICE, self.price_rows()),
            (BE_IN_KITCHEN, self.kitchen_rows()),
            (LEAVE_KITCHEN, self.rows_out_of_kitchen()),
            (RETURN, self.returned_rows()),
            (
                ADD_RETURN_LINE,
                lines(self.returned.values().map(|(r, meta)| (&*r.order_id, &r.lines, *meta))),
            ),
            (ADD_TO_TIMELINE, self.timeline_rows()),
        ] {
            if !rows.is_empty() {
                tx.execute_many(sql, rows).await?;
            }
        }
        Ok(())
    }

    fn placed_rows(&self) -> Rows {
        let row = |(order, meta): &(&OrderPlaced, &Meta)| {
            vec![
                (&order.order_id).into(),
                order.user_id.as_ref().into(),
                (&order.currency).into(),
                order.total.into(),
                meta.time.into(),
                meta.id.into(),
                meta.historic.into(),
                PLACED.into(),
                order.caller.as_ref().into(),
            ]
        };
        self.placed.values().map(row).collect()
    }

    fn status_rows(&self) -> Rows {
        let row = |(&order_id, (status, _)): (&&str, &(Status<'_>, _))| {
            vec![order_id.into(), status.word.into(), status.sequence.into(), status.stage.into()]
        };
        self.statuses.iter().map(row).collect()
    }

    fn kitchen_rows(&self) -> Rows {
        let is_there = |status: &Status<'_>| matches!(status.word, Some(QUEUED | IN_PROGRESS));
        let there = self.statuses.iter().filter(|(_, (status, _))| is_there(status));
        let row = |(&order_id, (status, received)): (&&str, &(Status<'_>, &Received<Happened>))| {
            let Received { event, meta, .. } = received;
            vec![
                order_id.into(),
                status.sequence.into(),
                status.word.into(),
                status.stage.unwrap_or_default().into(),
                event.station().map(i64::from).into(),
                meta.time.into(),
                event.due_at().into(),
            ]
        };
        there.map(row).collect()
    }

    /// Of orders that are behind it.
    fn rows_out_of_kitchen(&self) -> Rows {
        let is_out = |status: &Status<'_>| {
            !matches!(status.word, Some(QUEUED | IN_PROGRESS | CONFIRMED) | None)
        };
        let out = self.statuses.iter().filter(|(_, (status, _))| is_out(status));
        out.map(|(&order_id, _)| vec![order_id.into()]).collect()
    }

    fn price_rows(&self) -> Rows {
        let row = |(&order_id, confirmed): (&&str, &&OrderConfirmed)| {
            let discounts = serde_json::to_string(&confirmed.discounts).ok();
            vec![order_id.into(), confirmed.to_pay.into(), discounts.into()]
        };
        // A writer of the first version knew of no price.
        let priced = self.confirmed.iter().filter(|(_, confirmed)| confirmed.to_pay.is_some());
        priced.map(row).collect()
    }

    fn returned_rows(&self) -> Rows {
        let row = |(goods, meta): &(&OrderReturned, &Meta)| {
            vec![
                (&goods.order_id).into(),
                goods.original_order_id.as_ref().into(),
                goods.user_id.as_ref().into(),
                (&goods.currency).into(),
                goods.total.into(),
                meta.time.into(),
                meta.id.into(),
                meta.historic.into(),
            ]
        };
        self.returned.values().map(row).collect()
    }

    fn timeline_rows(&self) -> Rows {
        let row = |(&(order_id, event_id), received): (&(&str, EventId), &&Received<Happened>)| {
            let Received { event, meta, at } = received;
            let status = event.status();
            vec![
                order_id.into(),
                event_id.into(),
                event.event_type().into(),
                (&*at.partition.topic).into(),
                at.partition.partition.into(),
                at.offset.into(),
                meta.time.into(),
                status.map(|status| status.sequence).into(),
                status.map(|status| status.caused_by).into(),
                status.and_then(|status| status.stage).into(),
                event.reason().into(),
                event.station().map(i64::from).into(),
                event.ahead().map(i64::from).into(),
                event.due_at().into(),
            ]
        };
        self.timeline.iter().map(row).collect()
    }
}

/// Lines numbered from 1, each with the event that brought it.
fn lines<'a>(documents: impl Iterator<Item = (&'a str, &'a Vec<OrderLine>, &'a Meta)>) -> Rows {
    let mut rows = Vec::new();
    for (order_id, lines, meta) in documents {
        for (number, line) in (1_i64..).zip(lines) {
            rows.push(vec![
                order_id.into(),
                number.into(),
                (&line.sku).into(),
                line.name.as_ref().into(),
                line.quantity.into(),
                line.unit_price.into(),
                meta.id.into(),
            ]);
        }
    }
    rows
}

const PLACE: &str = "
    INSERT INTO history_orders
        (order_id, user_id, currency, total, placed_at, placed_event_id, historic, status,
         caller)
    SELECT r.order_id, r.user_id, r.currency, r.total, r.placed_at, r.event_id, r.historic, r.status,
        r.caller
    FROM {rows: order_id TEXT, user_id TEXT, currency TEXT, total DECIMAL, placed_at TIMESTAMPTZ,
          event_id TEXT, historic BOOLEAN, status TEXT, caller TEXT} AS r
    {in_order}
    ON CONFLICT (order_id) DO UPDATE SET
        user_id = excluded.user_id, currency = excluded.currency, total = excluded.total,
        placed_at = excluded.placed_at, placed_event_id = excluded.placed_event_id,
        historic = excluded.historic, caller = excluded.caller
    WHERE history_orders.placed_event_id IS NULL";

/// Only of the event that the order was placed by: the lines of a second one don't mix with them.
const ADD_LINE: &str = "
    INSERT INTO history_lines (order_id, line_no, sku, name, quantity, unit_price)
    SELECT r.order_id, r.line_no, r.sku, r.name, r.quantity, r.unit_price
    FROM {rows: order_id TEXT, line_no BIGINT, sku TEXT, name TEXT, quantity BIGINT,
          unit_price DECIMAL, event_id TEXT} AS r
    JOIN history_orders AS o ON o.order_id = r.order_id AND o.placed_event_id = r.event_id
    {in_order}
    ON CONFLICT (order_id, line_no) DO NOTHING";

const MOVE_STATUS: &str = "
    INSERT INTO history_orders (order_id, status, status_sequence, stage)
    SELECT r.order_id, r.status, r.sequence, r.stage
    FROM {rows: order_id TEXT, status TEXT, sequence BIGINT, stage TEXT} AS r
    {in_order}
    ON CONFLICT (order_id) DO UPDATE SET
        status = excluded.status, status_sequence = excluded.status_sequence,
        stage = excluded.stage
    WHERE history_orders.status_sequence IS NULL
        OR history_orders.status_sequence < excluded.status_sequence";

/// Only of the status that counts: an older one may come again.
const BE_IN_KITCHEN: &str = "
    INSERT INTO history_kitchen (order_id, status, stage, station, since, due_at)
    SELECT r.order_id, r.status, r.stage, r.station, r.since, r.due_at
    FROM {rows: order_id TEXT, sequence BIGINT, status TEXT, stage TEXT, station BIGINT,
          since TIMESTAMPTZ, due_at TIMESTAMPTZ} AS r
    JOIN history_orders AS o ON o.order_id = r.order_id AND o.status_sequence = r.sequence
    {in_order}
    ON CONFLICT (order_id) DO UPDATE SET
        status = excluded.status, stage = excluded.stage, station = excluded.station,
        since = excluded.since, due_at = excluded.due_at";

/// Nothing brings an order back.
const LEAVE_KITCHEN: &str = "DELETE FROM history_kitchen WHERE order_id = {any: TEXT}";

const PRICE: &str = "
    UPDATE history_orders SET to_pay = r.to_pay, discounts = r.discounts
    FROM {rows: order_id TEXT, to_pay DECIMAL, discounts TEXT} AS r
    WHERE history_orders.order_id = r.order_id AND history_orders.to_pay IS NULL";

const RETURN: &str = "
    INSERT INTO history_returns
        (order_id, original_order_id, user_id, currency, total, returned_at, event_id, historic)
    SELECT r.order_id, r.original_order_id, r.user_id, r.currency, r.total, r.returned_at,
        r.event_id, r.historic
    FROM {rows: order_id TEXT, original_order_id TEXT, user_id TEXT, currency TEXT, total DECIMAL,
          returned_at TIMESTAMPTZ, event_id TEXT, historic BOOLEAN} AS r
    {in_order}
    ON CONFLICT (order_id) DO NOTHING";

const ADD_RETURN_LINE: &str = "
    INSERT INTO history_return_lines (order_id, line_no, sku, name, quantity, unit_price)
    SELECT r.order_id, r.line_no, r.sku, r.name, r.quantity, r.unit_price
    FROM {rows: order_id TEXT, line_no BIGINT, sku TEXT, name TEXT, quantity BIGINT,
          unit_price DECIMAL, event_id TEXT} AS r
    JOIN history_returns AS o ON o.order_id = r.order_id AND o.event_id = r.event_id
    {in_order}
    ON CONFLICT (order_id, line_no) DO NOTHING";

const ADD_TO_TIMELINE: &str = "
    INSERT INTO history_timeline
        (order_id, event_id, event_type, topic, partition_id, record_offset, happened_at, sequence,
         caused_by, stage, reason, station, ahead, due_at)
    SELECT r.order_id, r.event_id, r.event_type, r.topic, r.partition_id, r.record_offset,
        r.happened_at, r.sequence, r.caused_by, r.stage, r.reason, r.station, r.ahead, r.due_at
    FROM {rows: order_id TEXT, event_id TEXT, event_type TEXT, topic TEXT, partition_id BIGINT,
          record_offset BIGINT, happened_at TIMESTAMPTZ, sequence BIGINT, caused_by TEXT,
          stage TEXT, reason TEXT, station BIGINT, ahead BIGINT, due_at TIMESTAMPTZ} AS r
    {in_order}
    ON CONFLICT (order_id, event_id) DO NOTHING";
