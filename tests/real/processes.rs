//! Every service as a process of its own.

use orderly::demo::{Load, progress::Bars};
use orderly_harness::need;
use orderly_tests::services::{RealParts, Services};

#[tokio::test(flavor = "multi_thread")]
async fn orders_through_services_that_are_processes_of_their_own_are_neither_lost_nor_doubled() {
    let parts = need!(RealParts::start(1).await);
    let services = Services::start_all(&parts).await;
    let load = Load::Generated { orders: 200, rate: None };
    let mut demo = services.demo(&parts, load).await;
    demo.run(&Bars::new()).await.unwrap();
    let report = demo.prove().await.unwrap();
    assert_eq!(report.orders.accepted, 200, "{report:?}");
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (0, 0, 0), "{report:?}");
    assert_eq!((report.fulfilment.completed, report.notifications.mail), (200, 400), "{report:?}");
    for service in services.running.values() {
        service.stop().await.unwrap();
    }
}
