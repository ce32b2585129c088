//! The proof's part about stock and money: what fulfilment's tables hold, held against what the topics
//! say of each order, and against what the payment provider did.

use std::collections::{BTreeMap, HashMap};

use fulfilment::{Books, KeptPayment, KeptStock};
use fulfilment_payment::{Simulated, Totals};
use orderly_stores::StoreError;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    came_in::Came,
    findings::{Findings, Kind},
    ledger::{Ledger, Trail},
    step::Step,
};

const PAGE: u32 = 5_000;

/// `stock` of the result, over all products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StockFigures {
    /// Products that were counted.
    pub products: u64,
    /// Of them those of which the run knows by its own count what came in.
    pub known: u64,
    /// Pieces that came in; of the others, what is there and what was sold.
    pub received: i64,
    /// Held for orders.
    pub held: i64,
    /// Collected.
    pub sold: i64,
    /// Free to be ordered.
    pub left: i64,
    /// Held and collected beyond what came in.
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

/// Each order holds what it should, and of each product held, sold and left are what came in.
pub(super) async fn check_stock(
    ledger: &Ledger,
    books: &Books,
    came_in: &BTreeMap<String, Came>,
    findings: &mut Findings,
) -> Result<StockFigures, StoreError> {
    let mut figures = StockFigures::default();
    let mut collected = collected(ledger);
    each_product(books, |stock| {
        let came = came_in.get(&stock.sku);
        figures.add(stock, came);
        check_received(stock, came, findings);
        let taken = collected.remove(&stock.sku).unwrap_or_default();
        check_sold(stock, came, taken, ledger, findings);
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

impl StockFigures {
    fn add(&mut self, stock: &KeptStock, came: Option<&Came>) {
        self.products += 1;
        self.known += u64::from(came.is_some());
        self.received += received(stock, came);
        self.held += stock.held;
        self.sold += stock.sold;
        self.left += stock.left();
        self.oversold += oversold(stock, came);
    }
}

/// What came in, by what is there where nothing else is known.
fn received(stock: &KeptStock, came: Option<&Came>) -> i64 {
    let there = stock.on_hand + stock.sold;
    came.map_or(there, |came| there.clamp(came.least, came.most))
}

/// What is held or sold and never came in. What was sold shows in nothing else: nothing is on hand
/// then, as if the last piece had been sold.
fn oversold(stock: &KeptStock, came: Option<&Came>) -> i64 {
    (stock.held + stock.sold - received(stock, came)).max(0)
}

/// What is there and what was sold is what came in, and no more of it is held or sold.
fn check_received(stock: &KeptStock, came: Option<&Came>, findings: &mut Findings) {
    let KeptStock { sku, on_hand, held, sold } = stock;
    let came_in = received(stock, came);
    if oversold(stock, came) > 0 {
        let what = format!("of {sku} {held} are held and {sold} sold, {came_in} came in");
        findings.add(Kind::Duplicated, "(all)", what);
    } else if came_in != on_hand + sold {
        let kind = if on_hand + sold < came_in { Kind::Lost } else { Kind::Duplicated };
        let what = format!("of {sku} {came_in} came in, {on_hand} are there and {sold} sold");
        findings.add(kind, "(all)", what);
    }
}

/// What the run's customers collected was sold.
fn check_sold(
    stock: &KeptStock,
    came: Option<&Came>,
    taken: i64,
    ledger: &Ledger,
    findings: &mut Findings,
) {
    let before = came.filter(|_| ledger.is_of_new_orders()).map_or(0, |came| came.sold_before);
    let (sku, sold) = (&stock.sku, stock.sold - before);
    // Others' orders were collected, too, unless nobody else is there.
    if sold < taken || (sold > taken && ledger.is_all_there_is()) {
        let kind = if sold < taken { Kind::Lost } else { Kind::Duplicated };
        let what = format!("of {sku} {sold} were sold, {taken} were collected");
        findings.add(kind, "(all)", what);
    }
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

/// Each product that was ever counted, by sku.
pub(super) async fn each_product(
    books: &Books,
    mut look: impl FnMut(&KeptStock),
) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = books.stock_after(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.sku);
        page.iter().for_each(&mut look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ledger::Mine;

    /// What is found of a product, and the figures.
    fn check(stock: (i64, i64, i64), came: Option<Came>) -> (StockFigures, Findings) {
        let (on_hand, held, sold) = stock;
        let stock = KeptStock { sku: "bread".to_owned(), on_hand, held, sold };
        let (mut figures, mut findings) = (StockFigures::default(), Findings::default());
        figures.add(&stock, came.as_ref());
        check_received(&stock, came.as_ref(), &mut findings);
        (figures, findings)
    }

    #[test]
    fn what_came_in_is_held_sold_and_left() {
        for (stock, came) in [
            ((10, 0, 0), Came::of(10, 0, 0)),
            ((6, 6, 4), Came::of(10, 0, 0)),
            // Seven were sold before it was counted anew.
            ((6, 2, 11), Came::of(10, 7, 7)),
            // Others' customers collected one or two while it was counted.
            ((6, 2, 12), Came::of(10, 7, 9)),
        ] {
            let (figures, findings) = check(stock, Some(came));
            assert_eq!(findings, Findings::default(), "{stock:?} of {came:?}");
            assert_eq!(figures.received, figures.held + figures.sold + figures.left);
            assert_eq!((figures.known, figures.oversold), (1, 0));
        }
    }

    #[test]
    fn an_oversell_that_was_sold_is_found_as_one_that_is_held() {
        // Of three pieces four: collected, when nothing is on hand, as if there had been four; or held.
        for stock in [(0, 0, 4), (0, 1, 3), (1, 2, 2)] {
            let (figures, findings) = check(stock, Some(Came::of(3, 0, 0)));
            assert_eq!((figures.received, figures.oversold), (3, 1), "{stock:?}");
            assert_eq!((findings.lost, findings.duplicated), (0, 1), "{stock:?}: {findings:?}");
            assert!(findings.shown[0].what.starts_with("of bread "), "{findings:?}");
        }
        // On a shop that was open before: seven were sold by then, and eleven of ten.
        let (figures, findings) = check((0, 0, 11), Some(Came::of(3, 7, 7)));
        assert_eq!((figures.received, figures.oversold, findings.duplicated), (10, 1, 1));
    }

    #[test]
    fn a_piece_that_vanished_and_one_from_nowhere_are_found() {
        for came in [Came::of(10, 0, 0), Came::of(6, 4, 4), Came::of(5, 4, 5)] {
            let (figures, findings) = check((5, 1, 4), Some(came));
            let (least, is_short) = (came.least, came.least > 9);
            assert_eq!((findings.lost, findings.duplicated), (u64::from(is_short), 0), "{came:?}");
            assert_eq!((figures.received, figures.oversold), (least.max(9), 0), "{came:?}");
        }
        let (figures, findings) = check((7, 1, 4), Some(Came::of(10, 0, 0)));
        assert_eq!((findings.lost, findings.duplicated, figures.oversold), (0, 1, 0));
        // Not known: what is there is taken for what came in, unless more is held.
        let (figures, findings) = check((7, 1, 4), None);
        assert_eq!((findings, figures.known, figures.received), (Findings::default(), 0, 11));
        assert_eq!(check((1, 2, 4), None).0.oversold, 1);
    }

    #[test]
    fn a_sale_that_nobody_made_or_that_is_missing_is_found() {
        let found = |sold: i64, taken: i64, ledger: &Ledger| {
            let stock = KeptStock { sku: "bread".to_owned(), on_hand: 3, held: 0, sold };
            let mut findings = Findings::default();
            let came = Came::of(3, 7, 7);
            check_sold(&stock, Some(&came), taken, ledger, &mut findings);
            (findings.lost, findings.duplicated)
        };
        let alone = Ledger::default();
        assert_eq!(found(12, 5, &alone), (0, 0));
        assert_eq!(found(13, 5, &alone), (0, 1));
        assert_eq!(found(11, 5, &alone), (1, 0));
        // The sixth may be another's; of the run's own five one is missing all the same.
        let among_others = Ledger::of(Mine::Customers("run-".to_owned()), &[]);
        assert_eq!(found(13, 5, &among_others), (0, 0));
        assert_eq!(found(11, 5, &among_others), (1, 0));
        // What was imported before may be among what was sold before.
        let documents = Ledger::of(Mine::Documents(Default::default()), &[]);
        assert_eq!(found(11, 5, &documents), (0, 0));
        assert_eq!(found(4, 5, &documents), (1, 0));
    }
}
