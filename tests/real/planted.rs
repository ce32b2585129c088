//! Bugs planted on purpose: with one of them the proof goes red (where the inbox is off, the mails that
//! arrived tell), and without it the same fault, between the same two steps, does no
//! harm.
//!
//! Commit before effect; inbox off; another event id at a retry; one acknowledgement.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use orderly::demo::{Demo, Finding, Kind, Load, Report, progress::Bars};
use orderly_harness::{NotRun, need};
use orderly_sdk::{faults, kafka::Probe, record::TopicPartition};
use orderly_tests::services::{RealParts, SERVICES, Services, build};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::parts::one_broker;
use mails::Mails;

mod mails;

/// Without progress for so long, a run is over.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same where something is lost, which doesn't come however long it is waited for.
const PATIENCE_IN_VAIN: Duration = Duration::from_secs(20);
/// Longest that something may take to happen.
const SOON: Duration = Duration::from_secs(60);
/// Orders of a run, and how many a second.
const ORDERS: u64 = 200;
const RATE: u32 = 40;

/// What the services of a run have of a fault.
#[derive(Clone, Default)]
struct Faulty {
    /// The one that has it.
    service: &'static str,
    planted: Option<&'static str>,
    /// Where it ends.
    point: Option<String>,
}

impl Faulty {
    fn at(service: &'static str, point: impl Into<String>) -> Self {
        Self { service, planted: None, point: Some(point.into()) }
    }

    fn planted(self, bug: &'static str) -> Self {
        Self { planted: Some(bug), ..self }
    }

    fn patience(&self) -> Duration {
        match self.planted {
            Some(faults::COMMIT_BEFORE_EFFECT | faults::ONE_ACK) => PATIENCE_IN_VAIN,
            _ => PATIENCE,
        }
    }

    /// All services of the binary that can be faulty; this one of them is.
    async fn start(&self, parts: &RealParts, more: &[(String, String)]) -> Services {
        let program = binary().await;
        let mut services = Services { running: BTreeMap::new() };
        for service in SERVICES {
            let mut variables = more.to_vec();
            if service == self.service {
                let planted = self.planted.map(str::to_owned);
                variables.extend(planted.map(|bug| ("ORDERLY_PLANTED".to_owned(), bug)));
                let point = self.point.clone();
                variables.extend(point.map(|point| ("ORDERLY_FAULT_POINT".to_owned(), point)));
            }
            services.add(service, service, parts, &program, &variables);
        }
        for service in SERVICES {
            services.ready(service).await;
        }
        services
    }
}

/// A run in which the faulty service ended, and was started again.
struct Ran {
    report: Report,
    /// Where it ended.
    at: String,
}

/// Runs orders through services one of which is faulty. It is started again when it has ended,
/// still planted, if it is. `in_flight` says of what was under way then.
async fn run<F: Future<Output = String>>(
    parts: &RealParts,
    faulty: &Faulty,
    more: &[(String, String)],
    in_flight: impl FnOnce() -> F,
) -> Ran {
    parts.apply().await;
    let services = faulty.start(parts, more).await;
    let load = Load::Generated { orders: ORDERS, rate: Some(RATE) };
    let mut demo = services.demo(parts, load).await.with_patience(faulty.patience());
    let service = services.get(faulty.service);
    let (bars, mut at) = (Bars::new(), String::new());
    let ending = async {
        let ended = || async { (!service.runs()).then_some(()) };
        let printed = || format!("the fault; {} printed:\n{}", faulty.service, service.printed());
        until_or(printed, ended).await;
        let printed = service.printed();
        let (_, rest) =
            printed.split_once("fault: ended at ").unwrap_or_else(|| panic!("{printed}"));
        at = rest.lines().next().unwrap().to_owned();
        eprintln!("{} ended at {at}; in flight: {}", faulty.service, in_flight().await);
        service.start_again().unwrap();
    };
    let (ran, ()) = tokio::join!(demo.run(&bars), ending);
    ran.unwrap();
    let report = prove(&demo).await;
    Ran { report, at }
}

async fn prove(demo: &Demo) -> Report {
    let report = demo.prove().await.unwrap();
    let Report { orders, lost, duplicated, out_of_order, resent, seconds, .. } = &report;
    eprintln!(
        "{orders:?}: lost {lost}, duplicated {duplicated}, out of order {out_of_order}, resent \
         {resent} in {seconds} s"
    );
    for finding in report.findings.iter().take(3) {
        eprintln!("    {finding:?}");
    }
    report
}

fn assert_green(report: &Report) {
    let Report { lost, duplicated, out_of_order, .. } = report;
    assert_eq!((*lost, *duplicated, *out_of_order), (0, 0, 0), "{report:?}");
    assert_eq!(report.orders.accepted, ORDERS, "{report:?}");
}

/// The group's records that are not committed as done.
async fn lag(parts: &RealParts, group: &str, topic: &str) -> String {
    let probe = Probe::of_group(&parts.config(), group).unwrap();
    let records: i64 = probe.lag(&[topic]).await.unwrap().iter().map(|lag| lag.records()).sum();
    format!("{records} records of `{topic}`")
}

async fn rows(parts: &RealParts, sql: &str) -> Vec<String> {
    let rows = parts.databases().order_api.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

/// Of fulfilment: an order's effect on one side, the offset on the other.
fn effect_and_offset() -> Faulty {
    Faulty::at("fulfilment", format!("{}/orderly.OrderPlaced:50", faults::EFFECT_DONE))
}

async fn fulfilment_ends(parts: &RealParts, faulty: &Faulty) -> Ran {
    run(parts, faulty, &[], || lag(parts, "fulfilment", "orders")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_committed_before_the_effect_loses_the_order_whose_handler_never_ran() {
    let parts = need!(one_broker("offset-first.").await);
    let faulty = effect_and_offset().planted(faults::COMMIT_BEFORE_EFFECT);
    let Ran { report, at } = fulfilment_ends(&parts, &faulty).await;
    // With it, what lies before it in its batch; of many the report names the first.
    let is_it = |finding: &Finding| finding.kind == Kind::Lost && at.ends_with(&finding.order_id);
    let is_named = report.findings.iter().any(is_it);
    assert!(is_named || report.lost > 20, "{at}: {report:?}");
    assert!(report.history.orders > 0 && report.duplicated == 0, "{at}: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_committed_before_the_offset_is_there_once_when_fulfilment_ends_in_between() {
    let parts = need!(one_broker("effect-first.").await);
    let Ran { report, .. } = fulfilment_ends(&parts, &effect_and_offset()).await;
    assert_green(&report);
}

/// Of notifications: what is sent and recorded on one side, the offset on the other.
fn mail_and_offset() -> Faulty {
    Faulty::at("notifications", format!("{}/orderly.OrderConfirmed:50", faults::EFFECT_DONE))
}

/// How often the mail of the event at which notifications ended arrived: the mail server knows. Other
/// mails may come twice, too: those that were sent and not yet recorded when it ended.
async fn notifications_ends(parts: &RealParts, faulty: &Faulty) -> (Report, usize) {
    let mails = Mails::start().await;
    let in_flight = || lag(parts, "notifications", "order-status");
    let Ran { report, at } =
        run(parts, faulty, &[("SMTP_URL".to_owned(), mails.url())], in_flight).await;
    // order-status-3@17, <order id>
    let order_id = at.rsplit(' ').next().unwrap();
    let arrived = mails.arrived(&format!("Your order {order_id} is confirmed"));
    let twice = mails.more_than_once();
    eprintln!("the mail arrived {arrived} times; mails that came more than once: {twice}");
    (report, arrived)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_inbox_a_customer_gets_the_mail_of_a_repeated_event_twice() {
    let parts = need!(one_broker("inbox-off.").await);
    let faulty = mail_and_offset().planted(faults::INBOX_OFF);
    let (_, arrived) = notifications_ends(&parts, &faulty).await;
    assert_eq!(arrived, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_inbox_a_customer_gets_the_mail_of_a_repeated_event_once() {
    let parts = need!(one_broker("inbox-on.").await);
    let (report, arrived) = notifications_ends(&parts, &mail_and_offset()).await;
    assert_green(&report);
    assert_eq!(arrived, 1);
}

/// Of order-api: an order's acknowledgement on one side, the answer that its key stands for on the
/// other.
fn acknowledgement_and_answer() -> Faulty {
    Faulty::at("order-api", format!("{}:50", faults::ORDER_ACKNOWLEDGED))
}

async fn order_api_ends(parts: &RealParts, faulty: &Faulty) -> Report {
    let sql = "SELECT idempotency_key FROM idempotency WHERE state = 'in_flight'";
    let in_flight = || async { format!("{} orders", rows(parts, sql).await.len()) };
    run(parts, faulty, &[], in_flight).await.report
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_another_event_at_its_retry_is_placed_twice() {
    let parts = need!(one_broker("new-id.").await);
    let faulty = acknowledgement_and_answer().planted(faults::NEW_ID_AT_RETRY);
    let report = order_api_ends(&parts, &faulty).await;
    assert!(report.duplicated > 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_the_same_event_at_its_retry_is_placed_once() {
    let parts = need!(one_broker("same-id.").await);
    let report = order_api_ends(&parts, &acknowledgement_and_answer()).await;
    assert_green(&report);
    assert!(report.resent > 0, "no order was sent again: {report:?}");
}

/// The broker that is killed; it leads every third partition of `orders`. It alone has `contacts`,
/// which are written before: no order waits for its contact's copies, all get as far as their own.
const LEADER: i32 = 1;
const FOLLOWERS: [i32; 2] = [2, 3];
const PARTITIONS: i32 = 12;

/// The followers are stopped, orders are placed until `enough` have come to that outcome, the leader
/// is killed, the followers are let go, and the leader is started again once others lead.
async fn the_leader_dies(
    parts: &RealParts,
    faulty: &Faulty,
    outcome: &str,
    enough: usize,
) -> Report {
    place_partitions(parts).await;
    parts.apply().await;
    let services = faulty.start(parts, &[]).await;
    // On a busy machine many are accepted before the followers are stopped: enough are left.
    let load = Load::Generated { orders: 3 * ORDERS, rate: Some(RATE) };
    let mut demo = services.demo(parts, load).await.with_patience(faulty.patience());
    let (bars, kafka) = (Bars::new(), &parts.kafka);
    let accepted = "SELECT idempotency_key FROM idempotency WHERE state = 'done'";
    let since = &format!("SELECT idempotency_key FROM idempotency WHERE {outcome}");
    let dying = async {
        until("orders", || async { (rows(parts, accepted).await.len() >= 40).then_some(()) }).await;
        for follower in FOLLOWERS {
            kafka.pause(follower).await.unwrap();
        }
        let before = rows(parts, since).await.len();
        let came = || async { rows(parts, since).await.len() - before };
        until("outcomes", || async { (came().await >= enough).then_some(()) }).await;
        let sql = "SELECT idempotency_key FROM idempotency WHERE state = 'in_flight'";
        let (came, in_flight) = (came().await, rows(parts, sql).await.len());
        kafka.kill(LEADER).await.unwrap();
        eprintln!("{came} since the followers stopped where {outcome}; in flight: {in_flight}");
        for follower in FOLLOWERS {
            kafka.resume(follower).await.unwrap();
        }
        for topic in ["orders", "order-status"] {
            until("a leader", || led(parts, topic)).await;
        }
        kafka.start_again(LEADER).await.unwrap();
    };
    let (ran, ()) = tokio::join!(demo.run(&bars), dying);
    ran.unwrap();
    let report = prove(&demo).await;
    if report.lost > 0 {
        for service in ["fulfilment", "notifications"] {
            eprintln!("{service} printed:\n{}", services.get(service).printed());
        }
    }
    report
}

async fn place_partitions(parts: &RealParts) {
    let in_turn = |p| [0, 1, 2].map(|n| (p + n) % 3 + 1).into();
    let orders: Vec<Vec<i32>> = (0..PARTITIONS).map(in_turn).collect();
    let contacts = vec![vec![LEADER]; orders.len()];
    for (topic, replicas) in [("orders", orders), ("contacts", contacts)] {
        let name = format!("{}{topic}", parts.config().prefix);
        parts.kafka.create_topic(&name, &replicas).await.unwrap();
    }
}

/// All partitions of a topic have a leader, another one.
async fn led(parts: &RealParts, topic: &str) -> Option<()> {
    let probe = Probe::new(&parts.config()).unwrap();
    for partition in 0..PARTITIONS {
        let at = TopicPartition { topic: topic.into(), partition };
        probe.leader(&at).await.ok().flatten().filter(|leader| *leader != LEADER)?;
    }
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_only_the_leader_acknowledged_are_lost_with_it() {
    let parts = need!(three_brokers("one-ack.").await);
    let faulty = Faulty { service: "order-api", ..Faulty::default() }.planted(faults::ONE_ACK);
    // The generator has 32 orders under way. Of three one is accepted, and two wait for a follower:
    // once 32 wait no more come, by when about 16 were accepted, and hardly ever fewer than these.
    let report = the_leader_dies(&parts.0, &faulty, "state = 'done'", 4).await;
    let is_it = |finding: &Finding| finding.what.starts_with("accepted as");
    assert!(report.findings.iter().any(is_it), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_the_followers_never_got_are_not_accepted_and_none_is_lost_with_the_leader() {
    let parts = need!(three_brokers("all-acks.").await);
    let faulty = Faulty { service: "order-api", ..Faulty::default() };
    // An unknown one is asked for again at once: its second attempt shows that it was.
    let unknown = "(state = 'unknown' OR attempt > 1)";
    let report = the_leader_dies(&parts.0, &faulty, unknown, 10).await;
    let Report { lost, duplicated, out_of_order, .. } = &report;
    assert_eq!((*lost, *duplicated, *out_of_order), (0, 0, 0), "{report:?}");
}

/// A platform of its own on three brokers, which one test at a time may break.
async fn three_brokers(prefix: &str) -> Result<(RealParts, MutexGuard<'static, ()>), NotRun> {
    static PARTS: OnceCell<Result<RealParts, NotRun>> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let parts = PARTS.get_or_init(|| RealParts::without_topics(3)).await.clone()?;
    for follower in FOLLOWERS {
        // A test that failed left them stopped; where it didn't there is nothing to let go.
        let _ = parts.kafka.resume(follower).await;
    }
    Ok((parts.another(prefix).await, turn))
}

/// The command with the feature `faults`.
async fn binary() -> PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = || build("orderly-faults", &["orderly/faults"]);
    BUILT.get_or_init(|| async { tokio::task::spawn_blocking(build).await.unwrap() }).await.clone()
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    until_or(|| what.to_owned(), ask).await
}

/// Asks until there is an answer; fails the test, which says what never came, after [`SOON`].
async fn until_or<T, F: Future<Output = Option<T>>>(
    what: impl FnOnce() -> String,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, asking).await.unwrap_or_else(|_| panic!("never: {}", what()))
}
