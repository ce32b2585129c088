//! What is on hand of each product, and what orders hold of it.
//!
//! An order holds all of its lines or none. What is held is part of what is on hand until the order
//! is collected; then it is sold. So of each product what was received is what is held, what was
//! sold and what is left, whatever came again or was killed in between: each change is in the
//! transaction of what caused it. Only a count can say less than is held: then nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use orderly_stores::{Row, StoreError, Tx, Value};

use crate::rows::Rows;

/// Stock of one product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    on_hand: i64,
    held: i64,
    sold: i64,
}

impl Stock {
    /// What can still be held.
    fn left(&self) -> i64 {
        // A count may say less than what was promised before.
        (self.on_hand - self.held).max(0)
    }
}

/// The part of it that a transaction is about, locked by it.
#[derive(Default)]
pub(crate) struct Shelf {
    stock: Rows<Stock>,
    /// By order: its products, and how many of each. What changed of them is what came to be held.
    holds: Rows<BTreeMap<String, i64>>,
    ended: BTreeSet<String>,
}

impl Shelf {
    /// What these orders hold, and the stock of that and of `skus`. In one order for everybody, so
    /// that no two transactions wait for each other.
    pub(crate) async fn of(
        tx: &mut Tx,
        order_ids: Vec<Vec<Value>>,
        mut skus: BTreeSet<String>,
    ) -> Result<Self, StoreError> {
        let mut holds: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        if !order_ids.is_empty() {
            for row in tx.query_many(HOLDS, order_ids).await? {
                let (order_id, sku, quantity): (String, String, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                skus.insert(sku.clone());
                holds.entry(order_id).or_default().insert(sku, quantity);
            }
        }
        let mut shelf = Self { holds: holds.into_iter().collect(), ..Self::default() };
        if !skus.is_empty() {
            shelf.read_again(tx, &skus.iter().map(|sku| &**sku).collect()).await?;
        }
        Ok(shelf)
    }

    /// What was counted of these meanwhile.
    pub(crate) async fn read_again(
        &mut self,
        tx: &mut Tx,
        skus: &BTreeSet<&str>,
    ) -> Result<(), StoreError> {
        let skus = skus.iter().map(|sku| vec![(*sku).into()]).collect();
        let rows = tx.query_many(STOCK, skus).await?;
        self.stock.extend(rows.iter().map(read).collect::<Result<Vec<_>, _>>()?);
        Ok(())
    }

    /// Whether a product was ever counted.
    pub(crate) fn knows(&self, sku: &str) -> bool {
        self.stock.get(sku).is_some()
    }

    /// The first product of which there isn't enough left.
    pub(crate) fn short_of<'a>(&self, wanted: &'a BTreeMap<String, i64>) -> Option<&'a str> {
        let lacks = |(sku, quantity): &(&String, &i64)| {
            self.stock.get(sku).is_none_or(|stock| stock.left() < **quantity)
        };
        wanted.iter().find(lacks).map(|(sku, _)| &**sku)
    }

    /// The order holds all of that; [`short_of`](Self::short_of) it is nothing.
    pub(crate) fn hold(&mut self, order_id: &str, wanted: BTreeMap<String, i64>) {
        for (sku, quantity) in &wanted {
            self.change(sku, |stock| stock.held += quantity);
        }
        self.holds.add(order_id, wanted);
    }

    /// What the order holds is free again. An order that holds nothing changes nothing.
    pub(crate) fn release(&mut self, order_id: &str) {
        for (sku, quantity) in self.end_hold(order_id) {
            self.change(&sku, |stock| stock.held -= quantity);
        }
    }

    /// What the order holds is the customer's.
    pub(crate) fn sell(&mut self, order_id: &str) {
        for (sku, quantity) in self.end_hold(order_id) {
            self.change(&sku, |stock| {
                stock.held -= quantity;
                stock.sold += quantity;
                stock.on_hand = (stock.on_hand - quantity).max(0);
            });
        }
    }

    /// It was counted: so many are there, those held for orders included.
    pub(crate) fn count(&mut self, sku: &str, on_hand: i64) {
        let counted = self.stock.get(sku).copied().unwrap_or_default();
        self.stock.add(sku, Stock { on_hand: on_hand.max(0), ..counted });
    }

    /// Keeps it as it is now.
    pub(crate) async fn keep(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let stock = self.stock.changed().map(|(sku, Stock { on_hand, held, sold })| {
            vec![sku.into(), (*on_hand).into(), (*held).into(), (*sold).into()]
        });
        let held = self.holds.changed().flat_map(|(order_id, lines)| {
            let line = move |(sku, quantity): (&String, &i64)| {
                vec![order_id.into(), sku.into(), (*quantity).into()]
            };
            lines.iter().map(line)
        });
        let ended = self.ended.iter().map(|order_id| vec![order_id.into()]);
        for (sql, rows) in [
            (KEEP_STOCK, stock.collect::<Vec<_>>()),
            (END_HOLD, ended.collect()),
            (HOLD, held.collect()),
        ] {
            if !rows.is_empty() {
                tx.execute_many(sql, rows).await?;
            }
        }
        Ok(())
    }

    fn end_hold(&mut self, order_id: &str) -> BTreeMap<String, i64> {
        self.ended.insert(order_id.to_owned());
        self.holds.remove(order_id).unwrap_or_default()
    }

    fn change(&mut self, sku: &str, change: impl FnOnce(&mut Stock)) {
        if let Some(stock) = self.stock.change(sku) {
            change(stock);
        }
    }
}

fn read(row: &Row) -> Result<(String, Stock), StoreError> {
    let stock = Stock { on_hand: row.get(1)?, held: row.get(2)?, sold: row.get(3)? };
    Ok((row.get(0)?, stock))
}

const HOLDS: &str = "
    SELECT order_id, sku, quantity FROM fulfilment_holds WHERE order_id = {any: TEXT}";

const STOCK: &str = "
    SELECT sku, on_hand, held, sold FROM fulfilment_stock WHERE sku = {any: TEXT}
    ORDER BY sku {for_update}";

const KEEP_STOCK: &str = "
    INSERT INTO fulfilment_stock (sku, on_hand, held, sold)
    SELECT r.sku, r.on_hand, r.held, r.sold
    FROM {rows: sku TEXT, on_hand BIGINT, held BIGINT, sold BIGINT} AS r
    {in_order}
    ON CONFLICT (sku) DO UPDATE SET
        on_hand = excluded.on_hand, held = excluded.held, sold = excluded.sold";

const HOLD: &str = "
    INSERT INTO fulfilment_holds (order_id, sku, quantity)
    SELECT r.order_id, r.sku, r.quantity
    FROM {rows: order_id TEXT, sku TEXT, quantity BIGINT} AS r
    {in_order}";

const END_HOLD: &str = "DELETE FROM fulfilment_holds WHERE order_id = {any: TEXT}";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(lines: &[(&str, i64)]) -> BTreeMap<String, i64> {
        lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect()
    }

    fn shelf(stock: &[(&str, i64)]) -> Shelf {
        let mut shelf = Shelf::default();
        stock.iter().for_each(|(sku, on_hand)| shelf.count(sku, *on_hand));
        shelf
    }

    #[test]
    fn an_order_is_short_of_the_first_product_that_there_is_too_little_of() {
        let mut shelf = shelf(&[("a", 2), ("b", 1)]);
        assert_eq!(shelf.short_of(&wanted(&[("a", 2), ("b", 1)])), None);
        assert_eq!(shelf.short_of(&wanted(&[("a", 2), ("b", 2)])), Some("b"));
        assert_eq!(shelf.short_of(&wanted(&[("c", 1)])), Some("c"));
        shelf.hold("o-1", wanted(&[("a", 1)]));
        assert_eq!(shelf.short_of(&wanted(&[("a", 2)])), Some("a"));
        shelf.release("o-1");
        shelf.release("o-1");
        assert_eq!(shelf.short_of(&wanted(&[("a", 2)])), None);
    }

    #[test]
    fn a_count_below_what_is_held_leaves_nothing_and_takes_nothing_back() {
        let mut shelf = shelf(&[("a", 5)]);
        shelf.hold("o-1", wanted(&[("a", 4)]));
        shelf.count("a", 3);
        assert_eq!(shelf.short_of(&wanted(&[("a", 1)])), Some("a"));
        shelf.sell("o-1");
        assert_eq!(shelf.stock.get("a"), Some(&Stock { on_hand: 0, held: 0, sold: 4 }));
    }

    proptest! {
        #[test]
        fn held_and_sold_and_left_are_what_was_received_and_nothing_is_below_zero(
            received in 0..20_i64,
            steps in proptest::collection::vec((0..3_u8, 0..6_u8, 1..4_i64), 0..60),
        ) {
            let mut shelf = shelf(&[("a", received)]);
            for (what, order, quantity) in steps {
                let order_id = format!("o-{order}");
                match what {
                    0 if shelf.holds.get(&order_id).is_some() => {}
                    0 => {
                        let lines = wanted(&[("a", quantity)]);
                        if shelf.short_of(&lines).is_none() {
                            shelf.hold(&order_id, lines);
                        }
                    }
                    1 => shelf.release(&order_id),
                    _ => shelf.sell(&order_id),
                }
                let stock = *shelf.stock.get("a").expect("counted");
                prop_assert_eq!(stock.held + stock.sold + stock.left(), received);
                prop_assert!(stock.held >= 0 && stock.sold >= 0 && stock.on_hand >= stock.held);
                let holds: i64 = shelf.holds.all().flat_map(|lines| lines.values()).sum();
                prop_assert_eq!(holds, stock.held);
            }
        }
    }
}
