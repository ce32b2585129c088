//! Ten times what the consumers keep up with, on a slow Postgres.

use orderly::demo::{Load, progress::Bars};
use orderly_harness::need;
use orderly_tests::{
    assert_spike_was_worked_off, is_long,
    services::{RealParts, Services},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_on_a_slow_postgres_is_taken_and_worked_off() {
    let parts = need!(RealParts::start(1).await);
    let services = Services::start(&parts).await;
    let seconds = if is_long() { 30 } else { 5 };
    let mut demo = services.demo(&parts, Load::Spike { seconds }).await;
    demo.run(&Bars::new()).await.unwrap();
    let report = demo.prove().await.unwrap();
    println!("{}", report.table());
    assert_spike_was_worked_off(&report, seconds);
}
