//! Members that leave while their group rebalances.

use std::time::Duration;

use orderly_sdk::{consume::Consumer, emit::EmitSettings};

use crate::{
    members::{Running, Script, ok, run},
    parts::{Greeted, Parts, Seen, greeted},
};

/// Within this a member is gone that has nothing to wait for. Well below what ends one that waits for
/// an answer that never comes.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn members_that_leave_while_others_do_are_gone_soon() {
    let mut parts = Parts::start(12).await;
    // How long the group waits for who left before it forms anew.
    let short = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
    let pairs = short.map(|(name, value)| (name.into(), value.into()));
    parts.config.consumer_properties.extend(pairs);
    let emitter = parts.emitter(EmitSettings::default()).await;
    // Now and then only the client library is told of two rebalances when it closes.
    for round in 1..=6 {
        let seen = Seen::default();
        let member = || {
            let script = Script { seen: seen.clone(), act: ok };
            run(Consumer::new("group", &parts.config).on::<Greeted>(script))
        };
        let (first, others): (Vec<_>, Vec<_>) =
            ((0..2).map(|_| member()).collect(), (0..4).map(|_| member()).collect());
        for number in 0..60 {
            emitter.emit(&greeted(&format!("key-{number}"), number)).await.unwrap();
        }
        seen.until("this round's", |all| all.len() >= 60).await;
        // The first two leave, and while the group forms anew without them, the others follow one by one.
        for leaving in [first].into_iter().chain(others.into_iter().map(|one| vec![one])) {
            tokio::time::timeout(SOON, all_gone(leaving))
                .await
                .unwrap_or_else(|_| panic!("not gone within {SOON:?} in round {round}"));
        }
    }
}

async fn all_gone(members: Vec<Running>) {
    for (shutdown, _) in &members {
        shutdown.cancel();
    }
    for (_, task) in members {
        task.await.unwrap().unwrap();
    }
}
