//! How far a run is, by the topics and by the stores.

use history::Counts;
use notifications::Mailbox;
use orderly_schemas::{Channel, DeliveryOutcome};
use orderly_stores::StoreError;

use super::{Demo, DemoError, intake::Taken, kept::Whose, ledger::Figures};

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// By the topics.
    pub(super) figures: Figures,
    pub(super) records: u64,
    pub(super) owed: u64,
    /// By the stores.
    pub(super) kept: Counts,
    pub(super) mails: u64,
}

impl State {
    /// By the topics the run's orders came to their end.
    pub(super) fn is_over(&self, taken: &Taken) -> bool {
        let Figures { placed, ended, returns, .. } = self.figures;
        placed >= taken.counts.accepted && returns >= taken.returns && ended >= placed
    }

    /// What moves while the run does, and isn't moved by others' orders.
    pub(super) fn progress(&self, is_used: bool, is_over: bool) -> Self {
        let mut progress = self.clone();
        if is_used {
            progress.records = 0;
            if !is_over {
                (progress.kept, progress.mails) = (Counts::default(), 0);
            }
        }
        progress
    }

    /// What is still to come, by topics and stores: each with how much of it came.
    pub(super) fn missing(&self, taken: &Taken) -> Vec<String> {
        let Figures { placed, ended, returns, statuses, .. } = self.figures;
        let kept = |count: i64| count.unsigned_abs();
        [
            ("accepted orders in their topic", placed, taken.counts.accepted),
            ("returns in their topic", returns, taken.returns),
            ("orders that ended", ended, placed),
            ("orders in history", kept(self.kept.orders), placed),
            ("statuses in history", kept(self.kept.statuses), statuses),
            ("returns in history", kept(self.kept.returns), returns),
            ("messages sent", self.mails, self.owed),
        ]
        .into_iter()
        .filter(|(_, came, all)| came < all)
        .map(|(what, came, all)| format!("{what}: {came} of {all}"))
        .collect()
    }
}

/// What the stores held.
pub(super) struct Before {
    pub(super) kept: Counts,
    pub(super) mails: u64,
}

impl Demo {
    /// What the stores have of the run's own orders.
    pub(super) async fn ours(&self, state: &State) -> Result<State, DemoError> {
        let ids: Vec<String> =
            self.observer.ledger().ids().into_iter().map(str::to_owned).collect();
        let ours = Whose::Ours(ids.iter().map(String::as_str).collect());
        let mut mails = 0;
        ours.each_mail(&self.site.mailbox, |_| mails += 1).await?;
        Ok(State { kept: ours.counts(&self.site.history).await?, mails, ..state.clone() })
    }

    pub(super) async fn state(&self, is_import: bool) -> Result<State, DemoError> {
        let (figures, records, owed) = {
            let ledger = self.observer.ledger();
            let owed = if is_import {
                0
            } else {
                ledger.messages_owed(|id, step| self.taken.messages_for(id, step))
            };
            (ledger.figures(), ledger.records, owed)
        };
        let Before { kept: before, mails: mails_before } = &self.before;
        let kept = self.site.history.counts().await?;
        let kept = Counts {
            orders: kept.orders - before.orders,
            statuses: kept.statuses - before.statuses,
            returns: kept.returns - before.returns,
        };
        let mails = mails(&self.site.mailbox).await?.saturating_sub(*mails_before);
        Ok(State { figures, records, owed, kept, mails })
    }
}

pub(super) async fn mails(mailbox: &Mailbox) -> Result<u64, StoreError> {
    let mut all = 0;
    for channel in [Channel::Email, Channel::Sms, Channel::Webhook] {
        for outcome in [DeliveryOutcome::Sent, DeliveryOutcome::Failed] {
            all += mailbox.count(channel, outcome).await?;
        }
    }
    Ok(all)
}
