//! Ten times what the consumers keep up with, on slow databases.

use orderly::demo::{Load, SpikeFigures};
use orderly_tests::{demo, prove};

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_on_slow_databases_is_taken_and_worked_off() {
    let report = prove(demo(Load::Spike { seconds: 5 }).await).await;
    assert!(report.is_proven(), "{:?}", report.findings);
    assert_eq!(report.orders.accepted, report.orders.submitted);
    assert_eq!(report.fulfilment.completed, report.orders.submitted);
    let Some(SpikeFigures { lag_peak, lag_after, seconds: 5, .. }) = &report.spike else {
        panic!("{:?}", report.spike);
    };
    // It did pile up, else nothing is shown.
    let in_spike = i64::from(report.spike.as_ref().unwrap().spike_per_second) * 5;
    assert!(lag_peak["fulfilment"] > in_spike / 4, "{lag_peak:?} of {in_spike}");
    assert!(lag_after.values().all(|lag| *lag == 0), "{lag_after:?}");
}
