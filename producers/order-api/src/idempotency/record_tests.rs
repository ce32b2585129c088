#![allow(clippy::unwrap_used)]

use axum::http::HeaderMap;

use super::*;

const LEASE: Duration = Duration::from_secs(60);
const OVER: Duration = Duration::ZERO;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Kept {
    records: Records,
    _dir: tempfile::TempDir,
}

async fn kept(keep: Duration) -> Kept {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&format!("sqlite:{}/a.db", dir.path().display())).unwrap();
    database.migrate("order-api", MIGRATIONS).await.unwrap();
    Kept { records: Records::new(database, keep), _dir: dir }
}

fn key(text: &str) -> IdempotencyKey {
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", text.parse().unwrap());
    IdempotencyKey::of(&headers).unwrap().unwrap()
}

fn answer() -> Answer {
    Answer { status: 202, location: "/orders/o".into(), body: "{}".into() }
}

impl Kept {
    async fn claim(&self, hash: &str, lease: Duration) -> Claimed {
        let caller = Caller::anonymous();
        self.records.claim(&caller, &key("k"), hash, lease, Some("{}")).await.unwrap()
    }

    async fn ours(&self, lease: Duration) -> Claim {
        match self.claim("hash", lease).await {
            Claimed::Ours(claim) => claim,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_key_in_flight_waits_for_its_lease() {
    let kept = kept(DAY).await;
    assert!(!kept.ours(LEASE).await.in_doubt);
    match kept.claim("hash", LEASE).await {
        Claimed::InFlight(left) => assert!(left <= LEASE && left > LEASE / 2, "{left:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lease_that_is_over_is_taken_in_doubt_at_the_first_time() {
    let kept = kept(DAY).await;
    let first = kept.ours(OVER).await;
    let second = kept.ours(LEASE).await;
    assert!(second.in_doubt);
    assert_eq!(second.first, first.first);
}

#[tokio::test]
async fn an_unknown_outcome_is_taken_in_doubt_at_once() {
    let kept = kept(DAY).await;
    let first = kept.ours(LEASE).await;
    kept.records.doubt(&first).await.unwrap();
    assert!(kept.ours(LEASE).await.in_doubt);
}

#[tokio::test]
async fn a_finished_key_answers_and_another_body_is_told_apart() {
    let kept = kept(DAY).await;
    let claim = kept.ours(LEASE).await;
    assert!(matches!(kept.claim("other", LEASE).await, Claimed::OtherBody));
    kept.records.finish(&claim, &answer()).await.unwrap();
    assert!(matches!(kept.claim("hash", LEASE).await, Claimed::Finished(a) if a == answer()));
    assert!(matches!(kept.claim("other", LEASE).await, Claimed::OtherBody));
}

#[tokio::test]
async fn a_released_key_is_free_for_any_body() {
    let kept = kept(DAY).await;
    let claim = kept.ours(LEASE).await;
    kept.records.release(&claim).await.unwrap();
    assert!(matches!(kept.claim("other", LEASE).await, Claimed::Ours(c) if !c.in_doubt));
}

#[tokio::test]
async fn a_release_in_doubt_keeps_the_body_and_the_doubt() {
    let kept = kept(DAY).await;
    kept.ours(OVER).await;
    let second = kept.ours(LEASE).await;
    kept.records.release(&second).await.unwrap();
    assert!(matches!(kept.claim("other", LEASE).await, Claimed::OtherBody));
    assert!(kept.ours(LEASE).await.in_doubt);
}

#[tokio::test]
async fn an_overtaken_attempt_changes_nothing_but_its_acknowledgement_counts() {
    let kept = kept(DAY).await;
    let first = kept.ours(OVER).await;
    let second = kept.ours(LEASE).await;

    kept.records.release(&first).await.unwrap();
    kept.records.doubt(&first).await.unwrap();
    assert!(!kept.records.hold(&first, LEASE).await.unwrap());
    assert!(matches!(kept.claim("hash", LEASE).await, Claimed::InFlight(_)));

    kept.records.finish(&first, &answer()).await.unwrap();
    kept.records.release(&second).await.unwrap();
    assert!(matches!(kept.claim("hash", LEASE).await, Claimed::Finished(_)));
}

#[tokio::test]
async fn a_held_record_is_not_taken_over() {
    let kept = kept(DAY).await;
    let claim = kept.ours(OVER).await;
    assert!(kept.records.hold(&claim, LEASE).await.unwrap());
    assert!(matches!(kept.claim("hash", LEASE).await, Claimed::InFlight(_)));
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_as_good_as_gone_and_then_purged() {
    let kept = kept(Duration::ZERO).await;
    let claim = kept.ours(LEASE).await;
    kept.records.finish(&claim, &answer()).await.unwrap();
    assert!(matches!(kept.claim("other", LEASE).await, Claimed::Ours(c) if !c.in_doubt));
    assert_eq!(kept.records.purge(10).await.unwrap(), 1);
    assert_eq!(kept.records.purge(10).await.unwrap(), 0);
}

#[tokio::test]
async fn a_purge_is_bounded_and_leaves_what_is_young() {
    let kept = kept(DAY).await;
    let caller = Caller::anonymous();
    for number in 0..5 {
        kept.records
            .claim(&caller, &key(&format!("k{number}")), "h", LEASE, Some("{}"))
            .await
            .unwrap();
    }
    assert_eq!(kept.records.purge(2).await.unwrap(), 0);
    let all_old = Records { keep: Duration::ZERO, ..kept.records.clone() };
    assert_eq!(all_old.purge(2).await.unwrap(), 2);
    assert_eq!(all_old.purge(10).await.unwrap(), 3);
}

#[tokio::test]
async fn many_claims_at_once_make_one_owner() {
    let kept = kept(DAY).await;
    let claims = (0..20).map(|_| {
        let records = kept.records.clone();
        tokio::spawn(async move {
            let caller = Caller::anonymous();
            records.claim(&caller, &key("k"), "hash", LEASE, Some("{}")).await.unwrap()
        })
    });
    let mut owners = 0;
    for claim in claims.collect::<Vec<_>>() {
        owners += usize::from(matches!(claim.await.unwrap(), Claimed::Ours(_)));
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn the_first_attempts_prices_are_kept_for_the_next() {
    let kept = kept(DAY).await;
    let caller = Caller::anonymous();
    let claim = async |lease, priced| {
        kept.records.claim(&caller, &key("k"), "hash", lease, priced).await.unwrap()
    };
    // A key that stands for nothing isn't taken by an order without a price.
    assert!(matches!(claim(OVER, None).await, Claimed::Unpriced));
    assert!(
        matches!(claim(OVER, Some("1")).await, Claimed::Ours(c) if c.priced.as_deref() == Some("1"))
    );
    assert!(
        matches!(claim(OVER, Some("2")).await, Claimed::Ours(c) if c.priced.as_deref() == Some("1"))
    );
    match claim(LEASE, None).await {
        Claimed::Ours(claim) => {
            assert!(claim.in_doubt);
            assert_eq!(claim.priced.as_deref(), Some("1"));
            kept.records.finish(&claim, &answer()).await.unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(claim(LEASE, None).await, Claimed::Finished(_)));
}
