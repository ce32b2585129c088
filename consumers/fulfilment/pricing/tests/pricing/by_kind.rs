//! Each kind of promotion, by itself.

use crate::{Order, given, rules};

fn meal() -> Order {
    Order::of(&[
        ("margherita", "pizza", 2, "9.50"),
        ("diavola", "pizza", 1, "11.00"),
        ("cola", "drinks", 2, "2.50"),
        ("water", "", 1, "1.80"),
    ])
}

#[test]
fn a_percentage_of_everything_is_taken_from_the_total() {
    let priced = meal().price(&rules("- {name: p, percent: 10}")).unwrap();
    assert_eq!(given(&priced), [("-", "3.68".into())]);
    assert_eq!(priced.to_pay.to_string(), "33.12");
}

#[test]
fn a_percentage_by_sku_names_each_sku() {
    let rules = rules("- {name: p, percent: 10, skus: [cola, margherita, none]}");
    let priced = meal().price(&rules).unwrap();
    assert_eq!(given(&priced), [("cola", "0.50".into()), ("margherita", "1.90".into())]);
}

#[test]
fn a_percentage_by_category_is_one_amount() {
    let priced = meal().price(&rules("- {name: p, percent: 50, categories: [pizza]}")).unwrap();
    assert_eq!(given(&priced), [("-", "15.00".into())]);
}

#[test]
fn an_amount_off_is_given_once_and_never_more_than_there_is() {
    let once = meal().price(&rules("- {name: a, amount_off: 5, currency: EUR}")).unwrap();
    assert_eq!(given(&once), [("-", "5.00".into())]);

    let all = meal().price(&rules("- {name: a, amount_off: 100, currency: EUR}")).unwrap();
    assert_eq!((given(&all), all.to_pay.to_string()), (vec![("-", "36.80".into())], "0.00".into()));

    let drinks = "- {name: a, amount_off: 100, currency: EUR, categories: [drinks]}";
    assert_eq!(given(&meal().price(&rules(drinks)).unwrap()), [("-", "5.00".into())]);

    let one = "- {name: a, amount_off: 100, currency: EUR, skus: [water]}";
    assert_eq!(given(&meal().price(&rules(one)).unwrap()), [("water", "1.80".into())]);
}

#[test]
fn of_the_same_sku_whole_sets_count() {
    let rules = rules("- {name: f, buy: 2, get: 1}");
    for (quantity, free) in [(2, None), (3, Some("2.50")), (5, Some("2.50")), (6, Some("5.00"))] {
        let priced = Order::of(&[("cola", "", quantity, "2.50")]).price(&rules).unwrap();
        let free: Vec<_> = free.map(|amount| ("cola", amount.to_owned())).into_iter().collect();
        assert_eq!(given(&priced), free, "{quantity} pieces");
    }
}

#[test]
fn pieces_of_a_sku_on_several_lines_count_together() {
    let order = Order::of(&[("cola", "", 2, "2.50"), ("cola", "", 1, "2.20")]);
    let priced = order.price(&rules("- {name: f, buy: 2, get: 1}")).unwrap();
    assert_eq!(given(&priced), [("cola", "2.20".into())]);
}

#[test]
fn within_a_category_the_cheapest_are_free() {
    let rules = rules("- {name: f, buy: 2, get: 1, within: category, categories: [pizza]}");
    assert_eq!(given(&meal().price(&rules).unwrap()), [("margherita", "9.50".into())]);

    let more = Order::of(&[
        ("a", "pizza", 4, "9.00"),
        ("b", "pizza", 1, "7.00"),
        ("c", "pizza", 1, "8.00"),
    ]);
    let priced = more.price(&rules).unwrap();
    assert_eq!(given(&priced), [("b", "7.00".into()), ("c", "8.00".into())]);
}

#[test]
fn categories_are_not_counted_together() {
    let order = Order::of(&[("a", "pizza", 2, "9.00"), ("b", "drinks", 1, "2.00")]);
    let rules = rules("- {name: f, buy: 2, get: 1, within: category}");
    assert_eq!(given(&order.price(&rules).unwrap()), []);
}

#[test]
fn a_minimum_spend_is_of_the_list_total() {
    let rules = rules(
        "- {name: p, percent: 50}
- {name: m, percent: 10, minimum_spend: 36.80, currency: EUR}",
    );
    assert_eq!(
        given(&meal().price(&rules).unwrap()),
        [("-", "18.40".into()), ("-", "1.84".into())]
    );

    let mut less = meal();
    less.lines.pop();
    assert_eq!(less.price(&rules).unwrap().discounts.len(), 1);
}

#[test]
fn customers_of_other_groups_pay_the_list_price() {
    let rules = rules("- {name: g, percent: 10, customer_groups: [friends, staff]}");
    assert_eq!(meal().by("staff").price(&rules).unwrap().discounts.len(), 1);
    assert_eq!(meal().by("press").price(&rules).unwrap().discounts, []);
    assert_eq!(meal().price(&rules).unwrap().discounts, []);
}

#[test]
fn nothing_is_converted_into_another_currency() {
    let rules = rules("- {name: a, amount_off: 5, currency: GBP}");
    assert_eq!(meal().price(&rules).unwrap().discounts, []);
}

#[test]
fn lines_without_pieces_or_price_count_for_nothing() {
    let mut order = Order::of(&[("cola", "", 2, "2.50"), ("cola", "", 0, "1.00")]);
    order.lines.push(("cola".into(), None, 5, crate::decimal("0")));
    let priced = order.price(&rules("- {name: f, buy: 2, get: 1}")).unwrap();
    assert_eq!((given(&priced), priced.to_pay.to_string()), (vec![], "5.00".into()));
}
