//! A place at a station: its row.

use chrono::{DateTime, Utc};
use orderly_stores::{Database, Row, StoreError, Tx, Value};

use crate::stages::Stages;

/// Room for one order. A station that takes several at once has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaceRow {
    /// The stage's name.
    pub(crate) stage: String,
    /// Counted from 0 over all stations of the stage.
    pub(crate) place: i64,
    /// Who stands there.
    pub(crate) order_id: Option<String>,
    /// When the last one left, or it was set up.
    pub(crate) free_since: DateTime<Utc>,
    /// When somebody got it last.
    pub(crate) taken_at: Option<DateTime<Utc>>,
}

/// A place is set up once; who stands there stays.
const SET_UP: &str = "
    INSERT INTO fulfilment_stations (stage, place, order_id, free_since)
    SELECT r.stage, r.place, NULL, r.free_since
    FROM {rows: stage TEXT, place BIGINT, free_since TIMESTAMPTZ} AS r {in_order}
    ON CONFLICT (stage, place) DO NOTHING";

const KEEP: &str = "
    INSERT INTO fulfilment_stations (stage, place, order_id, free_since, taken_at)
    SELECT r.stage, r.place, r.order_id, r.free_since, r.taken_at
    FROM {rows: stage TEXT, place BIGINT, order_id TEXT, free_since TIMESTAMPTZ,
          taken_at TIMESTAMPTZ} AS r {in_order}
    ON CONFLICT (stage, place) DO UPDATE SET
        order_id = excluded.order_id, free_since = excluded.free_since,
        taken_at = excluded.taken_at";

impl PlaceRow {
    /// Sets up the places that these stages have, where they aren't yet.
    pub(crate) async fn set_up(
        database: &Database,
        stages: &Stages,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let places = stages.iter().flat_map(|stage| {
            let places = stage.stations.map_or(0, |stations| stations.places());
            (0..i64::from(places)).map(|place| vec![(&stage.name).into(), place.into(), now.into()])
        });
        let places: Vec<Vec<Value>> = places.collect();
        if places.is_empty() {
            return Ok(());
        }
        let mut tx = database.begin().await?;
        tx.execute_many(SET_UP, places).await?;
        tx.commit().await
    }

    /// All there are. Nobody else gives them away until `tx` ends.
    pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT stage, place, order_id, free_since, taken_at FROM fulfilment_stations
                   ORDER BY stage, place {for_update}";
        let read = |row: &Row| {
            Ok(Self {
                stage: row.get(0)?,
                place: row.get(1)?,
                order_id: row.get(2)?,
                free_since: row.get(3)?,
                taken_at: row.get(4)?,
            })
        };
        tx.query(sql, &[]).await?.iter().map(read).collect()
    }

    /// Keeps these as they are now.
    pub(crate) async fn keep(
        tx: &mut Tx,
        places: impl Iterator<Item = &Self>,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| {
            vec![
                (&row.stage).into(),
                row.place.into(),
                row.order_id.as_ref().into(),
                row.free_since.into(),
                row.taken_at.into(),
            ]
        };
        let rows: Vec<Vec<Value>> = places.map(values).collect();
        if !rows.is_empty() {
            tx.execute_many(KEEP, rows).await?;
        }
        Ok(())
    }
}
