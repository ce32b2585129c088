//! What holds for all rules and all baskets.

use std::collections::BTreeMap;

use fulfilment_pricing::{Priced, Rules};
use proptest::{prelude::*, sample::select};
use rust_decimal::Decimal;

use crate::{Order, decimal, moment, rules};

const CASES: u32 = 2_000;

fn scope() -> impl Strategy<Value = String> {
    select(vec![
        "",
        ", skus: [a]",
        ", skus: [a, b, c]",
        ", categories: [x]",
        ", categories: [x, y]",
    ])
    .prop_map(str::to_owned)
}

fn gives() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..=1_000_000_u32, scope())
            .prop_map(|(n, on)| format!("percent: {}{on}", Decimal::new(n.into(), 4))),
        (1..=20_000_u32, scope()).prop_map(|(n, on)| format!(
            "amount_off: {}{on}, currency: EUR",
            Decimal::new(n.into(), 2)
        )),
        (1..4_u32, 1..3_u32, scope())
            .prop_map(|(buy, get, on)| format!("buy: {buy}, get: {get}{on}")),
        (1..4_u32, 1..3_u32, select(vec!["", ", categories: [x]"]))
            .prop_map(|(buy, get, on)| format!("buy: {buy}, get: {get}, within: category{on}")),
    ]
}

fn narrowed() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        ", customer_groups: [g]",
        ", minimum_spend: 20, currency: EUR",
        ", from: 2026-06-01T12:00:00Z",
        ", until: 2026-06-01T12:00:00Z",
        ", exclusive: true",
    ])
}

/// At most one rule in three has a coupon: `C` and its number.
fn rules_text() -> impl Strategy<Value = String> {
    let coupon = prop::bool::weighted(0.3);
    prop::collection::vec((gives(), narrowed(), coupon), 0..6).prop_map(|each| {
        let rule = |(number, (gives, narrowed, coupon)): (usize, (String, &str, bool))| {
            // A key stands once.
            let narrowed = if gives.contains("currency") {
                narrowed.replace(", currency: EUR", "")
            } else {
                narrowed.to_owned()
            };
            let coupon = if coupon { format!(", coupon: C{number}") } else { String::new() };
            format!("- {{name: r{number}, {gives}{narrowed}{coupon}}}\n")
        };
        each.into_iter().enumerate().map(rule).collect()
    })
}

fn order() -> impl Strategy<Value = Order> {
    let category = prop::option::of(select(vec!["x".to_owned(), "y".to_owned()]));
    let price = prop_oneof![0..100_000_i64, 0..200_i64].prop_map(|n| Decimal::new(n, 4));
    let line =
        (select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned), category, 1..8_i32, price);
    let lines = prop::collection::vec(line, 0..8);
    (lines, prop::option::of(Just("g".to_owned()))).prop_map(|(lines, group)| Order {
        lines,
        currency: "EUR".into(),
        group,
        coupons: Vec::new(),
        at: moment("2026-06-01T12:00:00Z"),
    })
}

/// With every coupon that it can take.
fn priced(order: &mut Order, rules: &Rules) -> Priced {
    for number in 0..6 {
        order.coupons.push(format!("c{number}"));
        if order.price(rules).is_err() {
            order.coupons.pop();
        }
    }
    order.price(rules).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn what_is_given_and_what_is_to_be_paid_add_up(text in rules_text(), mut order in order()) {
        let priced = priced(&mut order, &read(&text));
        prop_assert!(priced.to_pay >= Decimal::ZERO);
        prop_assert_eq!(priced.to_pay.scale(), 2);
        let sum: Decimal = priced.discounts.iter().map(|given| given.amount).sum();
        prop_assert_eq!(order.total() - sum, priced.to_pay);
        for given in &priced.discounts {
            prop_assert!(given.amount > Decimal::ZERO && given.amount.scale() == 2, "{:?}", given);
        }
    }

    #[test]
    fn no_sku_gets_more_than_its_lines_come_to(text in rules_text(), mut order in order()) {
        let mut left: BTreeMap<String, Decimal> = BTreeMap::new();
        for (sku, _, quantity, price) in &order.lines {
            *left.entry(sku.clone()).or_default() += price * Decimal::from(*quantity);
        }
        for given in priced(&mut order, &read(&text)).discounts {
            if let Some(sku) = given.sku {
                let left = left.entry(sku).or_default();
                *left -= given.amount;
                prop_assert!(*left >= Decimal::ZERO);
            }
        }
    }

    #[test]
    fn the_order_of_lines_makes_no_difference(
        text in rules_text(),
        (mut order, mixed) in order().prop_flat_map(|order| {
            let mixed = Just(order.lines.clone()).prop_shuffle();
            (Just(order), mixed)
        }),
    ) {
        let rules = read(&text);
        let first = priced(&mut order, &rules);
        order.lines = mixed;
        prop_assert_eq!(order.price(&rules).unwrap(), first);
    }

    #[test]
    fn splitting_a_line_makes_no_difference(text in rules_text(), mut order in order()) {
        let rules = read(&text);
        let first = priced(&mut order, &rules);
        let halves = |(sku, category, quantity, price): (String, Option<String>, i32, Decimal)| {
            [1, quantity - 1].map(|n| (sku.clone(), category.clone(), n, price))
        };
        order.lines = std::mem::take(&mut order.lines).into_iter().flat_map(halves).collect();
        prop_assert_eq!(order.price(&rules).unwrap(), first);
    }

    #[test]
    fn without_rules_the_total_is_to_be_paid(order in order()) {
        let priced = order.price(&Rules::none()).unwrap();
        prop_assert_eq!(priced.to_pay, order.total());
        prop_assert_eq!(priced.discounts, []);
    }

    #[test]
    fn an_exclusive_rule_is_never_mixed_with_others(text in rules_text(), mut order in order()) {
        let priced = priced(&mut order, &read(&text));
        let exclusive = |name: &str| {
            let line = text.lines().find(|line| line.contains(&format!("name: {name},"))).unwrap();
            line.contains("exclusive: true")
        };
        let first = priced.discounts.first().map(|given| given.rule.clone()).unwrap_or_default();
        for given in &priced.discounts {
            prop_assert!(given.rule == first || !exclusive(&given.rule) && !exclusive(&first));
        }
    }

    #[test]
    fn no_exclusive_rule_makes_it_dearer(text in rules_text(), mut order in order()) {
        let with = priced(&mut order, &read(&text));
        let without: String =
            text.lines().filter(|line| !line.contains("exclusive")).map(|l| format!("{l}\n")).collect();
        order.coupons.retain(|code| without.to_lowercase().contains(code.as_str()));
        prop_assert!(with.to_pay <= order.price(&read(&without)).unwrap().to_pay);
    }

    #[test]
    fn a_rule_that_does_not_match_changes_nothing(
        text in rules_text(),
        mut order in order(),
        gives in gives(),
        misses in select(vec![
            ", customer_groups: [nobody]",
            ", until: 2026-06-01T12:00:00Z",
            ", from: 2026-06-01T12:00:01Z",
            ", coupon: NOTGIVEN",
            ", coupon: NOTGIVEN, exclusive: true",
        ]),
        first in any::<bool>(),
    ) {
        let other = format!("- {{name: other, {gives}{misses}}}\n");
        let more = if first { format!("{other}{text}") } else { format!("{text}{other}") };
        let priced = priced(&mut order, &read(&text));
        prop_assert_eq!(order.price(&read(&more)).unwrap(), priced);
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        let _ = Rules::parse(&text);
    }

    #[test]
    fn no_spoilt_rules_make_reading_panic(
        text in rules_text(),
        at in any::<prop::sample::Index>(),
        with in "[\\PC\n\t\\[\\]{}:,&*!-]{0,4}",
    ) {
        let mut text = format!("promotions:\n{text}");
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
        let at = places[at.index(places.len())];
        text.insert_str(at, &with);
        let _ = Rules::parse(&text);
    }
}

fn read(text: &str) -> Rules {
    if text.is_empty() { Rules::none() } else { rules(text) }
}

#[test]
fn a_thousand_lines_of_a_tenth_cent_add_up() {
    let lines = vec![("a".to_owned(), None, 1, decimal("0.0010")); 1_000];
    let order = Order { lines, ..Order::of(&[]) };
    let priced = order.price(&rules("- {name: p, percent: 50, skus: [a]}")).unwrap();
    assert_eq!(priced.to_pay, decimal("0.50"));
}
