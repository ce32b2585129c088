//! The proof's part about stock and money: what fulfilment's tables hold, held against what the topics
//! say of each order, and against what the payment provider did.

use std::collections::{BTreeMap, HashMap};

use fulfilment::{Books, KeptPayment, KeptStock};
use fulfilment_payment::{Simulated, Totals};
use orderly_stores::StoreError;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    findings::{Findings, Kind},
    ledger::{Ledger, Step, Trail},
};

const PAGE: u32 = 5_000;

/// `stock` of the result, over all products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StockFigures {
    /// Products that were counted.
    pub products: u64,
    /// Pieces that came in: held, sold and left together.
    pub received: i64,
    /// Held for orders.
    pub held: i64,
    /// Collected.
    pub sold: i64,
    /// Free to be ordered.
    pub left: i64,
    /// Promised or collected beyond what came in.
    pub oversold: i64,
}

/// `money` of the result, of the run's own orders, in their currencies added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MoneyFigures {
    /// Authorised at the provider.
    pub authorised: Decimal,
    /// Of that captured.
    pub captured: Decimal,
    /// Of that voided.
    pub voided: Decimal,
    /// Of what was captured, paid back.
    pub refunded: Decimal,
    /// Captured and not paid back.
    pub revenue: Decimal,
}

/// What came in of each product.
pub type Received = BTreeMap<String, i64>;

/// Each order holds what it should, and of each product held, sold and left are what came in.
pub(super) async fn check_stock(
    ledger: &Ledger,
    books: &Books,
    received: Option<&Received>,
    findings: &mut Findings,
) -> Result<StockFigures, StoreError> {
    let mut figures = StockFigures::default();
    let mut collected = collected(ledger);
    each_product(books, |stock| {
        let KeptStock { sku, on_hand, held, sold } = stock;
        figures.products += 1;
        figures.held += held;
        figures.sold += sold;
        figures.left += stock.left();
        figures.received += on_hand + sold;
        let over = (held - on_hand).max(0);
        figures.oversold += over;
        if over > 0 {
            let what = format!("of {sku} {held} are held of {on_hand} that are there");
            findings.add(Kind::Duplicated, "(all)", what);
        }
        let taken = collected.remove(sku).unwrap_or_default();
        // Others' orders were collected, too, unless nobody else is there.
        if *sold < taken || (*sold > taken && ledger.is_all_there_is()) {
            let kind = if *sold < taken { Kind::Lost } else { Kind::Duplicated };
            let what = format!("of {sku} {sold} are sold, {taken} were collected");
            findings.add(kind, "(all)", what);
        }
        let came = received.and_then(|received| received.get(sku));
        if let Some(came) = came.filter(|came| **came != on_hand + sold) {
            let what = format!("of {sku} {came} came in, {on_hand} are there and {sold} sold");
            findings.add(Kind::Lost, "(all)", what);
        }
    })
    .await?;
    if figures.products == 0 {
        // Everything is made to order.
        return Ok(figures);
    }
    for (sku, held, by_orders) in books.held_by_nobody().await? {
        let what = format!("of {sku} {held} are held, {by_orders} by orders");
        findings.add(Kind::Lost, "(all)", what);
    }
    let ids: Vec<&str> = ledger.orders.keys().map(String::as_str).collect();
    let mut holds: HashMap<String, BTreeMap<String, i64>> = HashMap::new();
    for hold in books.holds_among(&ids).await? {
        holds.entry(hold.order_id).or_default().insert(hold.sku, hold.quantity);
    }
    for (order_id, trail) in &ledger.orders {
        let held = holds.remove(order_id).unwrap_or_default();
        let wanted = wanted(trail);
        if held != wanted {
            let what = format!("it holds {held:?} and should hold {wanted:?}");
            let kind = if held.is_empty() { Kind::Lost } else { Kind::Duplicated };
            findings.add(kind, order_id, what);
        }
    }
    Ok(figures)
}

/// What customers have, of each product.
fn collected(ledger: &Ledger) -> BTreeMap<String, i64> {
    let mut collected = BTreeMap::new();
    for trail in ledger.orders.values().filter(|trail| trail.was(&Step::Completed)) {
        for (sku, pieces) in trail.goods.iter().flat_map(|goods| &goods.pieces) {
            *collected.entry(sku.clone()).or_default() += pieces;
        }
    }
    collected
}

/// What an order is to hold: all of it from its confirmation until it is collected or called off.
fn wanted(trail: &Trail) -> BTreeMap<String, i64> {
    let stands = trail.was(&Step::Confirmed)
        && ![Step::Completed, Step::Cancelled].iter().any(|end| trail.was(end));
    trail.goods.as_ref().filter(|_| stands).map(|goods| goods.pieces.clone()).unwrap_or_default()
}

/// Each card is charged what its order came to, once, or not at all; and the provider says the same.
pub(super) async fn check_money(
    ledger: &Ledger,
    books: &Books,
    provider: &Simulated,
    findings: &mut Findings,
) -> Result<MoneyFigures, StoreError> {
    let by_card = ledger.orders.iter().filter(|(_, trail)| is_paid_by_card(trail));
    let ids: Vec<&str> = by_card.clone().map(|(id, _)| id.as_str()).collect();
    let mut payments: HashMap<String, KeptPayment> = HashMap::new();
    for payment in books.payments_among(&ids).await? {
        payments.insert(payment.order_id.clone(), payment);
    }
    let mut figures = MoneyFigures::default();
    for (order_id, trail) in by_card {
        let Some(payment) = payments.get(order_id) else {
            if trail.was(&Step::Confirmed) && trail.to_pay.is_none_or(|to_pay| !to_pay.is_zero()) {
                findings.add(Kind::Lost, order_id, "it is confirmed, and no card was asked for");
            }
            continue;
        };
        figures.add(payment);
        if let Some(why) = what_is_wrong(trail, payment) {
            findings.add(Kind::Lost, order_id, why);
        }
    }
    figures.revenue = figures.captured - figures.refunded;
    let told = revenue_told(ledger);
    if told != figures.revenue {
        let what = format!("the topics tell of a revenue of {told}, fulfilment has {figures:?}");
        findings.add(Kind::Lost, "(all)", what);
    }
    let totals = provider.totals(Some(&ids)).await?;
    let sum = |of: fn(&Totals) -> Decimal| totals.values().map(of).sum();
    let at_provider = MoneyFigures {
        authorised: sum(|totals| totals.authorised),
        captured: sum(|totals| totals.captured),
        voided: sum(|totals| totals.voided),
        refunded: sum(|totals| totals.refunded),
        revenue: sum(|totals| totals.captured - totals.refunded),
    };
    if at_provider != figures {
        let what = format!("the payment provider has {at_provider:?}, fulfilment {figures:?}");
        findings.add(Kind::Lost, "(all)", what);
    }
    if figures.authorised != figures.captured + figures.voided {
        let what = format!("what was authorised is neither captured nor voided: {figures:?}");
        findings.add(Kind::Lost, "(all)", what);
    }
    Ok(figures)
}

/// What cards were charged and not paid back, as the topics say: all that was to be paid of each order
/// that was prepared, less its refunds. One that was called off pays nothing in the end.
fn revenue_told(ledger: &Ledger) -> Decimal {
    let prepared = |trail: &&Trail| {
        let is_begun = |step: &Step| matches!(step, Step::Started(_) | Step::Ready);
        is_paid_by_card(trail) && trail.told.iter().any(|told| is_begun(&told.step))
    };
    let prepared = ledger.orders.values().filter(prepared);
    prepared.map(|trail| trail.to_pay.unwrap_or_default() - trail.refunded).sum()
}

impl MoneyFigures {
    fn add(&mut self, payment: &KeptPayment) {
        let amount = payment.amount;
        match &*payment.step {
            "captured" => {
                self.authorised += amount;
                self.captured += amount;
            }
            "voided" => {
                self.authorised += amount;
                self.voided += amount;
            }
            "declined" | "authorising" => {}
            _ => self.authorised += amount,
        }
        self.refunded += payment.refunded;
    }
}

fn is_paid_by_card(trail: &Trail) -> bool {
    !trail.historic && trail.goods.as_ref().is_some_and(|goods| goods.is_paid_by_card)
}

fn what_is_wrong(trail: &Trail, payment: &KeptPayment) -> Option<String> {
    let KeptPayment { step, amount, refunded, .. } = payment;
    if let Some(to_pay) = trail.to_pay.filter(|to_pay| to_pay != amount) {
        return Some(format!("{to_pay} was to be paid, {amount} was asked for"));
    }
    if *refunded != trail.refunded {
        let told = trail.refunded;
        return Some(format!("{refunded} was paid back, {told} was told"));
    }
    let is_right = if trail.was(&Step::Rejected) {
        matches!(&**step, "declined" | "voided")
    } else if trail.was(&Step::Cancelled) {
        matches!(&**step, "declined" | "voided") || (step == "captured" && refunded == amount)
    } else {
        step == "captured"
    };
    (!is_right).then(|| {
        let end = trail.newest().map_or("placed", |(_, word)| word);
        format!("it is {end}, and its payment {step}, {refunded} of {amount} paid back")
    })
}

async fn each_product(books: &Books, mut look: impl FnMut(&KeptStock)) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = books.stock_after(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.sku);
        page.iter().for_each(&mut look);
    }
}
