//! What may be written, and what is said of what may not.

use fulfilment_pricing::Rules;

use crate::Order;

const EXAMPLE: &str = include_str!("../../promotions.example.yaml");

#[test]
fn the_example_can_be_read_and_gives_what_it_says() {
    let rules: Rules = EXAMPLE.parse().unwrap();
    assert_eq!(rules.coupon_limit("welcome-3"), Some(Some(500)));

    let order = Order::of(&[
        ("margherita", "pizza", 3, "10.00"),
        ("cola", "drinks", 2, "2.00"),
        ("water", "drinks", 1, "1.50"),
        ("tiramisu", "desserts", 2, "5.00"),
    ]);
    let priced = order.clone().with(&["welcome-3"]).price(&rules).unwrap();
    let given: Vec<_> =
        priced.discounts.iter().map(|g| (g.rule.as_str(), g.amount.to_string())).collect();
    assert_eq!(
        given,
        [
            ("Pizza week", "6.00".into()),
            ("Three drinks for two", "1.50".into()),
            ("A second dessert", "5.00".into()),
            ("Five off thirty", "5.00".into()),
            ("Welcome", "3.00".into()),
        ]
    );
    let staff = order.by("staff").price(&rules).unwrap();
    assert_eq!(staff.discounts.iter().map(|g| g.rule.as_str()).collect::<Vec<_>>(), ["Staff meal"]);
}

#[test]
fn every_key_stands_in_the_example() {
    let error = Rules::parse("promotions:\n- {zzzzzzzzzzz: 1}").unwrap_err().message;
    let keys: Vec<_> = error.split('`').skip(3).step_by(2).collect();
    assert!(keys.len() > 10, "{error}");
    for key in keys {
        assert!(EXAMPLE.contains(key), "{key}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, message) in [
        (
            "promotions:\n- name: a\n  procent: 10",
            "line 3, column 3: unknown key `procent`: did you mean `percent`?",
        ),
        (
            "promotions:\n- {name: a, percent: 10, within: sku}",
            "line 2, column 3: promotion `a`: `get` and `within` stand beside `buy`: buy how many?",
        ),
        (
            "promotions:\n- {name: a}",
            "line 2, column 3: promotion `a`: it gives nothing: write one of `percent`, `amount_off`, or `buy` and `get`",
        ),
        (
            "promotions:\n- {name: a, percent: 10}\n- {name: a, percent: 10}",
            "line 3, column 3: promotion `a`: its name stands on line 2 already",
        ),
        (
            "promotions:\n- {name: a, amount_off: 1}",
            "line 2, column 3: promotion `a`: it names an amount and no `currency`: write such as `currency: EUR`",
        ),
        (
            "promotions:\n- {name: a, percent: 1, coupon: X}\n- {name: b, percent: 1, coupon: x}",
            "line 3, column 3: promotion `b`: coupon `X` is that of promotion `a`: a coupon has one promotion",
        ),
    ] {
        assert_eq!(Rules::parse(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (keys, part) in [
        ("percent: 0", "`percent` should be"),
        ("percent: 100.01", "`percent` should be"),
        ("percent: ten", "`ten` is no decimal"),
        ("percent: 10, amount_off: 1, currency: EUR", "several things"),
        ("amount_off: -1, currency: EUR", "`amount_off` should be"),
        ("amount_off: 0.001, currency: EUR", "at most 2 decimals"),
        ("amount_off: 1, currency: euro", "three capitals"),
        ("percent: 1, minimum_spend: 5", "no `currency`"),
        ("buy: 2", "how many are free"),
        ("buy: 0, get: 1", "`buy` should be 1 to 1000"),
        ("get: 1", "buy how many"),
        ("buy: 2, get: 1, within: order", "unknown value `order`"),
        ("buy: 2, get: 1, within: category, skus: [a]", "whole categories"),
        ("percent: 1, skus: []", "`skus` should name 1 to 1000"),
        ("percent: 1, skus: [a], categories: [b]", "`skus` and `categories`"),
        ("percent: 1, from: tomorrow", "`tomorrow` is no time"),
        ("percent: 1, from: 2026-06-02, until: 2026-06-02", "never apply"),
        ("percent: 1, coupon: 'a b'", "`coupon` should be"),
        ("percent: 1, coupon_limit: 5", "`coupon_limit` stands beside `coupon`"),
        ("percent: 1, coupon: A, coupon_limit: 0", "1 or more"),
        ("percent: 1, exclusive: yes", "boolean"),
        ("percent: 1, percent: 2", "duplicate"),
    ] {
        let error = Rules::parse(&format!("promotions:\n- {{name: a, {keys}}}")).unwrap_err();
        assert!(error.to_string().contains(part), "{keys}: {error}");
        assert_eq!(error.line, 2, "{keys}: {error}");
    }
}

#[test]
fn amounts_are_read_digit_for_digit() {
    // As a float it would be 4.34999…
    let rules = Rules::parse("promotions:\n- {name: a, amount_off: 4.35, currency: EUR}").unwrap();
    let priced = Order::of(&[("a", "", 1, "10.00")]).price(&rules).unwrap();
    assert_eq!(priced.to_pay.to_string(), "5.65");
}

#[test]
fn text_that_is_no_set_of_promotions_is_refused() {
    for text in ["", "promotions", "- a", "promotions: 5", "promotions:\n- 5", "{", "a: &a [*a]"] {
        assert!(Rules::parse(text).is_err(), "{text}");
    }
    let large = format!("promotions: []\n#{}", "x".repeat(1 << 20));
    assert!(Rules::parse(&large).unwrap_err().to_string().contains("1 MiB"));
    let many: String = (0..1_001).map(|n| format!("- {{name: n{n}, percent: 1}}\n")).collect();
    let error = Rules::parse(&format!("promotions:\n{many}")).unwrap_err();
    assert!(error.to_string().contains("more than 1000"), "{error}");
}
