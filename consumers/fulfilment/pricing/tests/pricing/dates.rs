//! From the first moment on, and before the last.

use crate::{Order, rules};

#[test]
fn from_is_inclusive_and_until_exclusive() {
    let rules =
        rules("- {name: d, percent: 10, from: 2026-06-01, until: 2026-06-02T18:00:00+02:00}");
    for (at, applies) in [
        ("2026-05-31T23:59:59.999Z", false),
        ("2026-06-01T00:00:00Z", true),
        ("2026-06-02T15:59:59.999Z", true),
        ("2026-06-02T16:00:00Z", false),
    ] {
        let priced = Order::of(&[("a", "", 1, "10.00")]).at(at).price(&rules).unwrap();
        assert_eq!(priced.discounts.len() == 1, applies, "{at}");
    }
}
