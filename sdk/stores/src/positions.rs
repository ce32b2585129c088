//! A scope that keeps where a group is in a partition: position, effect and what was emitted
//! commit together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::Utc;
use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Scope, Start, Unit},
    record::TopicPartition,
};

use crate::{Database, Migration, Row, StoreError, Tx, Value, outbox};

/// Any number of records per unit, each record's effect once per group: the position moves with
/// the effect, by compare-and-set from where the member holds it to be. A member that was
/// overtaken by another rolls back, says so ([`StoreError::Overtaken`], to be tried again) and
/// holds the position to be where the other left it; what the other did is then a repeat. It never
/// follows a position that was set back: that takes a new [`start`](Scope::start).
///
/// One unit at a time per partition. A batch that begins before the position and ends behind it
/// can't be split here and is rejected ([`StoreError::Straddles`]): its records go one by one.
///
/// Two members of a process may share these positions.
#[derive(Clone)]
pub struct Positions {
    db: Database,
    cluster_id: Arc<str>,
    expected: Arc<Mutex<Expected>>,
}

/// Where members hold the stored positions to be, by group and partition; `None`: no row.
type Expected = HashMap<(String, TopicPartition), Option<i64>>;

impl Positions {
    /// In `db`, once [`prepare`](Positions::prepare) has run there, for the Kafka cluster with
    /// that id: a position that was kept for another is refused.
    pub fn new(db: Database, cluster_id: &str) -> Self {
        Self { db, cluster_id: cluster_id.into(), expected: Arc::default() }
    }

    /// Makes the tables of positions and outbox where they are missing.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        outbox::prepare(&self.db).await?;
        self.db.migrate("positions", MIGRATIONS).await
    }

    /// Moves the position to behind the unit, if it still is where it was expected.
    async fn advance(
        &self,
        tx: &mut Tx,
        unit: &Unit<'_>,
        expected: Option<i64>,
    ) -> Result<(), StoreError> {
        let [group, topic, partition] = key(unit.group, unit.partition);
        let (next, now) = (unit.next.into(), Utc::now().into());
        let moved = match expected {
            None => {
                let cluster = Value::from(&*self.cluster_id);
                tx.execute(INSERT, &[group, topic, partition, next, cluster, now]).await?
            }
            Some(position) => {
                tx.execute(MOVE, &[group, topic, partition, next, now, position.into()]).await?
            }
        };
        if moved == 0 {
            let found = next_offset_in(tx, unit.group, unit.partition).await?;
            self.raise(unit, found);
            return Err(overtaken(unit, expected, found));
        }
        Ok(())
    }

    fn expected(&self, unit: &Unit<'_>) -> Result<Option<i64>, StoreError> {
        let key = (unit.group.to_owned(), unit.partition.clone());
        self.lock().get(&key).copied().ok_or_else(|| StoreError::NotStarted {
            group: unit.group.to_owned(),
            partition: unit.partition.clone(),
        })
    }

    /// Expects the position further on; never further back, which would pass over records.
    fn raise(&self, unit: &Unit<'_>, position: Option<i64>) {
        let mut expected = self.lock();
        let held = expected.entry((unit.group.to_owned(), unit.partition.clone())).or_default();
        *held = position.max(*held);
    }

    fn lock(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope for Positions {
    type Tx = Tx;

    const EMITS_ONCE: bool = true;

    async fn start(&self, group: &str, partition: &TopicPartition) -> Result<Start, Failure> {
        let row = self.db.query_opt(SELECT, &key(group, partition)).await?;
        let position = match row {
            None => None,
            Some(row) => {
                let kept: String = row.get(1)?;
                if *kept != *self.cluster_id {
                    return Err(Failure::reject(StoreError::OtherCluster {
                        group: group.to_owned(),
                        topic: partition.topic.to_string(),
                        kept,
                        here: self.cluster_id.to_string(),
                    }));
                }
                Some(row.get(0)?)
            }
        };
        self.lock().insert((group.to_owned(), partition.clone()), position);
        Ok(position.map_or(Start::Oldest, Start::At))
    }

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        match self.expected(unit)? {
            Some(position) if is_done(unit, position) => Ok(Begun::Repeat),
            Some(position) if unit.first < position => {
                Err(Failure::reject(StoreError::Straddles {
                    group: unit.group.to_owned(),
                    partition: unit.partition.clone(),
                    first: unit.first,
                    next: unit.next,
                    position,
                }))
            }
            _ => Ok(Begun::Fresh(self.db.begin().await?)),
        }
    }

    async fn commit(
        &self,
        mut tx: Tx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        let expected = self.expected(unit)?;
        if expected.is_some_and(|position| position > unit.first) {
            // Whoever shares these positions moved on while this unit ran.
            return Err(overtaken(unit, Some(unit.first), expected).into());
        }
        // Before the outbox: an overtaken member writes nothing more.
        self.advance(&mut tx, unit, expected).await?;
        outbox::insert(&mut tx, &emitted).await?;
        tx.commit().await?;
        self.raise(unit, Some(unit.next));
        Ok(())
    }

    async fn pass(&self, unit: &Unit<'_>) -> Result<(), Failure> {
        let expected = self.expected(unit)?;
        if expected.is_some_and(|position| unit.next <= position) {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        self.advance(&mut tx, unit, expected).await?;
        tx.commit().await?;
        self.raise(unit, Some(unit.next));
        Ok(())
    }
}

/// Whether the effect of all events of a unit lies before the position. Its first event is at its
/// first offset, and behind a single one only passed-over records come.
fn is_done(unit: &Unit<'_>, position: i64) -> bool {
    unit.next <= position || (unit.events.len() <= 1 && unit.first < position)
}

fn overtaken(unit: &Unit<'_>, expected: Option<i64>, found: Option<i64>) -> StoreError {
    StoreError::Overtaken {
        group: unit.group.to_owned(),
        partition: unit.partition.clone(),
        expected,
        found,
    }
}

/// Where a group goes on in a partition: the offset behind the last record whose effect is
/// committed; `None` where it committed none.
pub async fn next_offset(
    db: &Database,
    group: &str,
    partition: &TopicPartition,
) -> Result<Option<i64>, StoreError> {
    position(db.query_opt(SELECT, &key(group, partition)).await?)
}

/// The same, as a transaction sees it.
pub async fn next_offset_in(
    tx: &mut Tx,
    group: &str,
    partition: &TopicPartition,
) -> Result<Option<i64>, StoreError> {
    position(tx.query_opt(SELECT, &key(group, partition)).await?)
}

fn position(row: Option<Row>) -> Result<Option<i64>, StoreError> {
    row.map(|row| row.get(0)).transpose()
}

fn key(group: &str, partition: &TopicPartition) -> [Value; 3] {
    [group.into(), (&*partition.topic).into(), partition.partition.into()]
}

const SELECT: &str = "
    SELECT next_offset, cluster_id FROM positions
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3";

const INSERT: &str = "
    INSERT INTO positions (group_id, topic, partition_id, next_offset, cluster_id, moved_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING";

const MOVE: &str = "
    UPDATE positions SET next_offset = $4, moved_at = $5
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3 AND next_offset = $6";

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create positions",
    sql: "CREATE TABLE positions (
              group_id TEXT NOT NULL,
              topic TEXT NOT NULL,
              partition_id BIGINT NOT NULL,
              next_offset BIGINT NOT NULL,
              cluster_id TEXT NOT NULL,
              moved_at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (group_id, topic, partition_id)
          )",
}];
