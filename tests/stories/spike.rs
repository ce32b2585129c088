//! Ten times what the consumers keep up with, on slow databases.

use orderly::demo::Load;
use orderly_tests::{assert_spike_was_worked_off, demo, prove};

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_on_slow_databases_is_taken_and_worked_off() {
    let report = prove(demo(Load::Spike { seconds: 5 }).await).await;
    assert_spike_was_worked_off(&report, 5);
    let lags = &report.spike.as_ref().unwrap().lag_after;
    assert!(lags.contains_key("users"), "its group isn't waited for: {lags:?}");
}
