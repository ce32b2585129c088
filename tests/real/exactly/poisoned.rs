//! A key that can't be copied: what is parked and what is brought back is in transactions, too, also
//! where the member that brings it back is frozen in the middle, past its session, and thawed.

use std::time::{Duration, Instant};

use orderly_harness::need;
use orderly_sdk::consume::{DeadLetter, Parked, dead_letters, parked_keys, request_redrive};
use orderly_tests::{
    copying::{Copying, GROUP, KEYS, feed::Feed},
    eventually,
    walk::{self, Protocol},
};

use super::{COPIER, MEMBERS, RATE, amount, assert_proven};

const BAD: &str = "bad-1";
/// Longest that a redrive may stand still.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every so many is of it.
const OFTEN: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_frozen_in_its_middle_is_gone_on_with_by_another_and_doubles_nothing() {
    let mut copying = need!(Copying::start(1, Protocol::Cooperative, COPIER).await);
    (0..MEMBERS).for_each(|slot| copying.join_as(slot));
    let feed = Feed::begin(copying.emitter().await, RATE, |n| match n % OFTEN {
        0 => BAD.to_owned(),
        _ => format!("key-{}", n % KEYS),
    });
    copying.goes_on(1_000).await;
    copying.poison(BAD, true);
    let first = eventually("the key is parked", || parked(&copying)).await;
    // What follows it takes some seconds to be brought back.
    copying.goes_on(8_000).await;
    assert_followed(&copying, &first).await;

    copying.poison(BAD, false);
    request_redrive(&copying.config(), GROUP, &first).await.unwrap();
    let begun =
        || async { parked(&copying).await.is_none_or(|it| it.next > first.next).then_some(()) };
    eventually("the redrive is under way", begun).await;
    let slot = copying.slot_at(BAD).expect("somebody copies it");
    assert!(copying.pause(slot).await, "it was in no transaction");
    let frozen = parked(&copying).await.expect("the redrive is under way, and not through");
    copying.thaw(slot).await;
    copying.goes_on(1_000).await;

    feed.end(amount()).await;
    until_brought_back(&copying).await;
    let proof = copying.prove().await;
    println!("frozen at {} of a redrive from {}", frozen.next, first.next);
    assert_proven(&proof);
    assert!(proof.aborted > 0, "what it had in its hands was never written");
    assert_eq!(parked(&copying).await, None);
}

/// As long as it goes on.
async fn until_brought_back(copying: &Copying) {
    let (mut before, mut since) = (0, Instant::now());
    while let Some(now) = parked(copying).await {
        if now.next > before {
            (before, since) = (now.next, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "{now:?}\n{}", copying.printed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn parked(copying: &Copying) -> Option<Parked> {
    let all = parked_keys(&copying.config(), GROUP).await.unwrap();
    all.into_iter().find(|parked| parked.key == BAD.as_bytes())
}

/// Each record behind the one that failed has one dead letter, in its order.
async fn assert_followed(copying: &Copying, parked: &Parked) {
    let mut letters = Vec::new();
    let each = |letter: DeadLetter| letters.push((letter.source.offset, letter.attempts));
    dead_letters(&copying.config(), GROUP, each).await.unwrap();
    assert!(letters.len() > 100, "{letters:?}");
    let (offset, attempts) = letters[0];
    assert_eq!(offset, parked.next);
    // None where its partition went just when the key was marked: then another member wrote the letter.
    assert!([0, walk::policy().attempts].contains(&attempts), "{attempts}");
    assert!(letters.iter().skip(1).all(|(_, attempts)| *attempts == 0), "{letters:?}");
    assert!(letters.is_sorted_by(|one, next| one.0 < next.0), "{letters:?}");
}
