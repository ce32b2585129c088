//! What the stores kept, page by page: of a run's own orders, or of all.

use history::{Counts, KeptEvent, KeptOrder, ReadModel, SumError, Sums};
use notifications::{Mailbox, Mailed};
use orderly_stores::StoreError;

const PAGE: u32 = 5_000;

/// Of whom it is read.
pub(super) enum Whose<'a> {
    /// Of all: what nobody knows of is a fault.
    Everybody,
    /// Of the orders and returns with these ids.
    Ours(Vec<&'a str>),
}

impl Whose<'_> {
    pub(super) async fn each_order(
        &self,
        history: &ReadModel,
        mut look: impl FnMut(&KeptOrder),
    ) -> Result<(), StoreError> {
        if let Self::Ours(ids) = self {
            history.orders_among(ids).await?.iter().for_each(look);
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let page = history.orders_after(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.order_id);
            page.iter().for_each(&mut look);
        }
    }

    pub(super) async fn each_event(
        &self,
        history: &ReadModel,
        mut look: impl FnMut(&KeptEvent),
    ) -> Result<(), StoreError> {
        if let Self::Ours(ids) = self {
            history.timeline_among(ids).await?.iter().for_each(look);
            return Ok(());
        }
        let mut after = (String::new(), String::new());
        loop {
            let page = history.timeline_after((&after.0, &after.1), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.order_id.clone(), last.event_id.clone());
            page.iter().for_each(&mut look);
        }
    }

    pub(super) async fn each_mail(
        &self,
        mailbox: &Mailbox,
        mut look: impl FnMut(&Mailed),
    ) -> Result<(), StoreError> {
        if let Self::Ours(ids) = self {
            mailbox.among(ids).await?.iter().for_each(look);
            return Ok(());
        }
        let mut behind = 0;
        loop {
            let page = mailbox.page(behind, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = last.place;
            page.iter().for_each(&mut look);
        }
    }

    pub(super) async fn counts(&self, history: &ReadModel) -> Result<Counts, StoreError> {
        match self {
            Self::Everybody => history.counts().await,
            Self::Ours(ids) => history.counts_among(ids).await,
        }
    }

    /// What the lines of the orders come to, and those of the returns.
    pub(super) async fn sums(&self, history: &ReadModel) -> Result<(Sums, Sums), SumError> {
        Ok(match self {
            Self::Everybody => (history.sales().await?, history.returns().await?),
            Self::Ours(ids) => (history.sales_among(ids).await?, history.returns_among(ids).await?),
        })
    }
}
