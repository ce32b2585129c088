//! Members that join, leave, die and are cut off under load: nothing is lost or doubled, every key
//! stays in order, and no key is done by two members at once unless one of them was cut off.

use std::time::Duration;

use orderly_harness::need;
use orderly_tests::{
    is_long,
    walk::{Load, Protocol, Walk, diary::Findings},
};

const MEMBER: &str = env!("CARGO_BIN_EXE_orderly-member");
const MEMBERS: usize = 3;
const KEYS: u64 = 200;
/// Steps a second.
const RATE: usize = 250;
/// Longer than a session.
const CUT_OFF: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread")]
async fn members_come_go_and_die_by_the_classic_protocol() {
    chaos(Protocol::Cooperative, if is_long() { 100 } else { 12 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_go_and_die_with_static_membership() {
    chaos(Protocol::Static, if is_long() { 100 } else { 6 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_go_and_die_by_the_consumer_protocol() {
    chaos(Protocol::Consumer, if is_long() { 100 } else { 6 }).await;
}

/// In each round one member joins and one goes: by kill -9 every other time.
async fn chaos(protocol: Protocol, rounds: usize) {
    let mut walk = need!(Walk::start(protocol, MEMBER).await);
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    println!("{protocol:?}, seed {seed}");
    (0..MEMBERS).for_each(|_| walk.join());
    let load = Load::begin(walk.emitter().await, RATE, |n| format!("key-{}", n % KEYS));
    walk.until_done(RATE).await;
    for round in 0..rounds {
        walk.join();
        tokio::time::sleep(Duration::from_millis(rng.u64(300..1_500))).await;
        let going = rng.choice(walk.slots()).unwrap();
        match round % 2 {
            0 => walk.kill(going).await,
            _ => walk.leave(going).await,
        }
        if round % 8 == 3 {
            let blocked = rng.choice(walk.slots()).unwrap();
            walk.pause(blocked, CUT_OFF).await;
        }
    }
    let sent = load.end().await;
    walk.until_done(sent.at.len()).await;
    walk.end().await;
    let done = walk.by_key().await;
    let findings = Findings::of(&walk, &sent);
    let lost: usize = sent
        .by_key
        .iter()
        .map(|(key, last)| (1..=*last).filter(|n| !done[key].contains(n)).count())
        .sum();
    let disordered = done.values().filter(|numbers| !numbers.is_sorted()).count();
    println!(
        "{rounds} joins, {rounds} leaves, {} of them by kill -9, {} members cut off: {} steps, \
         lost {lost}, done {}, keys out of order {disordered}; {} transactions cut by a kill, \
         {} repeats known to the inbox, {} overlaps beside a member that was cut off",
        walk.deaths.len(),
        walk.pauses.len(),
        sent.at.len(),
        done.values().map(Vec::len).sum::<usize>(),
        findings.cut,
        findings.repeats,
        findings.overlaps,
    );
    for (key, last) in &sent.by_key {
        assert_eq!(done[key], (1..=*last).collect::<Vec<_>>(), "{key}");
    }
    assert!(findings.unexplained.is_empty(), "{:#?}", findings.unexplained);
    assert!(findings.cut > 0, "no kill hit anything");
}
