//! What a consumer's metrics say of a group, while it works and when it is through.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use orderly_sdk::{
    consume::{Consumer, Context, Failure, Handler},
    emit::EmitSettings,
};
use tokio::sync::Semaphore;

use crate::{
    members::{run, skipping, stop},
    parts::{Greeted, Parted, Parts, greeted},
};

/// One recorder for all tests of the process; this test's own group tells its series.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// The value of a series of the group, with these labels among its own; 0 where there is none.
fn value(name: &str, labels: &[&str]) -> f64 {
    let all = recorder().render();
    let is_it = |line: &&str| {
        line.split('{').next() == Some(name)
            && line.contains(r#"group="counted""#)
            && labels.iter().all(|label| line.contains(label))
    };
    let line = all.lines().find(is_it);
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
}

async fn until(name: &str, labels: &[&str], condition: impl Fn(f64) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition(value(name, labels)) {
        let now = value(name, labels);
        assert!(Instant::now() < deadline, "{name}{labels:?} is {now}:\n{}", recorder().render());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lets one through for each permit, and refuses one.
struct Gate(Arc<Semaphore>);

impl Handler<Greeted> for Gate {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        if event.number == 13 {
            return Err(Failure::reject("unlucky"));
        }
        self.0.acquire().await?.forget();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_is_what_became_of_it_and_what_is_in_progress() {
    recorder();
    let parts = Parts::start_for("counted", 1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..20 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    emitter.emit(&Parted { name: "k".into() }).await.unwrap();
    let gate = Arc::new(Semaphore::new(5));
    let member = run(Consumer::new("counted", &parts.config)
        .retrying(skipping())
        .on::<Greeted>(Gate(Arc::clone(&gate))));
    let at = r#"partition="0""#;
    let outcome = |outcome: &str| value("orderly_consumed_total", &[at, outcome]);
    let sum = || {
        let each = ["done", "repeat", "skipped", "dead_letter"];
        each.map(|name| outcome(&format!(r#"outcome="{name}""#))).iter().sum::<f64>()
    };
    until("orderly_received_total", &[at], |received| received == 21.0).await;
    until("orderly_consumed_total", &[at, r#"outcome="done""#], |done| done == 5.0).await;
    // The sixth is in the handler's hands, the others wait behind it.
    until("orderly_backlog_records", &[at], |backlog| backlog == 16.0).await;
    until("kafka_consumergroup_group_lag", &[at], |lag| lag == 16.0).await;
    until("orderly_in_flight", &[at], |running| running == 1.0).await;
    until("orderly_oldest_in_flight_seconds", &[at], |oldest| oldest > 0.5).await;
    assert_eq!(sum(), 5.0);

    gate.add_permits(20);
    until("kafka_consumergroup_group_lag", &[at], |lag| lag == 0.0).await;
    assert_eq!(value("orderly_received_total", &[at]), sum());
    assert_eq!(
        [r#"outcome="done""#, r#"outcome="skipped""#, r#"outcome="dead_letter""#].map(outcome),
        [19.0, 1.0, 1.0]
    );
    until("orderly_backlog_records", &[at], |backlog| backlog == 0.0).await;
    let handled = value("orderly_handler_seconds_count", &[r#"type="test.Greeted""#]);
    assert_eq!(handled, 20.0);
    until("orderly_commits_total", &[r#"outcome="done""#], |commits| commits > 0.0).await;
    assert!(value("orderly_rebalances_total", &[]) >= 1.0);
    stop(member).await.unwrap();
}
