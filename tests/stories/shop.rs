//! What goes wrong in a shop, each scenario with its claim.

use orderly::demo::{Demo, Load, Report, ShopScenario, progress::Bars};
use orderly_tests::{prove, settings};

async fn played(scenario: ShopScenario) -> Report {
    let mut settings = settings();
    settings.rules = scenario.rules(settings.rules).unwrap();
    let mut demo = Demo::start(Load::Scenario(scenario), settings).await.unwrap();
    demo.run(&Bars::new()).await.unwrap();
    let report = demo.prove().await.unwrap();
    demo.stop().await.unwrap();
    assert!(report.is_proven(), "{:?}", report.findings);
    assert!(report.scenario.unwrap().holds);
    assert_eq!(report.fulfilment.oversold, 0);
    assert_eq!(report.orders.accepted, report.orders.submitted);
    let money = report.money;
    assert_eq!(money.authorised, money.captured + money.voided, "{money:?}");
    assert_eq!(money.revenue, money.captured - money.refunded, "{money:?}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_customers_fifty_get_one_of_fifty_pieces() {
    let report = played(ShopScenario::LastUnit).await;
    assert_eq!((report.fulfilment.completed, report.fulfilment.rejected), (50, 150));
    assert_eq!(report.stock.sold, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_and_the_first_stage_race_and_each_order_ends_in_one_of_the_two() {
    let report = played(ShopScenario::CancelRace).await;
    assert_eq!(report.fulfilment.completed + report.fulfilment.cancelled, 200);
    assert_eq!(report.stock.held, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_wait_for_a_payment_provider_that_is_away() {
    let report = played(ShopScenario::PaymentOutage).await;
    let outage = report.scenario.unwrap().outage.unwrap();
    assert_eq!((outage.turned_away, outage.confirmed), (200, 0));
    assert_eq!(report.fulfilment.completed, 200);
    assert_eq!(report.money.revenue, "1700.00".parse().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coupon_is_used_as_often_as_it_may_be_in_a_rush() {
    let report = played(ShopScenario::CouponRush).await;
    assert_eq!((report.fulfilment.completed, report.fulfilment.rejected), (50, 150));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_their_turn_at_a_slow_oven_and_is_told_how_many_are_ahead() {
    let report = played(ShopScenario::SlowOven).await;
    let oven = report.kitchen.stages["oven"];
    assert_eq!((oven.places, oven.at_once, oven.overtaken), (Some(4), 4, 0), "{oven:?}");
    assert!(oven.longest_line > 20 && oven.longest_wait_ms > 500, "{oven:?}");
    assert_eq!(report.fulfilment.completed, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ready_waits_for_customers_who_come_late() {
    let report = played(ShopScenario::LateCustomer).await;
    assert_eq!(report.scenario.unwrap().late.unwrap().were_completed, 100);
    assert_eq!(report.fulfilment.completed, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_does_not_hold_is_a_violation() {
    let mut settings = settings();
    // Fifty may use the coupon, says the claim; here everybody may.
    let boundless = "promotions: [{ name: Rush, percent: 10, coupon: RUSH }]";
    settings.rules.promotions = boundless.parse().unwrap();
    let mut demo = Demo::start(Load::Scenario(ShopScenario::CouponRush), settings).await.unwrap();
    demo.run(&Bars::new()).await.unwrap();
    let report = prove(demo).await;
    assert!(!report.scenario.unwrap().holds && !report.is_proven());
    assert_eq!((report.fulfilment.completed, report.findings.len()), (200, 1), "{report:?}");
    let what = &report.findings[0].what;
    assert!(what.starts_with("not so: 50 of 200 orders use the coupon"), "{what}");
}
