//! What fulfilment acts on.

use std::collections::BTreeSet;

use fulfilment_pricing::canonical;
use orderly_schemas::{
    OrderCancellationRequested, OrderCollected, OrderPlaced, OrderReturned, StockCounted,
};
use orderly_sdk::{consume::Received, event_set};

use crate::{
    settings::{Rules, StockRule},
    work::Needs,
};

event_set! {
    /// All of `orders`, and `stock`.
    pub(crate) enum Asked {
        OrderPlaced,
        OrderCancellationRequested,
        OrderCollected,
        OrderReturned,
        StockCounted,
    }
}

/// What a batch of them is about.
pub(crate) fn needs(events: &[Received<Asked>], rules: &Rules) -> Needs {
    let mut needs = Needs::default();
    for Received { event, .. } in events {
        let settled = match event {
            Asked::OrderPlaced(placed) => {
                needs.orders.insert(placed.order_id.clone());
                // Those that there are: whoever writes what they like makes no rows.
                let codes = placed.coupons.iter().map(|code| canonical(code));
                let known = codes.filter(|code| rules.promotions.coupon_limit(code).is_some());
                needs.coupons.extend(known);
                if rules.stock == StockRule::Counted {
                    needs.skus.extend(placed.lines.iter().map(|line| line.sku.clone()));
                }
                continue;
            }
            Asked::StockCounted(counted) => {
                needs.skus.insert(counted.sku.clone());
                continue;
            }
            Asked::OrderCancellationRequested(asked) => &asked.order_id,
            Asked::OrderCollected(collected) => &collected.order_id,
            Asked::OrderReturned(returned) => match &returned.original_order_id {
                Some(sale) => sale,
                None => continue,
            },
        };
        needs.orders.insert(settled.clone());
        needs.settled.insert(settled.clone());
    }
    needs
}

/// The products that a batch's orders want.
pub(crate) fn wanted_skus(events: &[Received<Asked>]) -> BTreeSet<&str> {
    let lines = events.iter().filter_map(|received| match &received.event {
        Asked::OrderPlaced(placed) => Some(&placed.lines),
        _ => None,
    });
    lines.flatten().map(|line| &*line.sku).collect()
}

/// Those who placed a batch's orders, guests aside.
pub(crate) fn customers(events: &[Received<Asked>]) -> BTreeSet<&str> {
    let customers = events.iter().filter_map(|received| match &received.event {
        Asked::OrderPlaced(placed) => placed.user_id.as_deref(),
        _ => None,
    });
    customers.collect()
}
