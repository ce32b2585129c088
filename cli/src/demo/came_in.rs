//! What came in of each product, to be held against what is there when a run is over.
//!
//! A count says what is on hand, whatever was on hand before; what was sold until then stays sold. So
//! what came in is what the run counted and what was sold before that. Where others are at work, their
//! customers may collect something just then, and it is known between two bounds; of what others count,
//! too, it isn't known.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fulfilment::Books;
use orderly_schemas::stock::TOPIC;
use orderly_sdk::kafka::Probe;
use orderly_stores::{Positions, StoreError, positions};

use super::{
    DemoError,
    check_shop::each_product,
    lags::{STALLED, kept_of},
    load::LoadParts,
    open_shop::Counted,
    outlast::outlast,
    since::Since,
};

/// Between two looks at how far counts were read.
const LOOK: Duration = Duration::from_millis(100);

/// What came in of each product.
pub(super) struct CameIn {
    of: BTreeMap<String, Came>,
    /// The counts since just before the run's own, where there may be others'.
    counts: Option<Since>,
}

/// What came in of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Came {
    /// Sold before the run counted it.
    pub(super) sold_before: i64,
    /// Pieces, at least.
    pub(super) least: i64,
    /// Pieces, at most.
    pub(super) most: i64,
}

impl Came {
    /// So many were counted at a moment between two looks at what was sold.
    pub(super) fn of(counted: i64, sold_before: i64, sold_after: i64) -> Self {
        let sold_after = sold_after.max(sold_before);
        Self { sold_before, least: counted + sold_before, most: counted + sold_after }
    }
}

impl CameIn {
    /// Of each product of which it is known.
    pub(super) async fn known(&self) -> Result<BTreeMap<String, Came>, DemoError> {
        let mut known = self.of.clone();
        if let Some(counts) = &self.counts {
            let mut times: BTreeMap<String, u64> = BTreeMap::new();
            counts.each(|sku, _| *times.entry(sku).or_default() += 1).await?;
            known.retain(|sku, _| times.get(sku) == Some(&1));
        }
        if known.len() < self.of.len() {
            let products = self.of.len() - known.len();
            tracing::warn!(products, "counted by others, too: what came in of them isn't known");
        }
        Ok(known)
    }
}

/// How it was before the run counted anything; nothing is noted where nobody else is.
pub(super) struct Noted(Option<Before>);

struct Before {
    counts: Since,
    sold: BTreeMap<String, i64>,
}

impl Noted {
    pub(super) async fn now(parts: &LoadParts) -> Result<Self, DemoError> {
        if !parts.is_used {
            return Ok(Self(None));
        }
        Ok(Self(Some(outlast(&parts.waiting, || Before::now(parts)).await?)))
    }

    /// What came in with what was counted since. Where others may have been, that was read by fulfilment
    /// then, and no order of the run is taken on by an older count.
    pub(super) async fn with(
        self,
        counted: Counted,
        parts: &LoadParts,
    ) -> Result<CameIn, DemoError> {
        let Some(before) = self.0 else {
            let alone = |(sku, pieces)| (sku, Came::of(pieces, 0, 0));
            return Ok(CameIn { of: counted.into_iter().map(alone).collect(), counts: None });
        };
        let sold_after = outlast(&parts.waiting, || sold_when_read(parts)).await?;
        let sold_in = |sold: &BTreeMap<String, i64>, sku: &str| sold.get(sku).copied().unwrap_or(0);
        let of = counted.into_iter().map(|(sku, pieces)| {
            let came = Came::of(pieces, sold_in(&before.sold, &sku), sold_in(&sold_after, &sku));
            (sku, came)
        });
        Ok(CameIn { of: of.collect(), counts: Some(before.counts) })
    }
}

impl Before {
    async fn now(parts: &LoadParts) -> Result<Self, DemoError> {
        // In this order: whoever counts after the look at what was sold is seen.
        let counts = Since::now(&parts.config, TOPIC).await?;
        Ok(Self { counts, sold: sold(parts).await? })
    }
}

/// By product.
async fn sold(parts: &LoadParts) -> Result<BTreeMap<String, i64>, StoreError> {
    let (books, mut sold) = (Books::of(&parts.databases.fulfilment), BTreeMap::new());
    each_product(&books, |stock| {
        sold.insert(stock.sku.clone(), stock.sold);
    })
    .await?;
    Ok(sold)
}

/// The same, once fulfilment has read every count that lies in its topic now.
async fn sold_when_read(parts: &LoadParts) -> Result<BTreeMap<String, i64>, DemoError> {
    let (probe, database) = (Probe::new(&parts.config)?, &parts.databases.fulfilment);
    // Where it keeps its position, which may not be there yet.
    Positions::new(database.clone(), &probe.cluster_id().await?).prepare().await?;
    let mut ends = kept_of(&probe, TOPIC).await?;
    ends.retain(|(_, kept)| !kept.is_empty());
    let (mut known, mut moved) = (i64::MAX, Instant::now());
    loop {
        let mut unread = 0;
        for (at, kept) in &ends {
            let next = positions::next_offset(database, fulfilment::NAME, at).await?;
            unread += (kept.end - next.unwrap_or(0)).max(0);
        }
        if unread == 0 {
            return Ok(sold(parts).await?);
        }
        if unread < known {
            (known, moved) = (unread, Instant::now());
        } else if moved.elapsed() > 2 * STALLED {
            return Err(DemoError::Ended(format!(
                "fulfilment has {unread} records of `{TOPIC}` to read before the first order, and \
                 nothing moves"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}
