//! What surrounds the handlers: each event's effect once, and no transaction open while a contact is
//! waited for.

use orderly_schemas::ContactGiven;
use orderly_sdk::{
    Event, OutRecord,
    consume::{Begun, Failure, Position, Scope, Start, Unit},
    kafka::Probe,
    record::TopicPartition,
};
use orderly_stores::{ByTopic, Inbox, Positions, Value};

/// Contacts move the group's position in the database with their effect, statuses put a row into
/// the inbox with theirs. Handlers say what is to be written, and it is when they have returned:
/// in SQLite one transaction at a time writes, and looking for one contact must not hold up all others.
///
/// Where two members do one event at once, the later one's writes are dropped.
#[derive(Clone)]
pub(crate) struct ShortTransactions {
    by_topic: ByTopic,
    probe: Probe,
}

/// What a handler wants to be written, in order.
#[derive(Default)]
pub(crate) struct Writes(Vec<Write>);

enum Write {
    One(&'static str, Vec<Value>),
    Many(&'static str, Vec<Vec<Value>>, Needed),
}

/// A row without which others were not written.
pub(crate) struct Needed {
    /// Finds it, and locks it.
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    /// How it is called where it is missing.
    pub(crate) what: &'static str,
}

impl Writes {
    pub(crate) fn add(&mut self, sql: &'static str, values: Vec<Value>) {
        self.0.push(Write::One(sql, values));
    }

    /// A statement over rows, as [`Tx::execute_many`](orderly_stores::Tx::execute_many) takes it.
    /// Where it writes fewer than these because what is needed is gone, nothing is written, and the
    /// event is not yet done.
    pub(crate) fn add_rows(&mut self, sql: &'static str, rows: Vec<Vec<Value>>, needed: Needed) {
        if !rows.is_empty() {
            self.0.push(Write::Many(sql, rows, needed));
        }
    }
}

impl ShortTransactions {
    pub(crate) fn new(contacts: Positions, statuses: Inbox, probe: Probe) -> Self {
        Self { by_topic: ByTopic::new(&[ContactGiven::TOPIC], contacts, statuses), probe }
    }
}

impl Scope for ShortTransactions {
    type Tx = Writes;

    const EMITS_ONCE: bool = true;

    fn keeps_position(&self, partition: &TopicPartition) -> bool {
        self.by_topic.keeps_position(partition)
    }

    /// A new database reads all contacts again, whatever Kafka has as committed. Those that expired
    /// before they were read are passed over: they may not be used any more.
    async fn start(&self, group: &str, partition: &TopicPartition) -> Result<Start, Failure> {
        match self.by_topic.start(group, partition).await? {
            Start::At(position) => {
                let (oldest, _) = self.probe.ends(partition).await?;
                Ok(Start::At(if position.next < oldest {
                    Position { next: oldest, done_beyond: String::new() }
                } else {
                    position
                }))
            }
            start => Ok(start),
        }
    }

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Writes>, Failure> {
        Ok(match self.by_topic.begin(unit).await? {
            Begun::Repeat => Begun::Repeat,
            Begun::Fresh(_rolled_back) => Begun::Fresh(Writes::default()),
        })
    }

    async fn commit(
        &self,
        writes: Writes,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        let Begun::Fresh(mut tx) = self.by_topic.begin(unit).await? else {
            return Ok(());
        };
        for write in writes.0 {
            match write {
                Write::One(sql, values) => {
                    tx.execute(sql, &values).await?;
                }
                Write::Many(sql, rows, needed) => {
                    let all = rows.len() as u64;
                    if tx.execute_many(sql, rows.clone()).await? == all {
                        continue;
                    }
                    if tx.query_opt(needed.sql, &needed.values).await?.is_none() {
                        return Err(Failure::not_yet(format_args!("{} is gone", needed.what)));
                    }
                    // It is there now, and stays. So it came in between, or these are a repeat.
                    tx.execute_many(sql, rows).await?;
                }
            }
        }
        self.by_topic.commit(tx, unit, emitted).await
    }

    async fn pass(&self, unit: &Unit<'_>) -> Result<(), Failure> {
        self.by_topic.pass(unit).await
    }
}
