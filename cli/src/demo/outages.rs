//! Outages that a scenario makes: how long they last, and what became of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fulfilment_payment::Simulated;
use notifications::Mailbox;
use serde::Serialize;

use super::{DemoError, lags::until_all, ledger::Ledger};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// How an outage of the payment provider went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutageFigures {
    /// Orders of which the provider was asked for something, and answered that it is away.
    pub turned_away: u64,
    /// Orders that were confirmed before it ended.
    pub confirmed: u64,
}

/// An outage that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) turned_away: u64,
    /// Just before it was.
    pub(super) ended: DateTime<Utc>,
}

impl Outage {
    pub(super) fn figures(self, ledger: &Ledger) -> OutageFigures {
        let Self { turned_away, ended } = self;
        OutageFigures { turned_away, confirmed: ledger.confirmed_before(ended) }
    }
}

/// Until each of these orders was told of by text message, confirmed and ready, and by webhook, completed,
/// too; answers how many messages that were.
pub(super) async fn until_told_but_by_mail(
    mailbox: &Mailbox,
    orders: &[String],
) -> Result<u64, DemoError> {
    const EACH: u64 = 2 + 3;
    let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
    let all = EACH * orders.len() as u64;
    let told = || async { Ok(mailbox.among(&orders).await?.len() as u64) };
    until_all(all, LOOK, told, |told| {
        format!("the mail server is away, and only {told} other messages were sent")
    })
    .await
}

/// Until the provider was asked about each of these orders, and was away.
pub(super) async fn until_turned_away(
    provider: &Simulated,
    orders: &[String],
) -> Result<u64, DemoError> {
    let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
    let all = orders.len() as u64;
    let turned_away = || async { Ok(provider.turned_away(&orders).await?) };
    until_all(all, LOOK, turned_away, |turned_away| {
        format!(
            "the payment provider is away, and was asked about {turned_away} of {all} orders; nothing \
             moves"
        )
    })
    .await
}
