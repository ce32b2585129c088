//! Log lines to stderr, metrics to whoever asks.

use std::{io::IsTerminal as _, sync::OnceLock};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Warnings; but not the client library's own lines, which the SDK tells in its words.
const DEFAULT: &str = "warn,librdkafka=off,rdkafka=off";

/// Upper bounds of the classes that times are counted in. Without them each time series keeps sketches to
/// tell quantiles from, of up to 256 KiB each; and quantiles of several members can't be added up.
const SECONDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// Starts both, once per process; later calls give the same handle. `RUST_LOG` says what is logged
/// instead of warnings, NO_COLOR is kept.
pub fn start() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS
        .get_or_init(|| {
            let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT.into());
            let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            // A subscriber that a test has set stays.
            let _ = tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(!is_plain && std::io::stderr().is_terminal())
                .with_writer(std::io::stderr)
                // A closed stderr is no reason to end.
                .log_internal_errors(false)
                .try_init();
            let builder = PrometheusBuilder::new().set_buckets(&SECONDS);
            // Refused is only an empty list.
            let recorder = builder.unwrap_or_default().build_recorder();
            let handle = recorder.handle();
            if let Err(error) = metrics::set_global_recorder(recorder) {
                tracing::warn!(%error, "metrics are recorded elsewhere; /metrics shows none");
            }
            handle
        })
        .clone()
}
