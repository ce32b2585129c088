//! What of an order can still come back.

use orderly_schemas::{OrderLine, money::UNIT_PRICE_SCALE};

use crate::history::{OrderDetails, OrderDetailsLine};

/// The lines of an order, each with how many pieces of it are still out.
pub(super) struct Left<'a>(Vec<(&'a OrderDetailsLine, i32)>);

impl<'a> Left<'a> {
    /// What was sold, less what came back.
    pub(super) fn of(sold: &'a OrderDetails) -> Self {
        let mut left = Self(sold.lines.iter().map(|line| (line, line.quantity)).collect());
        for back in sold.returns.iter().flat_map(|earlier| &earlier.lines) {
            let is_same = |line: &OrderDetailsLine| line.sku == back.sku;
            // A product may have been sold at several prices: first what came back at this one.
            let taken = left
                .take(back.quantity, |line| is_same(line) && line.unit_price == back.unit_price);
            left.take(back.quantity - pieces(&taken), is_same);
        }
        left
    }

    /// So many pieces of a product, as lines of a return at the prices they were sold for; fewer where
    /// fewer are left.
    pub(super) fn take_back(&mut self, sku: &str, quantity: i32) -> Vec<OrderLine> {
        let taken = self.take(quantity, |line| line.sku == sku);
        taken.into_iter().map(|(line, pieces)| returned(line, pieces)).collect()
    }

    fn take(
        &mut self,
        quantity: i32,
        of: impl Fn(&OrderDetailsLine) -> bool,
    ) -> Vec<(&'a OrderDetailsLine, i32)> {
        let (mut rest, mut taken) = (quantity, Vec::new());
        for (line, left) in self.0.iter_mut().filter(|(line, _)| of(line)) {
            let pieces = rest.min(*left);
            if pieces > 0 {
                rest -= pieces;
                *left -= pieces;
                taken.push((*line, pieces));
            }
        }
        taken
    }
}

/// So many pieces of a line, as they come back.
pub(super) fn returned(line: &OrderDetailsLine, pieces: i32) -> OrderLine {
    let mut unit_price = line.unit_price;
    unit_price.rescale(UNIT_PRICE_SCALE);
    OrderLine {
        sku: line.sku.clone(),
        name: line.name.clone(),
        category: None,
        quantity: pieces,
        unit_price,
    }
}

fn pieces(taken: &[(&OrderDetailsLine, i32)]) -> i32 {
    taken.iter().map(|(_, pieces)| pieces).sum()
}
