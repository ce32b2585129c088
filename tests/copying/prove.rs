//! What came of a run, by the topics themselves.

use std::{
    fmt,
    time::{Duration, Instant},
};

use orderly_sdk::{Event, kafka::Probe};

use super::{
    Copied, Copying, GROUP, Item, PATIENCE,
    check::{Findings, difference},
    outcomes::Outcomes,
    readers::{self, Isolation},
};
use crate::eventually;

/// Longest that the one who read along is behind.
const BEHIND: Duration = Duration::from_secs(15);

/// It holds, or it says what doesn't.
pub struct Proof {
    /// Items there were.
    pub items: usize,
    /// Of what a new reader sees of what is committed.
    pub findings: Findings,
    /// Where the one who read along saw another thing.
    pub differs: Option<String>,
    /// Records that were written and never committed.
    pub aborted: usize,
    /// Of the members' transactions.
    pub outcomes: Outcomes,
    /// Whether the group came to the end of the items.
    pub is_through: bool,
}

impl Proof {
    /// Nothing is missing, doubled, out of order, or seen by one reader alone.
    pub fn holds(&self) -> bool {
        self.is_through && self.findings.is_clean() && self.differs.is_none()
    }

    /// Fails the test where something is missing, doubled, out of order, or seen by one reader alone.
    pub fn assert_holds(&self) {
        assert!(self.is_through, "the group didn't come to the end");
        assert!(self.findings.is_clean(), "{}", self.findings);
        assert_eq!(self.differs, None, "a reader who was there all along saw another thing");
        assert!(self.outcomes.of("committed") > 0, "{}", self.outcomes);
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, findings, aborted, outcomes, .. } = self;
        write!(f, "{items} items copied: {findings}; {aborted} records of aborted transactions; ")?;
        write!(f, "{outcomes}")?;
        match &self.differs {
            Some(what) => write!(f, "; who read along differs: {what}"),
            None => Ok(()),
        }
    }
}

impl Copying {
    /// Waits until all is copied, ends the members, and looks. No more items may come.
    pub async fn prove(&mut self) -> Proof {
        let is_through = self.comes_to_the_end().await;
        let printed = self.printed();
        self.end().await;
        let bootstrap = self.kafka.bootstrap();
        let settled =
            || async { readers::is_settled(bootstrap, Copied::TOPIC).await.then_some(()) };
        eventually("no transaction is open any more", settled).await;
        let items = readers::whole(bootstrap, Item::TOPIC, Isolation::Committed).await;
        let copies = readers::whole(bootstrap, Copied::TOPIC, Isolation::Committed).await;
        let written = readers::whole(bootstrap, Copied::TOPIC, Isolation::Uncommitted).await;
        let deadline = Instant::now() + BEHIND;
        while self.along.count() < copies.len() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let proof = Proof {
            items: items.len(),
            findings: Findings::of(&items, &copies),
            differs: difference(&self.along.so_far(), &copies),
            aborted: written.len() - copies.len(),
            outcomes: self.outcomes(),
            is_through,
        };
        if !proof.findings.is_clean() || !is_through {
            println!("members said:\n{printed}");
        }
        println!("{proof}");
        proof
    }

    /// As long as it goes on; whether it did.
    async fn comes_to_the_end(&self) -> bool {
        let probe = Probe::of_group(&self.config(), GROUP).unwrap();
        let (mut before, mut since) = (None, Instant::now());
        while since.elapsed() < PATIENCE {
            let lag = probe.lag(&[Item::TOPIC]).await.ok();
            let lag = lag.map(|all| all.iter().map(orderly_sdk::kafka::GroupLag::records).sum());
            let now: (Option<i64>, usize) = (lag, self.along.count());
            if lag == Some(0) {
                return true;
            }
            if before != Some(now) {
                (before, since) = (Some(now), Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        false
    }
}
