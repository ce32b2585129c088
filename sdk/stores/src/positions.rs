//! A scope that keeps where a group is in a partition: position, effect and what was emitted
//! commit together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::Utc;
use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Ledger, Position, Scope, Start, Unit},
    kafka::Probe,
    record::TopicPartition,
};

use crate::{Database, Migration, Row, StoreError, Tx, Value, outbox};

/// Any number of records per unit, each record's effect once per group: the position, that is the
/// next offset and what is done beyond it, moves with the effect, by compare-and-set from where the
/// member holds it to be. A member that was
/// overtaken by another rolls back, says so ([`StoreError::Overtaken`], to be tried again) and
/// holds the position to be where the other left it; what the other did is then a repeat. It never
/// follows a position that was set back: that takes a new [`start`](Scope::start).
///
/// One unit at a time per partition. A batch of which some is done can't be split here and is
/// rejected ([`StoreError::Straddles`]): its records go one by one. What was redriven lies behind
/// the position: its coordinates are kept in a table of their own.
///
/// Two members of a process may share these positions.
#[derive(Clone)]
pub struct Positions {
    db: Database,
    cluster_id: Arc<str>,
    probe: Option<Probe>,
    topic_ids: Arc<Mutex<HashMap<Arc<str>, String>>>,
    expected: Arc<Mutex<Expected>>,
}

/// Where members hold the stored positions to be, by group and partition; `None`: no row.
type Expected = HashMap<(String, TopicPartition), Option<Position>>;

impl Positions {
    /// In `db`, once [`prepare`](Positions::prepare) has run there, for the Kafka cluster with
    /// that id: a position that was kept for another is refused.
    pub fn new(db: Database, cluster_id: &str) -> Self {
        Self {
            db,
            cluster_id: cluster_id.into(),
            probe: None,
            topic_ids: Arc::default(),
            expected: Arc::default(),
        }
    }

    /// Each topic's id is asked of `probe`, too: a position that was kept for a topic that was
    /// deleted since, and made anew under its name, is refused.
    pub fn telling_topics_apart(self, probe: Probe) -> Self {
        Self { probe: Some(probe), ..self }
    }

    /// Makes the tables of positions and outbox where they are missing.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        outbox::prepare(&self.db).await?;
        self.db.migrate("positions", MIGRATIONS).await
    }

    /// Moves the position to behind the unit, if it still is where it was expected; answers where
    /// that is.
    async fn advance(
        &self,
        tx: &mut Tx,
        unit: &Unit<'_>,
        expected: Option<Position>,
    ) -> Result<Position, StoreError> {
        let [group, topic, partition] = key(unit.group, unit.partition);
        let after = after(unit, expected.as_ref());
        let (next, beyond) = (after.next.into(), (&*after.done_beyond).into());
        let now = Utc::now().into();
        let moved = match &expected {
            None => {
                let cluster = Value::from(&*self.cluster_id);
                let topic_id = self.topic_ids().get(&unit.partition.topic).cloned();
                let row = [group, topic, partition, next, beyond, cluster, topic_id.into(), now];
                tx.execute(INSERT, &row).await?
            }
            Some(Position { next: from, done_beyond }) => {
                let (from, was) = ((*from).into(), (&**done_beyond).into());
                tx.execute(MOVE, &[group, topic, partition, next, beyond, now, from, was]).await?
            }
        };
        if moved == 0 {
            let row = tx.query_opt(SELECT, &key(unit.group, unit.partition)).await?;
            let found = position(row)?;
            self.raise(unit, found.clone());
            let expected = expected.map(|it| it.next);
            return Err(overtaken(unit, expected, found.map(|it| it.next)));
        }
        Ok(after)
    }

    /// Refuses a position that was kept for another topic of that name; notes the topic's id where
    /// none was noted.
    async fn check_topic(
        &self,
        group: &str,
        partition: &TopicPartition,
        kept: Option<Option<String>>,
    ) -> Result<(), Failure> {
        let Some(probe) = &self.probe else { return Ok(()) };
        let Some(here) = probe.topic_id(&partition.topic).await? else { return Ok(()) };
        match kept {
            Some(Some(kept)) if kept != here => {
                return Err(Failure::reject(StoreError::OtherTopic {
                    group: group.to_owned(),
                    topic: partition.topic.to_string(),
                    kept,
                    here,
                }));
            }
            Some(None) => {
                let [group, topic, partition] = key(group, partition);
                let mut tx = self.db.begin().await?;
                let row = [group, topic, partition, here.as_str().into()];
                tx.execute(NOTE_TOPIC, &row).await?;
                tx.commit().await?;
            }
            Some(Some(_)) | None => {}
        }
        self.topic_ids().insert(Arc::clone(&partition.topic), here);
        Ok(())
    }

    fn topic_ids(&self) -> MutexGuard<'_, HashMap<Arc<str>, String>> {
        self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expected(&self, unit: &Unit<'_>) -> Result<Option<Position>, StoreError> {
        let key = (unit.group.to_owned(), unit.partition.clone());
        self.lock().get(&key).cloned().ok_or_else(|| StoreError::NotStarted {
            group: unit.group.to_owned(),
            partition: unit.partition.clone(),
        })
    }

    /// A record from the dead letters, whose offset was passed when it went there.
    async fn begin_redriven(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        let mut tx = self.db.begin().await?;
        for offset in unit.offsets {
            let [group, topic, partition] = key(unit.group, unit.partition);
            let (offset, now) = ((*offset).into(), Utc::now().into());
            if tx.execute(REDRIVEN, &[group, topic, partition, offset, now]).await? == 0 {
                return Ok(Begun::Repeat);
            }
        }
        Ok(Begun::Fresh(tx))
    }

    /// Expects the position further on; never further back, which would pass over records.
    fn raise(&self, unit: &Unit<'_>, position: Option<Position>) {
        let mut expected = self.lock();
        let held = expected.entry((unit.group.to_owned(), unit.partition.clone())).or_default();
        let is_further = |at: &Position| held.as_ref().is_none_or(|held| at.next >= held.next);
        if position.as_ref().is_some_and(is_further) {
            *held = position;
        }
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
        if let Some(row) = &row {
            let kept: String = row.get(2)?;
            if *kept != *self.cluster_id {
                return Err(Failure::reject(StoreError::OtherCluster {
                    group: group.to_owned(),
                    topic: partition.topic.to_string(),
                    kept,
                    here: self.cluster_id.to_string(),
                }));
            }
        }
        let topic_id = row.as_ref().map(|row| row.get(3)).transpose()?;
        self.check_topic(group, partition, topic_id).await?;
        let position = position(row)?;
        self.lock().insert((group.to_owned(), partition.clone()), position.clone());
        Ok(position.map_or(Start::Oldest, Start::At))
    }

    fn keeps_position(&self, _: &TopicPartition) -> bool {
        true
    }

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        if unit.is_redriven {
            return self.begin_redriven(unit).await;
        }
        let Some(position) = self.expected(unit)? else {
            return Ok(Begun::Fresh(self.db.begin().await?));
        };
        match done_of(unit, &position) {
            0 => Ok(Begun::Fresh(self.db.begin().await?)),
            done if done == unit.offsets.len() => Ok(Begun::Repeat),
            _ => Err(Failure::reject(StoreError::Straddles {
                group: unit.group.to_owned(),
                partition: unit.partition.clone(),
                first: unit.offsets.first().copied().unwrap_or_default(),
                next: unit.offsets.last().map_or(0, |last| last + 1),
                position: position.next,
            })),
        }
    }

    async fn commit(
        &self,
        mut tx: Tx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        if unit.is_redriven {
            outbox::insert(&mut tx, &emitted).await?;
            return Ok(tx.commit().await?);
        }
        let expected = self.expected(unit)?;
        if let Some(position) = expected.as_ref().filter(|it| done_of(unit, it) > 0) {
            // Whoever shares these positions moved on while this unit ran.
            let first = unit.offsets.first().copied();
            return Err(overtaken(unit, first, Some(position.next)).into());
        }
        // Before the outbox: an overtaken member writes nothing more.
        let after = self.advance(&mut tx, unit, expected).await?;
        outbox::insert(&mut tx, &emitted).await?;
        tx.commit().await?;
        self.raise(unit, Some(after));
        Ok(())
    }

    async fn pass(&self, unit: &Unit<'_>) -> Result<(), Failure> {
        let expected = self.expected(unit)?;
        let is_done = |position: &Position| done_of(unit, position) == unit.offsets.len();
        if unit.is_redriven || expected.as_ref().is_some_and(is_done) {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let after = self.advance(&mut tx, unit, expected).await?;
        tx.commit().await?;
        self.raise(unit, Some(after));
        Ok(())
    }
}

/// How many records of a unit are done at that position.
fn done_of(unit: &Unit<'_>, position: &Position) -> usize {
    if position.done_beyond.is_empty() {
        return unit.offsets.iter().filter(|offset| **offset < position.next).count();
    }
    let ledger = Ledger::restored(position);
    unit.offsets.iter().filter(|offset| ledger.is_done(**offset)).count()
}

/// The position behind a unit: what the member knows of the partition, and what whoever overtook it
/// did. A unit without a ledger is all there is before its end.
fn after(unit: &Unit<'_>, expected: Option<&Position>) -> Position {
    let end = unit.offsets.last().map_or(0, |last| last + 1);
    let Some(ledger) = unit.ledger else {
        return Position { next: end, done_beyond: String::new() };
    };
    let mut ledger = ledger.clone();
    if let Some(expected) = expected {
        ledger.absorb(expected);
    }
    unit.offsets.iter().for_each(|offset| ledger.finish(*offset));
    ledger.position().unwrap_or(Position { next: end, done_beyond: String::new() })
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
    Ok(position(db.query_opt(SELECT, &key(group, partition)).await?)?.map(|it| it.next))
}

/// The same, as a transaction sees it.
pub async fn next_offset_in(
    tx: &mut Tx,
    group: &str,
    partition: &TopicPartition,
) -> Result<Option<i64>, StoreError> {
    Ok(position(tx.query_opt(SELECT, &key(group, partition)).await?)?.map(|it| it.next))
}

fn position(row: Option<Row>) -> Result<Option<Position>, StoreError> {
    let read = |row: Row| Ok(Position { next: row.get(0)?, done_beyond: row.get(1)? });
    row.map(read).transpose()
}

fn key(group: &str, partition: &TopicPartition) -> [Value; 3] {
    [group.into(), (&*partition.topic).into(), partition.partition.into()]
}

const SELECT: &str = "
    SELECT next_offset, done_beyond, cluster_id, topic_id FROM positions
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3";

const INSERT: &str = "
    INSERT INTO positions
        (group_id, topic, partition_id, next_offset, done_beyond, cluster_id, topic_id, moved_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING";

const MOVE: &str = "
    UPDATE positions SET next_offset = $4, done_beyond = $5, moved_at = $6
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3
        AND next_offset = $7 AND done_beyond = $8";

const NOTE_TOPIC: &str = "
    UPDATE positions SET topic_id = $4
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3 AND topic_id IS NULL";

const REDRIVEN: &str = "
    INSERT INTO redriven (group_id, topic, partition_id, record_offset, done_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING";

const MIGRATIONS: &[Migration] = &[CREATE, ADD_DONE_BEYOND, CREATE_REDRIVEN, ADD_TOPIC_ID];

const CREATE: Migration = Migration {
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
};

const ADD_DONE_BEYOND: Migration = Migration {
    name: "add what is done beyond the next offset",
    sql: "ALTER TABLE positions ADD COLUMN done_beyond TEXT NOT NULL DEFAULT ''",
};

// Of a position that was there before, it is noted when a member next begins there.
const ADD_TOPIC_ID: Migration =
    Migration { name: "add the topic's id", sql: "ALTER TABLE positions ADD COLUMN topic_id TEXT" };

const CREATE_REDRIVEN: Migration = Migration {
    name: "create redriven",
    sql: "CREATE TABLE redriven (
              group_id TEXT NOT NULL,
              topic TEXT NOT NULL,
              partition_id BIGINT NOT NULL,
              record_offset BIGINT NOT NULL,
              done_at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (group_id, topic, partition_id, record_offset)
          )",
};
