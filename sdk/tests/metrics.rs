//! What a consumer's metrics say of a group, while it works, while it is stuck and when it is through.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use orderly_sdk::{
    consume::{
        Consumer, Context, Exhausted, Failure, Handler, Limits, RetryPolicy, parked_keys,
        request_redrive,
    },
    emit::EmitSettings,
};
use tokio::sync::Semaphore;

use crate::{
    members::{HeldUp, quick, run, skipping, stop},
    parts::{Greeted, Parted, Parts, Seen, greeted},
};

/// One recorder for all tests of the process; its own group tells a test's series.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// A group whose series are looked at.
struct Group(&'static str);

impl Group {
    /// The value of one of its series, with these labels among its own; 0 where there is none.
    fn value(&self, name: &str, labels: &[&str]) -> f64 {
        let (group, all) = (format!(r#"group="{}""#, self.0), recorder().render());
        let is_it = |line: &&str| {
            line.split('{').next() == Some(name)
                && line.contains(&group)
                && labels.iter().all(|label| line.contains(label))
        };
        let line = all.lines().find(is_it);
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
    }

    async fn until(&self, name: &str, labels: &[&str], condition: impl Fn(f64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !condition(self.value(name, labels)) {
            let now = self.value(name, labels);
            assert!(
                Instant::now() < deadline,
                "{name}{labels:?} is {now}:\n{}",
                recorder().render()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
    let group = Group("counted");
    let parts = Parts::start_for(group.0, 1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..20 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    emitter.emit(&Parted { name: "k".into() }).await.unwrap();
    let gate = Arc::new(Semaphore::new(5));
    let member = run(Consumer::new(group.0, &parts.config)
        .retrying(skipping())
        .on::<Greeted>(Gate(Arc::clone(&gate))));
    let at = r#"partition="0""#;
    let outcome = |outcome: &str| group.value("orderly_consumed_total", &[at, outcome]);
    let sum = || {
        let each = ["done", "repeat", "skipped", "dead_letter"];
        each.map(|name| outcome(&format!(r#"outcome="{name}""#))).iter().sum::<f64>()
    };
    group.until("orderly_received_total", &[at], |received| received == 21.0).await;
    group.until("orderly_consumed_total", &[at, r#"outcome="done""#], |done| done == 5.0).await;
    // The sixth is in the handler's hands, the others wait behind it.
    group.until("orderly_backlog_records", &[at], |backlog| backlog == 16.0).await;
    group.until("kafka_consumergroup_group_lag", &[at], |lag| lag == 16.0).await;
    group.until("orderly_in_flight", &[at], |running| running == 1.0).await;
    group.until("orderly_oldest_in_flight_seconds", &[at], |oldest| oldest > 0.5).await;
    assert_eq!(sum(), 5.0);

    gate.add_permits(20);
    group.until("kafka_consumergroup_group_lag", &[at], |lag| lag == 0.0).await;
    assert_eq!(group.value("orderly_received_total", &[at]), sum());
    assert_eq!(
        [r#"outcome="done""#, r#"outcome="skipped""#, r#"outcome="dead_letter""#].map(outcome),
        [19.0, 1.0, 1.0]
    );
    group.until("orderly_backlog_records", &[at], |backlog| backlog == 0.0).await;
    let handled = group.value("orderly_handler_seconds_count", &[r#"type="test.Greeted""#]);
    assert_eq!(handled, 20.0);
    group.until("orderly_commits_total", &[r#"outcome="done""#], |commits| commits > 0.0).await;
    assert!(group.value("orderly_rebalances_total", &[]) >= 1.0);
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_stuck_is_seen_to_hold_its_partition_up_until_it_ends() {
    recorder();
    let group = Group("held-up");
    let parts = Parts::start_for(group.0, 1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("stuck", -1)).await.unwrap();
    for number in 0..30 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let gate = Arc::new(Semaphore::new(0));
    let handler = HeldUp { gate: Arc::clone(&gate), entered: Seen::default() };
    let limits = Limits { partition_span: 10, ..Limits::default() };
    let member = run(Consumer::new(group.0, &parts.config).limited(limits).on::<Greeted>(handler));
    let at = r#"partition="0""#;
    let done = [at, r#"outcome="done""#];
    group.until("orderly_consumed_total", &done, |done| done == 9.0).await;
    group.until("orderly_partition_paused", &[at], |paused| paused == 1.0).await;
    group.until("orderly_offset_span", &[at], |span| span == 10.0).await;
    group.until("orderly_oldest_in_flight_seconds", &[at], |oldest| oldest > 0.5).await;
    assert_eq!(group.value("orderly_consumed_total", &done), 9.0);

    gate.add_permits(1);
    group.until("orderly_consumed_total", &done, |done| done == 31.0).await;
    group.until("orderly_partition_paused", &[at], |paused| paused == 0.0).await;
    group.until("orderly_offset_span", &[at], |span| span == 0.0).await;
    group.until("orderly_oldest_in_flight_seconds", &[at], |oldest| oldest == 0.0).await;
    stop(member).await.unwrap();
}

/// Can't do what is of `bad`, as long as that is poisoned; misses a part once.
struct Poisoned {
    is_poisoned: Arc<AtomicBool>,
    was_away: AtomicBool,
}

impl Handler<Greeted> for Poisoned {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        if !self.was_away.swap(true, Ordering::Relaxed) {
            return Err(Failure::unavailable("post", "nobody answers"));
        }
        match event.name == "bad" && self.is_poisoned.load(Ordering::Relaxed) {
            true => Err(Failure::retry("poisoned")),
            false => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_key_its_retries_and_its_redrive_are_counted_and_the_sum_holds() {
    recorder();
    let group = Group("parking");
    let parts = Parts::start_for(group.0, 1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..10 {
        emitter.emit(&greeted("bad", number)).await.unwrap();
        emitter.emit(&greeted("good", number)).await.unwrap();
    }
    let is_poisoned = Arc::new(AtomicBool::new(true));
    let handler =
        Poisoned { is_poisoned: Arc::clone(&is_poisoned), was_away: AtomicBool::default() };
    let policy = RetryPolicy { exhausted: Exhausted::Park, ..quick() };
    let member = run(Consumer::new(group.0, &parts.config).retrying(policy).on::<Greeted>(handler));
    let at = r#"partition="0""#;
    let outcome =
        |name: &str| group.value("orderly_consumed_total", &[at, &format!(r#"outcome="{name}""#)]);
    group.until("orderly_parked_keys", &[at], |keys| keys == 1.0).await;
    let letters = [at, r#"outcome="dead_letter""#];
    group.until("orderly_consumed_total", &letters, |letters| letters == 10.0).await;
    group.until("orderly_consumed_total", &[at, r#"outcome="done""#], |done| done == 10.0).await;
    // The first was tried as often as may be, and the others follow it untried.
    assert_eq!(group.value("orderly_retries_total", &[]), f64::from(quick().attempts));
    assert_eq!(group.value("orderly_unavailable_total", &[r#"part="post""#]), 1.0);

    is_poisoned.store(false, Ordering::Relaxed);
    let parked = parked_keys(&parts.config, group.0).await.unwrap();
    request_redrive(&parts.config, group.0, &parked[0]).await.unwrap();
    let redriven = [at, r#"outcome="redriven""#];
    group.until("orderly_consumed_total", &redriven, |redriven| redriven == 10.0).await;
    group.until("orderly_parked_keys", &[at], |keys| keys == 0.0).await;
    // What was brought back was a dead letter before: it counts once in what came.
    assert_eq!(group.value("orderly_received_total", &[at]), 20.0);
    assert_eq!(["done", "dead_letter", "redriven"].map(outcome), [10.0, 10.0, 10.0]);
    stop(member).await.unwrap();
}
