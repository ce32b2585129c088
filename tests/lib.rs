//! What the end-to-end stories and the tests on real parts have in common.
#![allow(clippy::unwrap_used, reason = "a harness fails its test by panicking")]

pub mod copying;
pub mod deletion;
pub mod leftovers;
pub mod services;
pub mod walk;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use fulfilment::{Rules, StockRule};
use orderly::{
    commands,
    demo::{Demo, Load, Report, progress::Bars},
    platform::{Platform, PricesFrom, Settings},
    telemetry,
};
use orderly_sdk::topics::Topics;

/// A platform with two members a group and stages of some milliseconds.
pub fn settings() -> Settings {
    Settings {
        topics: topics(),
        listen: ([127, 0, 0, 1], 0).into(),
        members: 2,
        rules: Rules::new("prep=20ms,bake=40ms,oven=20ms".parse().unwrap()),
        prices: PricesFrom::AsGiven,
        metrics: telemetry::start(),
        parts: None,
        redis: None,
    }
}

/// The repository's own topics.
pub fn topics() -> Topics {
    commands::topics(Some(&root().join("topics.yaml"))).unwrap()
}

/// The running platform, of a shop that makes everything to order.
pub async fn platform() -> Platform {
    let mut settings = settings();
    settings.rules.stock = StockRule::Unlimited;
    Platform::start(settings).await.unwrap()
}

/// A run of the demo, loaded and settled.
pub async fn demo(load: Load) -> Demo {
    let mut demo = Demo::start(load, settings()).await.unwrap();
    demo.run(&Bars::new()).await.unwrap();
    demo
}

/// Its proof; everything is stopped.
pub async fn prove(demo: Demo) -> Report {
    let report = demo.prove().await.unwrap();
    demo.stop().await.unwrap();
    report
}

/// A spike that piled up, was taken whole, and worked off.
pub fn assert_spike_was_worked_off(report: &Report, for_seconds: u64) {
    assert!(report.is_proven(), "{:?}", report.findings);
    assert_eq!(report.orders.accepted, report.orders.submitted);
    assert_eq!(report.fulfilment.completed, report.orders.submitted);
    let spike = report.spike.as_ref().unwrap();
    assert_eq!(spike.seconds, for_seconds);
    // It did pile up, else nothing is shown.
    let in_spike = u64::from(spike.spike_per_second) * for_seconds;
    let peak = spike.lag_peak["fulfilment"].unsigned_abs();
    assert!(peak > in_spike / 4, "{:?} of {in_spike}", spike.lag_peak);
    assert!(spike.lag_after.values().all(|lag| *lag == 0), "{:?}", spike.lag_after);
}

/// Whether long proofs run at full length: `ORDERLY_LONG=1`.
pub fn is_long() -> bool {
    std::env::var_os("ORDERLY_LONG").is_some_and(|value| value == "1")
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Real orders beside the checkout; `None`, said by name, where they aren't.
pub fn real_orders(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not run: {} is not there", path.display());
    None
}

/// Asks again until the answer is there; fails the test after two minutes, which a busy machine may need.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
