//! What history has kept of an order, with where it lies in the topics.

use serde::Deserialize;

use super::{History, HistoryError, TimelineEntry};
use crate::{caller::Caller, live::Happening};

/// What happened to an order, and how far history had read its partitions: what lies before is among
/// the events.
#[derive(Debug)]
pub(crate) struct KeptEvents {
    read_to: [i64; 2],
    pub(crate) events: Vec<Happening>,
}

impl KeptEvents {
    pub(crate) fn read_to(&self) -> [i64; 2] {
        self.read_to
    }
}

#[derive(Deserialize)]
struct Answer {
    orders_next: i64,
    statuses_next: i64,
    events: Vec<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    topic: String,
    offset: i64,
    caused_by: Option<String>,
    #[serde(flatten)]
    entry: TimelineEntry,
}

impl History {
    /// What is kept of an order in these partitions of `orders` and `order-status`; `None`: nothing
    /// yet, or nothing that the caller may see.
    pub(crate) async fn events(
        &self,
        order_id: &str,
        caller: &Caller,
        partitions: [i32; 2],
    ) -> Result<Option<KeptEvents>, HistoryError> {
        let mut url = self.url(&["orders", order_id, "events"], caller);
        let [orders, statuses] = partitions.map(|partition| partition.to_string());
        url.query_pairs_mut().append_pair("orders", &orders).append_pair("statuses", &statuses);
        let Some(answer) = self.ask::<Answer>(url).await? else { return Ok(None) };
        let events = answer.events.into_iter().filter_map(|kept| {
            let caused_by = kept.caused_by.as_deref();
            Happening::kept(order_id, &kept.topic, kept.offset, caused_by, kept.entry)
        });
        let read_to = [answer.orders_next, answer.statuses_next];
        Ok(Some(KeptEvents { read_to, events: events.collect() }))
    }
}
