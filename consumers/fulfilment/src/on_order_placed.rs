//! OrderPlaced → discounts, coupons and stock, all or none → OrderConfirmed and the first stage, or
//! OrderRejected; what is paid by card is authorised in between. An order is taken on once, whatever
//! ids it is told under.
//!
//! An order of the past takes no time and no card: all its statuses follow at once, stamped from its
//! own time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fulfilment_pricing::{Basket, Line, Priced, price};
use orderly_schemas::{Discount, OrderPlaced, payment_token};
use orderly_sdk::{EventId, Meta, consume::Failure};
use rust_decimal::Decimal;

use crate::{
    NAME,
    order_row::{OrderRow, State},
    payments::{PaymentRow, Step},
    settings::{Rules, StockRule},
    take_orders::time_of,
    work::Work,
};

pub(crate) fn place(
    work: &mut Work<'_>,
    placed: &OrderPlaced,
    customer_group: Option<&str>,
    meta: &Meta,
    rules: &Rules,
) -> Result<(), Failure> {
    if !is_order_id(&placed.order_id) {
        // Its statuses would carry it twice each: with a huge one, none could be sent.
        return Err(Failure::reject("its order id isn't 1 to 64 of A-Z a-z 0-9 . _ -"));
    }
    if work.orders.get(&placed.order_id).is_some() {
        return Ok(());
    }
    let at = time_of(meta);
    let mut order = taken(placed, meta, rules);
    if let Some((event_id, reason)) = work.cancelled_early.of(&placed.order_id) {
        let asked = EventId::from_header(NAME, event_id);
        let told = order.cancel(reason, asked, at);
        work.orders.add(&placed.order_id, order);
        return Ok(work.tell(meta, &told)?);
    }
    let told = match take_on(work, placed, customer_group, rules, meta.time) {
        Err(reason) => order.reject(&reason, at),
        Ok(Priced { discounts, to_pay, coupons_used }) => {
            let given = discounts.into_iter().map(|given| Discount {
                rule: given.rule,
                coupon: given.coupon,
                sku: given.sku,
                amount: given.amount,
            });
            (order.discounts, order.to_pay) = (given.collect(), to_pay);
            order.coupons = coupons_used;
            let token = placed.payment_token.as_ref();
            match token.filter(|_| to_pay > Decimal::ZERO && !meta.historic) {
                Some(token) => {
                    order.state = State::AwaitingPayment;
                    order.is_paid_by_card = true;
                    let payment = payment(&order, token, at, rules);
                    work.payments.add(&placed.order_id, payment);
                    Vec::new()
                }
                None if meta.historic => {
                    let mut told = order.confirm(at, std::time::Duration::ZERO);
                    while order.state == State::InStage {
                        told.extend(order.walk_on());
                    }
                    told
                }
                None => order.confirm(at, rules.cancel_within),
            }
        }
    };
    work.orders.add(&placed.order_id, order);
    Ok(work.tell(meta, &told)?)
}

/// What every producer keeps to; other producers than ours may emit, too.
fn is_order_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Holds what it needs and counts its coupons, all or nothing; or says why it can't be made. It is
/// priced as of when it was placed, however late it is taken on.
fn take_on(
    work: &mut Work<'_>,
    placed: &OrderPlaced,
    customer_group: Option<&str>,
    rules: &Rules,
    placed_at: DateTime<Utc>,
) -> Result<Priced, String> {
    if let Some(reason) = what_is_wrong(placed) {
        return Err(reason.to_owned());
    }
    let priced = priced(placed, customer_group, rules, placed_at)?;
    let limits: Vec<(String, Option<u32>)> = priced
        .coupons_used
        .iter()
        .map(|code| (code.clone(), rules.promotions.coupon_limit(code).flatten()))
        .collect();
    if let Some(code) = work.coupons.used_up(&limits) {
        return Err(format!("coupon {code} was used as often as it may be"));
    }
    if rules.stock == StockRule::Counted {
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for line in &placed.lines {
            *wanted.entry(line.sku.clone()).or_default() += i64::from(line.quantity);
        }
        if let Some(sku) = work.shelf.short_of(&wanted) {
            return Err(format!("out of stock: {sku}"));
        }
        work.shelf.hold(&placed.order_id, wanted);
    }
    work.coupons.take(&priced.coupons_used);
    Ok(priced)
}

fn what_is_wrong(placed: &OrderPlaced) -> Option<&'static str> {
    if placed.lines.is_empty() {
        Some("it has no lines")
    } else if placed.lines.iter().any(|line| line.quantity <= 0) {
        Some("a line has no positive quantity")
    } else if placed.lines.iter().any(|line| line.unit_price < Decimal::ZERO)
        || placed.total < Decimal::ZERO
    {
        Some("a price is below zero")
    } else if placed
        .payment_token
        .as_ref()
        .is_some_and(|token| payment_token::check(token).is_err())
    {
        Some("its payment token can't be one")
    } else {
        None
    }
}

fn priced(
    placed: &OrderPlaced,
    customer_group: Option<&str>,
    rules: &Rules,
    at: DateTime<Utc>,
) -> Result<Priced, String> {
    let lines: Vec<Line<'_>> = placed
        .lines
        .iter()
        .map(|line| Line {
            sku: &line.sku,
            category: line.category.as_deref(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        })
        .collect();
    let basket = Basket {
        currency: &placed.currency,
        lines: &lines,
        total: placed.total,
        customer_group,
        coupons: &placed.coupons,
        at,
    };
    price(&rules.promotions, &basket).map_err(|refused| refused.to_string())
}

fn taken(placed: &OrderPlaced, meta: &Meta, rules: &Rules) -> OrderRow {
    OrderRow {
        order_id: placed.order_id.clone(),
        state: State::Rejected,
        stages: rules.stages.clone(),
        stage: 0,
        ends_at: None,
        in_line: None,
        next_sequence: 1,
        placed_event_id: meta.id.to_string(),
        traceparent: meta.traceparent.as_deref().map(str::to_owned),
        historic: meta.historic,
        currency: placed.currency.clone(),
        total: placed.total,
        to_pay: placed.total,
        discounts: Vec::new(),
        coupons: Vec::new(),
        is_paid_by_card: false,
    }
}

/// To be authorised at once.
fn payment(order: &OrderRow, token: &str, at: DateTime<Utc>, rules: &Rules) -> PaymentRow {
    let patience = chrono::TimeDelta::from_std(rules.payment_patience);
    PaymentRow {
        order_id: order.order_id.clone(),
        step: Step::Authorising,
        amount: order.to_pay,
        currency: order.currency.clone(),
        token: Some(token.to_owned()),
        reference: None,
        is_wanted: true,
        due_at: Some(at),
        tries: 0,
        expires_at: at + patience.unwrap_or(chrono::TimeDelta::MAX),
        detail: None,
        may_be_done: false,
    }
}
