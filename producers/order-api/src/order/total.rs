//! What an order comes to.

use orderly_schemas::{
    OrderLine,
    money::{self, TOTAL_SCALE},
};
use rust_decimal::{Decimal, RoundingStrategy};

/// Lines add up unrounded; the total is rounded once, halves away from zero. `None` where it
/// doesn't fit an event.
pub(crate) fn total(lines: &[OrderLine]) -> Option<Decimal> {
    let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        sum.checked_add(line.unit_price.checked_mul(line.quantity.into())?)
    })?;
    let mut total = sum.round_dp_with_strategy(TOTAL_SCALE, RoundingStrategy::MidpointAwayFromZero);
    total.rescale(TOTAL_SCALE);
    money::check(&total, TOTAL_SCALE).is_ok().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: i32, unit_price: &str) -> OrderLine {
        let unit_price = unit_price.parse().expect("a decimal");
        OrderLine { sku: "a".into(), name: None, category: None, quantity, unit_price }
    }

    fn shown(lines: &[OrderLine]) -> Option<String> {
        total(lines).map(|total| total.to_string())
    }

    #[test]
    fn it_is_rounded_once_and_not_line_by_line() {
        let thirds = vec![line(1, "0.0033"); 3];
        assert_eq!(shown(&thirds).as_deref(), Some("0.01"));
        assert_eq!(shown(&[line(1, "0.0050")]).as_deref(), Some("0.01"));
        assert_eq!(shown(&[line(1, "0.0049")]).as_deref(), Some("0.00"));
        assert_eq!(shown(&[line(3, "2.0000")]).as_deref(), Some("6.00"));
    }

    #[test]
    fn one_that_outgrows_an_event_is_none() {
        assert_eq!(shown(&[line(10_000, "99999999999999.9999")]), None);
        assert_eq!(
            shown(&[line(100, "99999999999999.0000")]).as_deref(),
            Some("9999999999999900.00")
        );
        assert_eq!(shown(&vec![line(10_000, "99999999999999.9999"); 500]), None);
    }
}
