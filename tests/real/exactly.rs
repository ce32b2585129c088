//! Exactly once from topic to topic, under everything that happens to members, brokers and what lies
//! between them: each item is copied once and in its key's order, for a reader who comes afterwards and for
//! one who was there all along.

use orderly_harness::need;
use orderly_tests::{
    copying::{
        Copying, KEYS,
        feed::Feed,
        prove::Proof,
        script::{Fault, LATE, LOST, TO_BROKERS, TO_MEMBERS, Tally, shuffled},
    },
    is_long,
    walk::Protocol,
};

mod planted;
mod poisoned;

pub(crate) const COPIER: &str = env!("CARGO_BIN_EXE_orderly-copier");
/// Items a second.
pub(crate) const RATE: usize = 800;
/// Members at first.
pub(crate) const MEMBERS: usize = 3;

/// Error codes of Kafka's protocol by which a newer producer of the same id makes itself felt.
const FENCED: [i16; 2] = [47, 90];

/// Of a run, at least.
pub(crate) fn amount() -> u64 {
    if is_long() { 100_000 } else { 20_000 }
}

/// A schedule of faults: printed, and replayed by `ORDERLY_SEED`.
pub(crate) fn rng(what: &str) -> fastrand::Rng {
    let seed = std::env::var("ORDERLY_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("{what}: ORDERLY_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Members copy while it is fed, and faults are played.
pub(crate) async fn run(
    mut copying: Copying,
    rng: &mut fastrand::Rng,
    play: impl AsyncFnOnce(&mut Copying, &mut fastrand::Rng) -> Tally,
) -> (Proof, Tally) {
    (0..MEMBERS).for_each(|slot| copying.join_as(slot));
    let feed = Feed::begin(copying.emitter().await, RATE, |n| format!("key-{}", n % KEYS));
    let tally = play(&mut copying, rng).await;
    feed.end(amount()).await;
    let proof = copying.prove().await;
    println!("{tally}");
    (proof, tally)
}

/// What must hold after any of them.
fn assert_held((proof, tally): &(Proof, Tally)) {
    assert_proven(proof);
    let taken: Vec<_> = tally.late.iter().filter(|it| !FENCED.contains(it)).collect();
    assert!(taken.is_empty(), "late EndTxns were answered {taken:?}");
}

pub(crate) fn assert_proven(proof: &Proof) {
    proof.assert_holds();
    assert!(proof.items >= usize::try_from(amount()).unwrap() * 9 / 10, "{}", proof.items);
}

/// That many of these happen, one after the other, and all must have struck. `None`: not run here.
async fn suffer(
    what: &str,
    (brokers, protocol): (usize, Protocol),
    faults: &[Fault],
    rounds: usize,
) -> Option<Proof> {
    let copying = need!(Copying::start(brokers, protocol, COPIER).await, None);
    let mut rng = rng(what);
    let faults = shuffled(faults, rounds, &mut rng);
    let play =
        async |copying: &mut Copying, rng: &mut fastrand::Rng| copying.play(&faults, rng).await;
    let ran = run(copying, &mut rng, play).await;
    assert_held(&ran);
    assert_eq!(ran.1.never(), [""; 0]);
    Some(ran.0)
}

async fn members_suffer(protocol: Protocol) {
    let rounds = if is_long() { 20 } else { 7 };
    let suffered = suffer(&format!("{protocol:?}"), (1, protocol), TO_MEMBERS, rounds).await;
    let Some(proof) = suffered else { return };
    assert!(proof.aborted > 0, "no member was in the middle of anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_killed_frozen_and_replaced_and_come_and_go_by_the_classic_protocol() {
    members_suffer(Protocol::Cooperative).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_killed_frozen_and_replaced_and_come_and_go_by_the_consumer_protocol() {
    members_suffer(Protocol::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_killed_and_bounced() {
    let rounds = if is_long() { 12 } else { 4 };
    suffer("brokers", (3, Protocol::Cooperative), TO_BROKERS, rounds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_txns_come_when_the_next_transaction_has_begun() {
    let rounds = if is_long() { 20 } else { 6 };
    suffer("late", (1, Protocol::Cooperative), LATE, rounds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_get_lost_and_connections_break() {
    let rounds = if is_long() { 40 } else { LOST.len() };
    suffer("lost", (1, Protocol::Cooperative), LOST, rounds).await;
}

/// Ten times with other schedules, where there is time.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_at_once() {
    for run_number in 0..if is_long() { 10 } else { 1 } {
        let protocol = [Protocol::Cooperative, Protocol::Consumer][run_number % 2];
        let copying = need!(Copying::start(3, protocol, COPIER).await);
        let mut rng = rng(&format!("all of it, {protocol:?}"));
        let faults = shuffled(&[TO_MEMBERS, TO_BROKERS].concat(), 8, &mut rng);
        let of_the_line = shuffled(&[&LATE[..2], LOST].concat(), faults.len(), &mut rng);
        let play = async |copying: &mut Copying, rng: &mut fastrand::Rng| {
            copying.play_at_once(&faults, &of_the_line, rng).await
        };
        let ran = run(copying, &mut rng, play).await;
        assert_held(&ran);
        // One may miss where another strikes; a broker that dies takes its orders along.
        let never = ran.1.never();
        assert!(never.len() <= 4, "{never:?}");
        assert!(ran.0.aborted > 0, "nobody was in the middle of anything");
    }
}

/// What these faults do to a group that works at least once: else they would show nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_works_at_least_once_doubles_what_its_dead_had_written() {
    let copying = need!(Copying::start(1, Protocol::Cooperative, COPIER).await);
    let mut rng = rng("at least once");
    let play = async |copying: &mut Copying, _: &mut fastrand::Rng| {
        for slot in 0..MEMBERS {
            copying.goes_on(1_000).await;
            copying.kill_at_once(slot).await.unwrap();
            copying.join_as(slot);
        }
        Tally::default()
    };
    let (proof, _) = run(copying.with_flag("--at-least-once"), &mut rng, play).await;
    assert!(proof.findings.missing.is_empty(), "{}", proof.findings);
    assert!(!proof.findings.doubled.is_empty(), "{}", proof.findings);
}
