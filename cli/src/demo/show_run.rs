//! How far a run is, as bars.

use super::{
    Load,
    intake::Taken,
    progress::{Bar, Bars},
    state::State,
};

/// A run's bars.
pub(super) struct Shown {
    accepted: Bar,
    kept: Bar,
    ended: Bar,
    mails: Option<Bar>,
    total: Option<u64>,
}

impl Shown {
    pub(super) fn new(bars: &Bars, load: &Load) -> Self {
        let (total, has_mails) = match load {
            Load::Generated { orders, .. } | Load::Varied { orders, .. } => (Some(*orders), true),
            Load::Spike { .. } => (None, true),
            Load::Scenario(_) => (None, false),
            Load::Imported { .. } => (None, false),
        };
        let length = total.unwrap_or_default();
        Self {
            accepted: bars.count("accepted", length),
            kept: bars.count("in history", length),
            ended: bars.count("completed", length),
            mails: has_mails.then(|| bars.count("mails", 0)),
            total,
        }
    }

    pub(super) fn at(&self, state: &State, taken: &Taken) {
        let total = Some(self.total.unwrap_or(taken.counts.accepted));
        self.accepted.at(taken.counts.accepted, total);
        self.kept.at(state.kept.orders.unsigned_abs(), total);
        self.ended.at(state.figures.ended, total);
        if let Some(mails) = &self.mails {
            mails.at(state.mails, Some(state.owed));
        }
    }
}
