//! A poisoned key under load: what follows it follows it, others go on as before, and a redrive by
//! `orderly dlq` brings all of it back in order, while new ones come and its owner is killed.

use std::{
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_harness::need;
use orderly_sdk::consume::{DeadLetter, Parked, dead_letters, parked_keys};
use orderly_tests::{
    eventually, is_long,
    services::binary,
    walk::{self, GROUP, Load, Protocol, Walk, diary},
};
use serde_json::Value;

const MEMBER: &str = env!("CARGO_BIN_EXE_orderly-member");
const KEYS: u64 = 50;
/// Steps a second; every eighth is of the key that is poisoned.
const RATE: usize = 200;
const BAD: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_key_is_followed_and_brought_back_in_order_while_its_owner_dies() {
    let mut walk = need!(Walk::start(Protocol::Cooperative, MEMBER).await);
    (0..3).for_each(|_| walk.join());
    let round = Arc::new(AtomicUsize::new(0));
    let now_bad = Arc::clone(&round);
    let load = Load::begin(walk.emitter().await, RATE, move |n| match n % BAD {
        0 => bad(now_bad.load(Ordering::Relaxed)),
        _ => format!("key-{}", n % KEYS),
    });
    // Everything is warm then.
    walk.until_done(5 * RATE).await;
    let (rounds, window) = if is_long() { (5, 15) } else { (2, 4) };
    let window = Duration::from_secs(window);
    let (mut quiet, mut poisoned, mut in_the_middle) = (Vec::new(), Vec::new(), 0);
    for number in 0..rounds {
        round.store(number, Ordering::Relaxed);
        let key = bad(number);
        quiet.push(p99(&walk, window).await);
        walk.poison(&key, true).await;
        let first = eventually("the key is parked", || parked(&walk, &key)).await;
        poisoned.push(p99(&walk, window).await);
        assert_followed(&walk, &key, &first).await;

        walk.poison(&key, false).await;
        redrive(&walk, &key, first.next).await;
        let begun = || async {
            let now = parked(&walk, &key).await;
            now.is_none_or(|now| now.next > first.next).then_some(())
        };
        eventually("the redrive is under way", begun).await;
        let owner = diary::last_at(&walk, first.at.partition).expect("somebody does it");
        walk.kill(walk.slot_of(&owner).unwrap()).await;
        in_the_middle += usize::from(parked(&walk, &key).await.is_some());
        walk.join();
        until_brought_back(&walk, &key).await;
    }
    let sent = load.end().await;
    walk.until_done(sent.at.len()).await;
    walk.end().await;
    let done = walk.by_key().await;
    for (key, last) in &sent.by_key {
        assert_eq!(done[key], (1..=*last).collect::<Vec<_>>(), "{key}");
    }
    let ratio = median(&poisoned) / median(&quiet);
    println!(
        "{} steps in order, {rounds} keys poisoned and brought back, {} owners killed, {in_the_middle} of them in the \
         middle of a redrive; \
         p99 of others {ratio:.2} times what it is without: {poisoned:.1?} against {quiet:.1?} ms",
        sent.at.len(),
        walk.deaths.len(),
    );
    assert!(in_the_middle > 0, "no kill hit a redrive");
    // Short windows on a busy machine say little.
    let bound = if is_long() { 1.2 } else { 3.0 };
    assert!(ratio <= bound, "{ratio}");
}

fn bad(number: usize) -> String {
    format!("bad-{number}")
}

async fn parked(walk: &Walk, key: &str) -> Option<Parked> {
    let all = parked_keys(&walk.parts.config(), GROUP).await.unwrap();
    all.into_iter().find(|parked| parked.key == key.as_bytes())
}

/// As long as it goes on: its new owner has the partition only when the old one's session is over.
async fn until_brought_back(walk: &Walk, key: &str) {
    let (mut before, mut since) = (0, Instant::now());
    while let Some(now) = parked(walk, key).await {
        if now.next > before {
            (before, since) = (now.next, Instant::now());
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{now:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The first was tried as often as may be, the others never; each lies behind the one before.
async fn assert_followed(walk: &Walk, key: &str, parked: &Parked) {
    let mut letters = Vec::new();
    let each = |letter: DeadLetter| {
        if letter.record.key() == Some(key.as_bytes()) {
            assert!(letter.is_parked);
            letters.push((letter.source.offset, letter.attempts));
        }
    };
    dead_letters(&walk.parts.config(), GROUP, each).await.unwrap();
    assert!(letters.len() > 10, "{letters:?}");
    assert_eq!(letters[0], (parked.next, walk::policy().attempts));
    assert!(letters.iter().skip(1).all(|(_, attempts)| *attempts == 0), "{letters:?}");
    assert!(letters.is_sorted_by(|one, next| one.0 < next.0), "{letters:?}");
}

/// As an operator does it: looks, sees what it would do, does it.
async fn redrive(walk: &Walk, key: &str, next: i64) {
    let listed = dlq(walk, &["ls", GROUP]).await;
    let listed = json(&listed);
    let ours = listed["parked"].as_array().unwrap().iter().find(|it| it["key"] == key);
    assert_eq!(ours.unwrap()["next"], next, "{listed}");
    let shown = dlq(walk, &["show", GROUP, "--key", key]).await;
    assert_eq!(json(&shown)["parked"], true);
    let preview = dlq(walk, &["redrive", GROUP, "--key", key]).await;
    assert_eq!(json(&preview)["asked"], false);
    assert_eq!(parked(walk, key).await.map(|parked| parked.next), Some(next));
    let unknown = dlq(walk, &["redrive", GROUP, "--key", "nobody's", "--execute"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let asked = dlq(walk, &["redrive", GROUP, "--key", key, "--execute"]).await;
    assert_eq!(json(&asked)["asked"], true);
}

async fn dlq(walk: &Walk, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("dlq").args(args).args(["-o", "json"]).envs(walk.parts.environment());
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// The first line of what it printed.
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(stdout.lines().next().unwrap()).unwrap()
}

/// Milliseconds from sent to done of steps sent in a window that begins now, but for poisoned keys'.
async fn p99(walk: &Walk, window: Duration) -> f64 {
    let from = walk::now();
    tokio::time::sleep(window).await;
    let to = walk::now();
    let sql = "SELECT count(*) FROM steps_done
               WHERE sent_at > $1 AND step_key NOT LIKE 'bad-%'";
    let later = || async {
        let rows = walk.database.query(sql, &[to.into()]).await.unwrap();
        (rows[0].get::<i64>(0).unwrap() > 0).then_some(())
    };
    eventually("steps sent after the window are done", later).await;
    let sql = "SELECT done_at - sent_at FROM steps_done
               WHERE sent_at BETWEEN $1 AND $2 AND step_key NOT LIKE 'bad-%' ORDER BY 1";
    let rows = walk.database.query(sql, &[from.into(), to.into()]).await.unwrap();
    let at = rows.len() * 99 / 100;
    #[allow(clippy::cast_precision_loss, reason = "microseconds of a test")]
    let millis = rows[at].get::<i64>(0).unwrap() as f64 / 1_000.0;
    millis
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
