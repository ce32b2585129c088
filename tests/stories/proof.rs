//! The demo's proof: green on a run as it should be, red by name on each fault.

use orderly::demo::{Demo, DemoError, Fault, Kind, Load};
use orderly_tests::{demo, prove, settings};

fn generated(orders: u64) -> Load {
    Load::Generated { orders, rate: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_proven_from_topics_and_stores() {
    let report = prove(demo(generated(120)).await).await;
    assert_eq!(report.findings, []);
    assert!(report.is_proven());
    assert_eq!(report.orders.submitted, 120);
    assert_eq!(report.orders.accepted, 120);
    assert_eq!(report.history.orders, 120);
    // Confirmed, three stages begun and ended, ready, completed.
    assert_eq!(report.history.statuses, 120 * 9);
    assert_eq!(report.fulfilment.completed, 120);
    assert_eq!(report.notifications.mail, 240);
    assert!(report.accept_ms.p50 > 0.0 && report.placed_to_completed_ms.p50 >= 80.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept() {
    let report = prove(demo(Load::Generated { orders: 50, rate: Some(100) }).await).await;
    assert!(report.is_proven());
    assert!(report.seconds >= 0.49, "50 orders at 100 a second took {} s", report.seconds);
}

async fn suffer(fault: Fault) -> (String, orderly::demo::Report) {
    let mut demo = demo(generated(20)).await;
    let order_id = demo.suffer(fault).await.unwrap();
    (order_id, prove(demo).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_vanished_from_the_store_is_lost_by_name() {
    let (order_id, report) = suffer(Fault::LoseRow).await;
    assert!(!report.is_proven());
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (1, 0, 0));
    assert_eq!(report.findings[0].kind, Kind::Lost);
    assert_eq!(report.findings[0].order_id, order_id);
    assert_eq!(report.history.orders, 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_told_twice_is_duplicated_by_name() {
    let (order_id, report) = suffer(Fault::DoubleStatus).await;
    assert!(!report.is_proven());
    assert_eq!(report.duplicated, 1);
    let found = report.findings.iter().find(|f| f.kind == Kind::Duplicated).unwrap();
    assert_eq!(found.order_id, order_id);
    assert!(found.what.contains("OrderConfirmed"), "{}", found.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_statuses_swapped_in_the_topic_are_out_of_order_by_name() {
    let (order_id, report) = suffer(Fault::SwapStatuses).await;
    assert!(!report.is_proven());
    assert!(report.out_of_order >= 1);
    assert_eq!((report.lost, report.duplicated), (0, 0));
    assert!(report.findings.iter().all(|f| f.order_id == order_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_outgrow_the_embedded_broker_is_refused_with_the_way_out() {
    let refused = Demo::start(generated(1_000_000), settings()).await.err().unwrap();
    let DemoError::TooLarge(why) = &refused else { panic!("{refused}") };
    assert!(why.contains("orders fit") && why.contains("orderly import"), "{why}");
}
