//! The demo's proof: green on a run as it should be, red by name on each fault.

use orderly::{
    demo::{Demo, DemoError, Fault, Kind, Load, Site, open_shop, progress::Bars, rules_for_varied},
    platform::{Databases, Platform},
};
use orderly_schemas::ContactGiven;
use orderly_sdk::{
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use orderly_tests::{demo, eventually, prove, settings};

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

#[tokio::test(flavor = "multi_thread")]
async fn customers_with_cards_coupons_and_a_group_who_cancel_and_give_back_are_proven() {
    let mut settings = settings();
    settings.rules = rules_for_varied(settings.rules).unwrap();
    let load = Load::Varied { orders: 100, rate: None };
    let mut demo = Demo::start(load, settings).await.unwrap();
    demo.run(&Bars::new()).await.unwrap();
    let report = prove(demo).await;
    assert_eq!(report.findings, []);
    assert!(report.is_proven());
    // Of each 25 customers one has a card that is declined, and one gives something back.
    assert_eq!((report.fulfilment.rejected, report.history.returns), (4, 4));
    assert!(report.fulfilment.refunded >= 4, "{report:?}");
    // One has a coupon, and one is a friend of the house.
    assert_eq!(report.fulfilment.discounted, 8);
    assert_eq!(report.fulfilment.completed + report.fulfilment.cancelled, 96);
    let money = report.money;
    assert!(money.captured > money.refunded && !money.refunded.is_zero(), "{money:?}");
    assert_eq!((report.stock.held, report.fulfilment.oversold), (0, 0));
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
async fn stock_that_no_order_holds_and_a_sale_that_nobody_collected_are_found_by_product() {
    for fault in [Fault::LeakHold, Fault::PhantomSale] {
        let (sku, report) = suffer(fault).await;
        assert!(!report.is_proven(), "{fault:?}");
        assert!(report.findings[0].what.starts_with(&format!("of {sku} ")), "{report:?}");
    }
}

/// A run on what others may have used, and may use, too.
async fn run_among_others(platform: &Platform) -> Demo {
    let site = Site::of_platform(platform).await.unwrap();
    let (site, walk) = (Site { is_used: true, ..site }, settings().rules.stages.total());
    let mut demo = Demo::on(site, generated(20), walk).await.unwrap();
    demo.run(&Bars::new()).await.unwrap();
    demo
}

/// Changes each product's stock.
async fn change_stock(platform: &Platform, sql: &str) {
    let mut tx = platform.databases.fulfilment.begin().await.unwrap();
    tx.execute(&format!("UPDATE fulfilment_stock SET {sql}"), &[]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_shop_that_was_used_a_run_knows_what_came_in_by_its_own_count() {
    let platform = Platform::start(settings()).await.unwrap();
    let first = prove(run_among_others(&platform).await).await;
    assert_eq!(first.findings, []);
    let sold_before = first.stock.sold;
    assert!(sold_before > 0);

    let demo = run_among_others(&platform).await;
    let report = demo.prove().await.unwrap();
    assert_eq!(report.findings, []);
    let (stock, products) = (report.stock, report.stock.products.cast_signed());
    assert_eq!((stock.known, stock.oversold), (stock.products, 0));
    // Each pizza was counted anew, and what the first run sold came in, too.
    assert_eq!(stock.received, products * 10_000_000 + sold_before);
    assert_eq!(stock.received, stock.held + stock.sold + stock.left);

    change_stock(&platform, "on_hand = on_hand - 1").await;
    let report = demo.prove().await.unwrap();
    assert_eq!((report.lost, report.duplicated), (stock.products, 0), "{report:?}");
    change_stock(&platform, "on_hand = on_hand + 2").await;
    let report = demo.prove().await.unwrap();
    assert_eq!((report.lost, report.duplicated), (0, stock.products), "{report:?}");
    // One more of each was sold than came in, and nothing is on hand.
    change_stock(&platform, "sold = sold + on_hand, on_hand = 0").await;
    let report = demo.prove().await.unwrap();
    assert_eq!(report.fulfilment.oversold, products, "{report:?}");

    // Another counts: what came in is theirs to know.
    open_shop(&platform.config, &[]).await.unwrap();
    eventually("all is counted", || async {
        let sql = "SELECT sku FROM fulfilment_stock WHERE on_hand <> 10000000";
        let rows = platform.databases.fulfilment.query(sql, &[]).await.unwrap();
        rows.is_empty().then_some(())
    })
    .await;
    let report = prove(demo).await;
    assert_eq!((report.findings.len(), report.stock.known), (0, 0), "{report:?}");
    platform.stop().await.unwrap();
}

/// A run in whose database `sql` changes something about one order, given as `$1`.
async fn break_store(
    store: impl Fn(&Databases) -> &Database,
    table: &str,
    sql: &str,
) -> (String, orderly::demo::Report) {
    let demo = demo(generated(20)).await;
    let order_id = change(store(&demo.site.databases), table, sql).await;
    (order_id, prove(demo).await)
}

/// Changes something about one order of `table`, by `sql` with its id as `$1`; answers the id.
async fn change(database: &Database, table: &str, sql: &str) -> String {
    let some = format!("SELECT order_id FROM {table} ORDER BY order_id LIMIT 1");
    let order_id: String = database.query(&some, &[]).await.unwrap()[0].get(0).unwrap();
    let mut tx = database.begin().await.unwrap();
    tx.execute(sql, &[order_id.as_str().into()]).await.unwrap();
    tx.commit().await.unwrap();
    order_id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_kept_otherwise_than_it_was_placed_is_found_by_name() {
    for (sql, found) in [
        ("UPDATE history_orders SET total = '0.01' WHERE order_id = $1", "total 0.01"),
        ("DELETE FROM history_lines WHERE order_id = $1", "number of lines 0"),
        ("UPDATE history_orders SET status = 'ready' WHERE order_id = $1", "status ready"),
    ] {
        let (order_id, report) = break_store(|all| &all.history, "history_orders", sql).await;
        assert!(!report.is_proven());
        assert_eq!((report.lost, report.duplicated, report.out_of_order), (1, 0, 0), "{found}");
        assert_eq!(report.findings[0].order_id, order_id);
        assert!(report.findings[0].what.contains(found), "{}", report.findings[0].what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_that_says_another_place_is_found_by_name() {
    let sql = "UPDATE history_timeline SET partition_id = partition_id + 1
               WHERE order_id = $1 AND event_type = 'OrderPlaced'";
    let (order_id, report) = break_store(|all| &all.history, "history_timeline", sql).await;
    assert!(!report.is_proven());
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (0, 0, 1));
    assert_eq!(report.findings[0].order_id, order_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_another_order_or_one_that_failed_is_lost_by_name() {
    for (sql, sent) in [
        (
            "UPDATE notifications_deliveries SET order_id = 'another' WHERE order_id = $1 AND channel = 'mail'",
            40,
        ),
        (
            "UPDATE notifications_deliveries SET state = 'FAILED' WHERE order_id = $1 AND channel = 'mail'",
            38,
        ),
        (
            "UPDATE notifications_deliveries SET destination = 'x@example.com' WHERE order_id = $1 AND channel = 'mail'",
            40,
        ),
    ] {
        let (order_id, report) =
            break_store(|all| &all.notifications, "notifications_deliveries", sql).await;
        assert!(!report.is_proven());
        assert_eq!((report.lost, report.duplicated), (2, 0), "{sql}");
        assert!(report.findings.iter().all(|finding| finding.order_id == order_id), "{sql}");
        assert_eq!(report.notifications.mail, sent, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_without_its_address_is_lost_by_name_unless_the_contact_was_deleted() {
    let demo = demo(generated(20)).await;
    let sql = "UPDATE notifications_deliveries SET destination = NULL WHERE order_id = $1 AND channel = 'mail'";
    let order_id =
        change(&demo.site.databases.notifications, "notifications_deliveries", sql).await;
    let report = demo.prove().await.unwrap();
    assert_eq!((report.lost, report.duplicated), (2, 0));
    assert!(report.findings.iter().all(|finding| finding.order_id == order_id));

    let config = &demo.site.config;
    let registry = Registry::new(config).unwrap();
    let encoders = Encoders::of("users").event::<ContactGiven>().register(config, &registry).await;
    let users = Emitter::connect(config, encoders.unwrap(), EmitSettings::default()).await.unwrap();
    users.delete::<ContactGiven>(&order_id).await.unwrap();
    assert_eq!(prove(demo).await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_outgrow_the_embedded_broker_is_refused_with_the_way_out() {
    let refused = Demo::start(generated(1_000_000), settings()).await.err().unwrap();
    let DemoError::TooLarge(why) = &refused else { panic!("{refused}") };
    assert!(why.contains("orders fit") && why.contains("orderly import"), "{why}");
}
