//! A backlog, as is left by a relay that was away: how fast it is in the topic.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use orderly_stores::{Database, Outbox};
use serde_json::json;

use super::{
    Job, KEYS, PARTITIONS, PEER, Place,
    commits::{Committer, WARM_UP},
    relay::{Relay, Running, Tuned},
};
use crate::{
    Error,
    broker::{self, Ends},
    checking::{self, Checked},
    event::{Measured, TOPIC},
    open_loop::IS_WARM_UP,
    progress,
    report::Case,
    round::{Round, over, rate},
    run::{Run, Side},
};

const ROWS: u64 = 200_000;
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(60);
const STARTING: Duration = Duration::from_secs(60);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(20);
const NAME: &str = "drain of 200,000 rows";
/// A second.
const GOAL: f64 = 20_000.0;

pub(super) async fn measure(run: &mut Run<'_>, job: &Job, relays: &[Relay]) -> Result<(), Error> {
    if !run.args.wants(NAME) {
        return Ok(());
    }
    run.report.under(
        "drained",
        format!(
            "{ROWS} rows, committed 1,000 at once while the relay is away; from the first record \
             seen in the topic to the last, each once and in its key's order"
        ),
    );
    let side = |relay: &Relay| {
        let (job, relay, name) = (job.clone(), relay.clone(), relay.name());
        let is_peer = matches!(relay, Relay::Debezium(_));
        let side = Side::new(name, move |number| {
            let (job, relay) = (job.clone(), relay.clone());
            async move { round(&job, &relay, number).await }
        });
        if is_peer { side.of_peer() } else { side }
    };
    let rounds = run.turns(NAME, relays.iter().map(side).collect()).await?;
    let ours = rate(&rounds[0]);
    let mut case = Case {
        name: NAME.into(),
        unit: "events/s",
        ours,
        limit: GOAL,
        ratio: over(ours, GOAL),
        counts: true,
        peers: BTreeMap::new(),
        raw: [("ours".into(), json!(rounds[0]))].into(),
    };
    if let Some(theirs) = rounds.get(1).filter(|rounds| !rounds.is_empty()) {
        case.peers.insert(PEER.into(), over(ours, rate(theirs)));
        case.raw.insert(PEER.into(), json!(theirs));
    }
    run.report.more.insert("events_per_s".into(), json!(ours));
    run.report.cases.push(case);
    Ok(())
}

async fn round(job: &Job, relay: &Relay, number: u32) -> Result<Round, Error> {
    let place = Place::make(job, relay, "drain", number).await?;
    let committer = Committer::ready(relay, &place).await?;
    let mut running = relay.start(&place, Tuned::Throughput).await?;
    let drained = drain(&place, &committer, &mut running).await;
    running.end().await?;
    let drained = drained?;
    if !drained.is_cut {
        check(&place, relay).await?;
    }
    Ok(drained)
}

async fn drain(
    place: &Place,
    committer: &Arc<Committer>,
    running: &mut Running,
) -> Result<Round, Error> {
    let ends = Ends::of(&place.config, TOPIC, PARTITIONS)?;
    committer.warm_up().await?;
    let warm = progress::until_all(|| ends.records(), LOOK, WARM_UP, STARTING).await?;
    if warm.is_cut {
        return Err("the first rows don't come".into());
    }
    running.stop().await?;
    committer.backlog(ROWS).await?;
    running.go_on(place).await?;
    let new = || async { Ok(ends.records().await?.saturating_sub(WARM_UP)) };
    progress::until_all(new, LOOK, ROWS, LIMIT).await
}

/// Each came once, in its key's order; and nothing is left of it.
async fn check(place: &Place, relay: &Relay) -> Result<(), Error> {
    if let Relay::Ours = relay {
        let outbox = Outbox::new(Database::open(place.database.url())?);
        let left = outbox.backlog().await?.records;
        if left > 0 {
            return Err(format!("{left} rows are left").into());
        }
    }
    broker::create_group(&place.config, checking::GROUP, PARTITIONS).await?;
    checking::read::<Measured>(&place.set(ROWS), KEYS).await
}

impl Checked for Measured {
    fn counted(&self) -> Option<&Measured> {
        (self.placed_at != IS_WARM_UP).then_some(self)
    }
}
