//! What can go wrong with a store, and whether it is the database's fault.

use orderly_sdk::{consume::Unavailable, record::TopicPartition};

/// Why a store couldn't.
///
/// Where the database is at fault (locked, full, read-only, damaged, away), [`Unavailable`] is
/// among the sources, so that `?` in a handler counts no attempt against the record. Messages hold
/// the statement, never its values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database is away, through no fault of the statement.
    #[error("{0}")]
    Unavailable(#[source] Unavailable),

    /// The url names no database that can be opened.
    #[error("{0}")]
    Url(String),

    /// The statement is wrong: its SQL, or the values given with it.
    #[error("the database refused `{sql}`: {message}")]
    Statement {
        /// The statement.
        sql: String,
        /// What the database said.
        message: String,
    },

    /// The statement would have broken a constraint.
    #[error("the database refused `{sql}`, which breaks a constraint: {message}")]
    Constraint {
        /// The statement.
        sql: String,
        /// Which constraint.
        message: String,
    },

    /// A result that is bigger than a query may give.
    #[error("`{sql}` gives more than {limit}: read it in pages")]
    TooMuch {
        /// The statement.
        sql: String,
        /// The bound.
        limit: String,
    },

    /// A column doesn't hold what was asked of it.
    #[error("column {column} holds {found}, and {expected} was asked of it")]
    Column {
        /// The column, from 0.
        column: usize,
        /// What is there.
        found: &'static str,
        /// What was asked.
        expected: &'static str,
    },

    /// The transaction failed before; nothing of it lasts.
    #[error("this transaction is over and nothing of it lasts: {why}")]
    Over {
        /// What ended it.
        why: String,
        /// Where that was the database's fault.
        #[source]
        cause: Option<Unavailable>,
    },

    /// A migration can't be applied.
    #[error("migration `{name}` of {component}: {message}")]
    Migration {
        /// Whose migration.
        component: String,
        /// Which.
        name: String,
        /// What is wrong, and what to do.
        message: String,
    },

    /// Another member moved the position first; this one's effect was rolled back. Tried again, what
    /// the other did is a repeat.
    #[error(
        "overtaken: group {group} expected its position in {partition} to be {}, \
         and another member left it at {}; the effect was rolled back",
        offset(*expected),
        offset(*found)
    )]
    Overtaken {
        /// The group.
        group: String,
        /// The partition.
        partition: TopicPartition,
        /// The position that the member held to be stored; `None`: no row.
        expected: Option<i64>,
        /// The position that is stored.
        found: Option<i64>,
    },

    /// A batch begins before the stored position and ends behind it, so that part of its effect is
    /// there already.
    #[error(
        "the batch {first}..{next} of {partition} reaches over position {position} of group \
         {group}: what lies before it is done already, and a batch is done whole or not; do its \
         records one by one, or begin again at {position}"
    )]
    Straddles {
        /// The group.
        group: String,
        /// The partition.
        partition: TopicPartition,
        /// The batch's first offset.
        first: i64,
        /// The offset behind it.
        next: i64,
        /// The stored position.
        position: i64,
    },

    /// A batch of which some events are in the inbox already.
    #[error(
        "{done} of the {of} events of group {group}'s batch in {partition} are done already: do its \
         records one by one"
    )]
    PartlyDone {
        /// The group.
        group: String,
        /// The partition.
        partition: TopicPartition,
        /// Events done.
        done: usize,
        /// Events of the batch.
        of: usize,
    },

    /// A unit of a partition for which [`start`](orderly_sdk::consume::Scope::start) wasn't called.
    #[error("group {group} has work in {partition} without having asked where to begin there")]
    NotStarted {
        /// The group.
        group: String,
        /// The partition.
        partition: TopicPartition,
    },

    /// The stored position counts records of another Kafka cluster.
    #[error(
        "position of group {group} in topic {topic} was kept for cluster {kept}, this is cluster \
         {here}: offsets mean nothing across clusters. Use that cluster, or another database, or \
         delete the group's rows from table positions to begin anew"
    )]
    OtherCluster {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
        /// The cluster that the row names.
        kept: String,
        /// The cluster that the member is on.
        here: String,
    },

    /// The stored position counts records of a topic that is no longer there.
    #[error(
        "position of group {group} in topic {topic} was kept for the topic with id {kept}, this one \
         has id {here}: it was deleted and made anew, and offsets of the old one mean nothing in it. \
         Delete the group's rows of that topic from the tables positions and redriven to begin anew"
    )]
    OtherTopic {
        /// The group.
        group: String,
        /// The topic's name.
        topic: String,
        /// The id that the row names.
        kept: String,
        /// The id that the topic has.
        here: String,
    },

    /// A stored row can't be what this library wrote.
    #[error("row {id} of table {table} is damaged: {message}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row.
        id: i64,
        /// What is wrong.
        message: &'static str,
    },
}

impl StoreError {
    /// The database is away.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Unavailable { part: "database", message: message.into() })
    }

    pub(crate) fn statement(sql: &str, message: impl Into<String>) -> Self {
        Self::Statement { sql: shorten(sql), message: message.into() }
    }

    /// What says that the database is at fault, if it is.
    pub(crate) fn cause(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(cause) => Some(cause),
            Self::Over { cause, .. } => cause.as_ref(),
            _ => None,
        }
    }
}

/// A statement on one line, cut where it would fill a log.
pub(crate) fn shorten(sql: &str) -> String {
    const LONGEST: usize = 200;
    let mut line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().nth(LONGEST).is_some() {
        line = line.chars().take(LONGEST).collect();
        line.push('…');
    }
    line
}

fn offset(position: Option<i64>) -> String {
    position.map_or_else(|| "unset".to_owned(), |offset| offset.to_string())
}
