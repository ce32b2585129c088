//! Our side: a consumer whose handler counts.

use std::{sync::Arc, time::Duration};

use orderly_sdk::consume::{Context, Failure, Handler, Limits};

use super::Work;
use crate::{
    Error,
    event::Measured,
    ours::{self, Set},
    round::Round,
    tally::Tally,
};

pub(super) async fn round(
    set: &Set,
    group: &str,
    limits: Limits,
    work: Work,
    limit: Duration,
) -> Result<Round, Error> {
    let tally = Arc::new(Tally::of(set.records));
    let handler = Counting { tally: Arc::clone(&tally), work };
    ours::round(set, group, limits, handler, &tally, limit).await
}

struct Counting {
    tally: Arc<Tally>,
    work: Work,
}

impl Handler<Measured> for Counting {
    async fn handle(&self, _: &mut Context<'_>, event: Measured) -> Result<(), Failure> {
        self.tally.begin();
        self.work.compute();
        self.tally.done(event.number());
        Ok(())
    }
}
