//! Bugs on purpose (`orderly_sdk::faults`): with each of them the proof finds something.

use std::path::PathBuf;

use orderly_harness::{Api, Then, need};
use orderly_sdk::faults;
use orderly_tests::{
    copying::{
        Copying,
        prove::Proof,
        script::{Fault, Tally},
    },
    services::build,
    walk::Protocol,
};
use tokio::sync::OnceCell;

use super::{rng, run};

/// Each of these strikes so often.
const TIMES: usize = 5;

/// What came of members with that bug, while these happened to them.
async fn with(bug: &str, faults: &[Fault]) -> Option<(Proof, Tally)> {
    let copying = need!(Copying::start(1, Protocol::Cooperative, copier().await).await, None);
    let faults = faults.repeat(TIMES);
    let play =
        async |copying: &mut Copying, rng: &mut fastrand::Rng| copying.play(&faults, rng).await;
    Some(run(copying.with_variable("ORDERLY_PLANTED", bug), &mut rng(bug), play).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_used_again_after_an_unknown_outcome_is_found() {
    let Some((proof, tally)) = with(faults::PRODUCER_REUSED, &[Fault::Late(Then::Cut)]).await
    else {
        return;
    };
    assert!(
        tally.late.contains(&0),
        "no late EndTxn was taken for the next transaction's: {tally}"
    );
    assert!(!proof.holds(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_goes_on_after_an_abort_loses_what_was_in_it() {
    let faults = [
        Fault::Lose(Api::AddOffsetsToTxn, Then::Silence),
        Fault::Lose(Api::TxnOffsetCommit, Then::Silence),
    ];
    let Some((proof, _)) = with(faults::NO_SEEK_AFTER_ABORT, &faults).await else { return };
    assert!(!proof.findings.missing.is_empty(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_beside_the_transaction_are_found() {
    let Some((proof, _)) = with(faults::OFFSETS_OUTSIDE, &[Fault::Kill]).await else { return };
    assert!(!proof.holds(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_one_commit_old_doubles_what_was_done_beyond_the_offsets() {
    let Some((proof, _)) = with(faults::OLD_METADATA, &[Fault::Kill, Fault::Join]).await else {
        return;
    };
    assert!(!proof.findings.doubled.is_empty(), "{proof}");
}

async fn copier() -> PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = || build("orderly-copier-faults", &["orderly-tests/faults"]);
    BUILT.get_or_init(|| async { tokio::task::spawn_blocking(build).await.unwrap() }).await.clone()
}
