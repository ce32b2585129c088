//! How often coupons were used. A use counts in the transaction that takes the order on, and is
//! given back in the one that lets it go: so a limit holds however many are in a rush for it.

use std::collections::BTreeSet;

use orderly_stores::{Row, StoreError, Tx};

use crate::rows::Rows;

/// The coupons that a transaction is about, locked by it.
#[derive(Default)]
pub(crate) struct Coupons {
    used: Rows<i64>,
}

impl Coupons {
    /// In one order for everybody, so that no two transactions wait for each other.
    pub(crate) async fn of(tx: &mut Tx, codes: BTreeSet<String>) -> Result<Self, StoreError> {
        if codes.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<_> = codes.into_iter().map(|code| vec![code.into()]).collect();
        // So that there is a row to lock.
        tx.execute_many(BEGIN, rows.clone()).await?;
        let used = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        let used =
            tx.query_many(USED, rows).await?.iter().map(used).collect::<Result<_, StoreError>>();
        Ok(Self { used: used? })
    }

    /// The first of these that was used as often as it may be. One that isn't locked can't be used: how
    /// often it was isn't known.
    pub(crate) fn used_up<'a>(&self, wanted: &'a [(String, Option<u32>)]) -> Option<&'a str> {
        let is_used_up = |(code, limit): &&(String, Option<u32>)| {
            let used = self.used.get(code);
            limit.is_some_and(|limit| used.is_none_or(|used| *used >= i64::from(limit)))
        };
        wanted.iter().find(is_used_up).map(|(code, _)| &**code)
    }

    /// Each counts once more.
    pub(crate) fn take(&mut self, codes: &[String]) {
        self.add(codes, 1);
    }

    /// As if they hadn't been used.
    pub(crate) fn give_back(&mut self, codes: &[String]) {
        self.add(codes, -1);
    }

    /// Keeps what changed.
    pub(crate) async fn keep(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let rows = self.used.changed().map(|(code, used)| vec![code.into(), (*used).into()]);
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            tx.execute_many(KEEP, rows).await?;
        }
        Ok(())
    }

    fn add(&mut self, codes: &[String], more: i64) {
        for code in codes {
            let used = self.used.get(code).copied().unwrap_or_default();
            self.used.add(code, (used + more).max(0));
        }
    }
}

const BEGIN: &str = "
    INSERT INTO fulfilment_coupons (code, used) SELECT r.code, 0 FROM {rows: code TEXT} AS r
    {in_order} ON CONFLICT (code) DO NOTHING";

const USED: &str = "
    SELECT code, used FROM fulfilment_coupons WHERE code = {any: TEXT} ORDER BY code {for_update}";

const KEEP: &str = "
    INSERT INTO fulfilment_coupons (code, used) SELECT r.code, r.used
    FROM {rows: code TEXT, used BIGINT} AS r {in_order}
    ON CONFLICT (code) DO UPDATE SET used = excluded.used";
