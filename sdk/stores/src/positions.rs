//! A scope that keeps where a group is in a partition: position, effect and what was emitted
//! commit together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::Utc;
use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Scope, Unit},
    record::TopicPartition,
};

use crate::{Database, Migration, Row, StoreError, Tx, Value, outbox};

/// Any number of records per unit, each record's effect once per group: the position moves with
/// the effect, by compare-and-set from where the member holds it to be. A member that was
/// overtaken by another rolls back and says so ([`StoreError::Overtaken`]); it begins again where
/// [`start`](Scope::start) then says.
///
/// One unit at a time per partition. A unit that ends at or before the position is a repeat; one
/// that reaches over it can't be split here and fails ([`StoreError::Straddles`]).
#[derive(Clone)]
pub struct Positions {
    db: Database,
    cluster_id: Arc<str>,
    expected: Arc<Mutex<HashMap<(String, TopicPartition), Option<i64>>>>,
}

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
    async fn advance(&self, tx: &mut Tx, unit: &Unit<'_>) -> Result<(), StoreError> {
        let expected = self.expected(unit)?;
        let overtaken = |found| StoreError::Overtaken {
            group: unit.group.to_owned(),
            partition: unit.partition.clone(),
            expected,
            found,
        };
        if let Some(position) = expected.filter(|&position| position > unit.first) {
            // Whoever shares these positions moved on while this unit ran.
            return Err(overtaken(Some(position)));
        }
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
            return Err(overtaken(next_offset_in(tx, unit.group, unit.partition).await?));
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

    fn expect(&self, group: &str, partition: &TopicPartition, position: Option<i64>) {
        self.lock().insert((group.to_owned(), partition.clone()), position);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, TopicPartition), Option<i64>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope for Positions {
    type Tx = Tx;

    async fn start(&self, group: &str, partition: &TopicPartition) -> Result<Option<i64>, Failure> {
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
        self.expect(group, partition, position);
        Ok(position)
    }

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        match self.expected(unit)? {
            Some(position) if unit.next <= position => Ok(Begun::Repeat),
            Some(position) if unit.first < position => Err(StoreError::Straddles {
                group: unit.group.to_owned(),
                partition: unit.partition.clone(),
                first: unit.first,
                next: unit.next,
                position,
            }
            .into()),
            _ => Ok(Begun::Fresh(self.db.begin().await?)),
        }
    }

    async fn commit(
        &self,
        mut tx: Tx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        // First, so that an overtaken member writes nothing more.
        self.advance(&mut tx, unit).await?;
        outbox::insert(&mut tx, &emitted).await?;
        tx.commit().await?;
        self.expect(unit.group, unit.partition, Some(unit.next));
        Ok(())
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
