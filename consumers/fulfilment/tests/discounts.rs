//! Promotions and coupons.

use fulfilment::{Rules, StockRule};
use orderly_schemas::{OrderPlaced, UserChanged};
use orderly_sdk::Health;

use crate::parts::{Parts, cancelled, placed};

fn rules(cancel_within: std::time::Duration) -> Rules {
    let promotions = "
promotions:
  - name: Five percent
    percent: 5
  - name: Welcome
    amount_off: 2.00
    currency: EUR
    coupon: WELCOME
    coupon_limit: 10
";
    Rules {
        stock: StockRule::Unlimited,
        promotions: promotions.parse().unwrap(),
        cancel_within,
        ..Rules::new("prep=0ms".parse().unwrap())
    }
}

fn with_coupon(order_id: &str, code: &str) -> OrderPlaced {
    OrderPlaced { coupons: vec![code.into()], ..placed(order_id) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_order_says_which_rule_gave_what() {
    let parts = Parts::start(1).await;
    let service = parts.run_by(rules(std::time::Duration::ZERO), &Health::of("fulfilment"));
    parts.emit(&placed("o-1")).await;
    parts.emit(&with_coupon("o-2", "welcome")).await;
    parts.emit(&with_coupon("o-3", "GUESSED")).await;
    parts.statuses.until("ready", 2).await;
    parts.statuses.until_told(|told| told.iter().any(|it| it.order_id == "o-3")).await;
    service.stop().await;
    let given = |order_id: &str| parts.statuses.of(order_id)[0].priced.clone();
    assert_eq!(given("o-1"), Some("Five percent 0.53 = 9.97".to_owned()));
    assert_eq!(given("o-2"), Some("Five percent 0.53, Welcome (WELCOME) 2.00 = 7.97".to_owned()));
    let refused = parts.statuses.steps("o-3");
    assert!(refused.len() == 1 && refused[0].contains("GUESSED"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_priced_by_what_held_when_it_was_placed_however_late_it_is_taken_on() {
    let parts = Parts::start(1).await;
    let promotions = "
promotions:
  - name: Last year
    percent: 10
    until: 2026-01-01
  - name: Autumn
    amount_off: 2.00
    currency: EUR
    coupon: AUTUMN
    until: 2026-01-01
";
    let rules = Rules {
        stock: StockRule::Unlimited,
        promotions: promotions.parse().unwrap(),
        ..Rules::new("prep=0ms".parse().unwrap())
    };
    let then = "2025-12-31T23:59:59Z".parse().unwrap();
    parts.emit_as(&with_coupon("in-time", "autumn"), &parts.meta().at(then)).await;
    parts.emit(&placed("now")).await;
    parts.emit(&with_coupon("too-late", "autumn")).await;
    let service = parts.run_by(rules, &Health::of("fulfilment"));
    parts.statuses.until("ready", 2).await;
    parts.statuses.until_told(|told| told.iter().any(|it| it.order_id == "too-late")).await;
    service.stop().await;
    let given = |order_id: &str| parts.statuses.of(order_id)[0].priced.clone();
    assert_eq!(given("in-time"), Some("Last year 1.05, Autumn (AUTUMN) 2.00 = 7.45".to_owned()));
    assert_eq!(given("now"), Some(" = 10.50".to_owned()));
    let refused = parts.statuses.steps("too-late");
    assert!(refused.len() == 1 && refused[0].contains("was valid until"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_a_customer_group_is_for_who_is_in_it() {
    let parts = Parts::start(3).await;
    let promotions = "promotions: [{name: Staff, percent: 50, customer_groups: [staff]}]";
    let rules = Rules {
        stock: StockRule::Unlimited,
        promotions: promotions.parse().unwrap(),
        ..Rules::new("prep=0ms".parse().unwrap())
    };
    let user = |user_id: &str, group: Option<&str>| UserChanged {
        user_id: user_id.into(),
        name: None,
        email: None,
        phone: None,
        notify_by: Vec::new(),
        customer_group: group.map(Into::into),
    };
    // Said before it starts: known to the first order.
    parts.emit(&user("ada", Some("staff"))).await;
    parts.emit(&user("bob", Some("friends"))).await;
    let service = parts.run_by(rules, &Health::of("fulfilment"));
    let by = |order_id: &str, user_id: Option<&str>| OrderPlaced {
        user_id: user_id.map(Into::into),
        ..placed(order_id)
    };
    parts.emit(&by("of-ada", Some("ada"))).await;
    parts.emit(&by("of-bob", Some("bob"))).await;
    parts.emit(&by("of-a-stranger", Some("eve"))).await;
    parts.emit(&by("of-a-guest", None)).await;
    parts.statuses.until("ready", 4).await;
    let given = |order_id: &str| parts.statuses.of(order_id)[0].priced.clone().unwrap();
    assert_eq!(given("of-ada"), "Staff 5.25 = 5.25");
    for other in ["of-bob", "of-a-stranger", "of-a-guest"] {
        assert_eq!(given(other), " = 10.50", "{other}");
    }

    // Said while it runs, and unsaid: what an order meets is what is known by then.
    parts.emit(&user("bob", Some("staff"))).await;
    parts.emitter.delete::<UserChanged>("ada").await.unwrap();
    let mut number = 0;
    let mut until = async |user_id: &str, wanted: &str| loop {
        number += 1;
        let order_id = format!("{user_id}-{number}");
        parts.emit(&by(&order_id, Some(user_id))).await;
        parts.statuses.until("ready", 4 + number).await;
        if given(&order_id) == wanted {
            break;
        }
        assert!(number < 1_000, "never {wanted} for {user_id}");
    };
    until("bob", "Staff 5.25 = 5.25").await;
    until("ada", " = 10.50").await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coupon_is_used_no_more_often_than_it_may_be_however_many_want_it() {
    rush(Parts::start(3).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coupon_is_used_no_more_often_than_it_may_be_on_postgres() {
    let test = "discounts::a_coupon_is_used_no_more_often_than_it_may_be_on_postgres";
    if let Some(parts) = Parts::start_on_postgres(test, 3).await {
        rush(parts).await;
    }
}

async fn rush(parts: Parts) {
    let hour = std::time::Duration::from_secs(3_600);
    let one = parts.run_by(rules(hour), &Health::of("fulfilment"));
    let other = parts.run_by(rules(hour), &Health::of("fulfilment"));
    for i in 0..60 {
        parts.emit(&with_coupon(&format!("o-{i}"), "WELCOME")).await;
    }
    let used_up = "rejected: coupon WELCOME was used as often as it may be";
    parts.statuses.until("confirmed", 10).await;
    parts.statuses.until(used_up, 50).await;

    // What is cancelled gives its use back.
    let all = parts.statuses.all();
    let first = all.iter().find(|told| told.step == "confirmed").unwrap();
    parts.emit(&cancelled(&first.order_id)).await;
    parts.statuses.until("cancelled: changed my mind", 1).await;
    parts.emit(&with_coupon("late", "WELCOME")).await;
    parts.emit(&with_coupon("too-late", "WELCOME")).await;
    parts.statuses.until("confirmed", 11).await;
    parts.statuses.until(used_up, 51).await;
    one.stop().await;
    other.stop().await;
}
