//! Deliveries as rows.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orderly_schemas::Channel;
use orderly_stores::{Database, Row, StoreError, Tx, Value};

use super::places::Turn;
use crate::scope::{Needed, Writes};

/// Rows among which a turn is chosen: those behind them wait for the next.
const MOST_LOOKED_AT: i64 = 500;

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: i64,
    /// The same for the same event, channel and destination: what receivers know a repeat by.
    pub(crate) delivery_id: String,
    pub(crate) event_id: String,
    pub(crate) order_id: String,
    pub(crate) channel: Channel,
    pub(crate) template: String,
    /// As it was given: not checked. `None` once the order's contact was deleted.
    pub(crate) destination: Option<String>,
    /// Who is asked, so that nobody takes all turns.
    pub(crate) place: String,
    pub(crate) caller: Option<String>,
    /// Who may have opted out, of a mail or a text message. `None`: a guest's, or the order's contact was
    /// deleted.
    pub(crate) user_id: Option<String>,
    /// Of a mail.
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) html: Option<String>,
    /// When what it tells of happened.
    pub(crate) at: DateTime<Utc>,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) state: State,
    /// This one included, while it is on its way.
    pub(crate) attempts: i64,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) put_off_since: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// The last one.
    pub(crate) answer: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Due,
    Sent,
    Failed,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Due => "DUE",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "SENT" => Self::Sent,
            "DUE" => Self::Due,
            _ => Self::Failed,
        }
    }
}

/// As it stands in tables, labels and answers.
pub(crate) fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mail",
        Channel::Sms => "sms",
        Channel::Webhook => "webhook",
        Channel::Unknown => "unknown",
    }
}

pub(crate) fn channel_of(word: &str) -> Channel {
    match word {
        "mail" => Channel::Email,
        "sms" => Channel::Sms,
        "webhook" => Channel::Webhook,
        _ => Channel::Unknown,
    }
}

/// An order's, due at once where nothing else is said. Not written if its contact was deleted meanwhile, and
/// maybe given again behind that: then it is looked for once more. It is locked, so that a deletion comes
/// before this or finds what it leaves.
pub(crate) fn insert(writes: &mut Writes, order_id: &str, deliveries: Vec<Delivery>) {
    const INSERT: &str = "
        INSERT INTO notifications_deliveries
            (delivery_id, event_id, order_id, channel, template, destination, place, caller,
             user_id, subject, body, html, at, made_at, state, attempts, due_at)
        SELECT r.delivery_id, r.event_id, r.order_id, r.channel, r.template, r.destination,
            r.place, r.caller, r.user_id, r.subject, r.body, r.html, r.at, r.made_at, 'DUE', 0,
            r.due_at
        FROM {rows: delivery_id TEXT, event_id TEXT, order_id TEXT, channel TEXT, template TEXT,
              destination TEXT, place TEXT, caller TEXT, user_id TEXT, subject TEXT, body TEXT,
              html TEXT, at TIMESTAMPTZ, made_at TIMESTAMPTZ, due_at TIMESTAMPTZ} AS r
        WHERE EXISTS (SELECT 1 FROM notifications_contacts AS c
                      WHERE c.order_id = r.order_id {for_update})
        ON CONFLICT (delivery_id) DO NOTHING";
    let now = Utc::now();
    let rows = deliveries.into_iter().map(|new| {
        vec![
            new.delivery_id.into(),
            new.event_id.into(),
            new.order_id.into(),
            channel_word(new.channel).into(),
            new.template.into(),
            new.destination.into(),
            new.place.into(),
            new.caller.into(),
            new.user_id.into(),
            new.subject.into(),
            new.body.into(),
            new.html.into(),
            new.at.into(),
            now.into(),
            new.due_at.unwrap_or(now).into(),
        ]
    });
    let needed = Needed {
        sql: "SELECT 1 FROM notifications_contacts WHERE order_id = $1 {for_update}",
        values: vec![order_id.into()],
        what: "the contact that was to be told",
    };
    writes.add_rows(INSERT, rows.collect(), needed);
}

const COLUMNS: &str = "id, delivery_id, event_id, order_id, channel, template, destination, place, \
    caller, subject, body, html, at, made_at, state, attempts, due_at, put_off_since, ended_at, \
    answer, user_id";

impl Delivery {
    /// Whether anything of a channel is due. Looked at without a turn to write: mostly nothing is.
    pub(super) async fn are_due(
        database: &Database,
        channel: Channel,
        turn: &Turn,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (asked, mut values) = asked(3, turn);
        values.splice(..0, [channel_word(channel).into(), now.into()]);
        let sql = format!(
            "SELECT id FROM notifications_deliveries
             WHERE channel = $1 AND due_at <= $2 AND {asked} LIMIT 1"
        );
        Ok(!database.query(&sql, &values).await?.is_empty())
    }

    /// Takes what is due, the oldest first. Nobody else takes it before its lease is over.
    pub(super) async fn take(
        tx: &mut Tx,
        channel: Channel,
        turn: &Turn,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>, StoreError> {
        let most = i64::try_from(turn.most).unwrap_or(i64::MAX);
        let each = i64::try_from(turn.most_each).unwrap_or(i64::MAX);
        let (asked, mut values) = asked(5, turn);
        let word = channel_word(channel);
        values.splice(..0, [word.into(), now.into(), each.into(), most.into()]);
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications_deliveries
             WHERE due_at <= $2 AND id IN (
                 SELECT id FROM (
                     SELECT id, due_at, row_number() OVER (PARTITION BY place ORDER BY due_at, id)
                         AS nth
                     FROM (
                         SELECT id, place, due_at FROM notifications_deliveries
                         WHERE channel = $1 AND due_at <= $2 AND {asked}
                         ORDER BY due_at, id LIMIT {MOST_LOOKED_AT}
                     ) AS oldest
                 ) AS numbered
                 WHERE nth <= $3 ORDER BY due_at, id LIMIT $4
             )
             ORDER BY due_at, id {{skip_locked}}"
        );
        let rows = tx.query(&sql, &values).await?;
        let mut taken: Vec<Self> = rows.iter().map(Self::read).collect::<Result<_, _>>()?;
        let mut room = turn.most_others;
        taken.retain(|delivery| {
            let has_answered = turn.answered.contains(&delivery.place);
            let has_room = has_answered || room > 0;
            if !has_answered {
                room = room.saturating_sub(1);
            }
            has_room
        });
        let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
        let leased = taken.iter_mut().map(|delivery| {
            delivery.attempts += 1;
            vec![delivery.id.into(), Value::from(until)]
        });
        let leased = leased.collect();
        const LEASE: &str = "
            UPDATE notifications_deliveries AS d SET attempts = d.attempts + 1, due_at = r.until
            FROM {rows: id BIGINT, until TIMESTAMPTZ} AS r WHERE d.id = r.id";
        tx.execute_many(LEASE, leased).await?;
        Ok(taken)
    }

    /// Nobody was asked: it is due again then, and as if it hadn't been taken.
    pub(super) async fn put_back(
        &self,
        database: &Database,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notifications_deliveries SET attempts = attempts - 1, due_at = $3
                   WHERE id = $1 AND attempts = $2 AND state = 'DUE'";
        let mut tx = database.begin().await?;
        tx.execute(sql, &[self.id.into(), self.attempts.into(), due_at.into()]).await?;
        tx.commit().await
    }

    /// Keeps what became of it, unless somebody took it since; says whether it did. What was answered
    /// is left out if the contact was deleted meanwhile.
    pub(super) async fn keep(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let sql = "UPDATE notifications_deliveries
                   SET state = $3, due_at = $4, put_off_since = $5, ended_at = $6,
                       answer = CASE WHEN destination IS NOT NULL OR $8 THEN $7 END
                   WHERE id = $1 AND attempts = $2 AND state = 'DUE'";
        let values = [
            self.id.into(),
            self.attempts.into(),
            self.state.word().into(),
            self.due_at.into(),
            self.put_off_since.into(),
            self.ended_at.into(),
            self.answer.as_ref().into(),
            self.destination.is_none().into(),
        ];
        Ok(tx.execute(sql, &values).await? > 0)
    }

    /// An order's, in the order in which they were made.
    pub(crate) async fn of_order(
        database: &Database,
        order_id: &str,
        most: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications_deliveries WHERE order_id = $1
             ORDER BY id LIMIT $2"
        );
        let rows = database.query(&sql, &[order_id.into(), most.into()]).await?;
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            delivery_id: row.get(1)?,
            event_id: row.get(2)?,
            order_id: row.get(3)?,
            channel: channel_of(&row.get::<String>(4)?),
            template: row.get(5)?,
            destination: row.get(6)?,
            place: row.get(7)?,
            caller: row.get(8)?,
            subject: row.get(9)?,
            body: row.get(10)?,
            html: row.get(11)?,
            at: row.get(12)?,
            made_at: row.get(13)?,
            state: State::of(&row.get::<String>(14)?),
            attempts: row.get(15)?,
            due_at: row.get(16)?,
            put_off_since: row.get(17)?,
            ended_at: row.get(18)?,
            answer: row.get(19)?,
            user_id: row.get(20)?,
        })
    }
}

/// Whose deliveries are looked at, and what its parameters stand for, from that number on. At least one,
/// as `IN ()` is no SQL: no place is called so.
fn asked(first: usize, turn: &Turn) -> (String, Vec<Value>) {
    let (is, places) = match turn.most_others {
        // The others' would only be looked past.
        0 => ("IN", &turn.answered),
        _ => ("NOT IN", &turn.but_not),
    };
    let values: Vec<Value> = match &places[..] {
        [] => vec![" ".into()],
        places => places.iter().map(Value::from).collect(),
    };
    let names: Vec<_> = (first..first + values.len()).map(|number| format!("${number}")).collect();
    (format!("place {is} ({})", names.join(", ")), values)
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            id: 0,
            delivery_id: String::new(),
            event_id: String::new(),
            order_id: String::new(),
            channel: Channel::Unknown,
            template: String::new(),
            destination: None,
            place: String::new(),
            caller: None,
            user_id: None,
            subject: String::new(),
            body: String::new(),
            html: None,
            at: DateTime::default(),
            made_at: DateTime::default(),
            state: State::Due,
            attempts: 0,
            due_at: None,
            put_off_since: None,
            ended_at: None,
            answer: None,
        }
    }
}
