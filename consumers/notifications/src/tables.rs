//! The service's tables: contacts as they are now, every delivery with how it stands, and callback
//! addresses that want nothing more.

use chrono::{DateTime, Utc};
use orderly_schemas::{Channel, ContactGiven};
use orderly_stores::{Database, Migration, StoreError, Tx};
use sha2::{Digest as _, Sha256};

use crate::{deliveries::place_of, scope::Writes};

/// How to reach the customer of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) user_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) callback_url: Option<String>,
    /// Whose secret signs; `None`: of those who need no key.
    pub(crate) caller: Option<String>,
}

impl Contact {
    /// Where the customer is reached by that channel.
    pub(crate) fn by(&self, channel: Channel) -> Option<&str> {
        let address = match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.phone,
            Channel::Webhook | Channel::Unknown => &self.callback_url,
        };
        address.as_deref()
    }
}

/// Makes the tables where they are missing.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.migrate("notifications", MIGRATIONS).await
}

pub(crate) async fn contact(
    database: &Database,
    order_id: &str,
) -> Result<Option<Contact>, StoreError> {
    let sql = "SELECT user_id, email, phone, callback_url, caller
               FROM notifications_contacts WHERE order_id = $1";
    let row = database.query_opt(sql, &[order_id.into()]).await?;
    row.map(|row| {
        Ok(Contact {
            user_id: row.get(0)?,
            email: row.get(1)?,
            phone: row.get(2)?,
            callback_url: row.get(3)?,
            caller: row.get(4)?,
        })
    })
    .transpose()
}

/// Keeps the contact, and gives it to deliveries that a deletion left without. A callback address that
/// wanted nothing more is one again: it was given after that.
pub(crate) fn keep_contact(writes: &mut Writes, given: &ContactGiven, at: DateTime<Utc>) {
    let ContactGiven { order_id, user_id, email, phone, callback_url, caller } = given;
    writes.add(
        "INSERT INTO notifications_contacts
             (order_id, user_id, email, phone, callback_url, caller, given_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (order_id) DO UPDATE SET user_id = excluded.user_id, email = excluded.email,
             phone = excluded.phone, callback_url = excluded.callback_url,
             caller = excluded.caller, given_at = excluded.given_at",
        vec![
            order_id.into(),
            user_id.as_ref().into(),
            email.as_ref().into(),
            phone.as_ref().into(),
            callback_url.as_ref().into(),
            caller.as_ref().into(),
            at.into(),
        ],
    );
    // What a deletion left without, and wasn't given up yet. What users want says nothing of a caller's
    // address.
    writes.add(
        "UPDATE notifications_deliveries SET
             destination = CASE channel WHEN 'mail' THEN $2 WHEN 'sms' THEN $3 ELSE $4 END,
             place = CASE channel WHEN 'webhook' THEN $5 ELSE channel END,
             user_id = CASE channel WHEN 'webhook' THEN NULL ELSE $6 END
         WHERE order_id = $1 AND state = 'DUE' AND destination IS NULL",
        vec![
            order_id.into(),
            email.as_ref().into(),
            phone.as_ref().into(),
            callback_url.as_ref().into(),
            callback_url.as_deref().map_or_else(String::new, place_of).into(),
            user_id.as_ref().into(),
        ],
    );
    if let Some(url) = callback_url {
        writes.add(
            "DELETE FROM notifications_gone WHERE caller = $1 AND address_hash = $2 AND at < $3",
            vec![caller.as_deref().unwrap_or_default().into(), hash(url).into(), at.into()],
        );
    }
}

/// Deletes the contact, and from deliveries whose they are, where they go, and what was answered, which may
/// quote that. One that isn't sent yet has nowhere to go then, and ends so, unless the contact is given
/// again.
pub(crate) fn forget_contact(writes: &mut Writes, order_id: &str) {
    for sql in [
        "DELETE FROM notifications_contacts WHERE order_id = $1",
        "UPDATE notifications_deliveries
         SET user_id = NULL, destination = NULL, place = '', answer = NULL WHERE order_id = $1",
    ] {
        writes.add(sql, vec![order_id.into()]);
    }
}

/// Whether a callback address of that caller said that it wants nothing more.
pub(crate) async fn is_gone(
    database: &Database,
    caller: Option<&str>,
    url: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM notifications_gone WHERE caller = $1 AND address_hash = $2";
    let values = [caller.unwrap_or_default().into(), hash(url).into()];
    Ok(database.query_opt(sql, &values).await?.is_some())
}

/// It said so.
pub(crate) async fn keep_gone(
    tx: &mut Tx,
    caller: Option<&str>,
    url: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO notifications_gone (caller, address_hash, at) VALUES ($1, $2, $3)
               ON CONFLICT (caller, address_hash) DO UPDATE SET at = excluded.at";
    let values = [caller.unwrap_or_default().into(), hash(url).into(), at.into()];
    tx.execute(sql, &values).await?;
    Ok(())
}

/// The address itself would be personal data that no tombstone finds.
fn hash(url: &str) -> String {
    hex::encode(Sha256::digest(url))
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "create contacts and mail",
        sql: "CREATE TABLE notifications_contacts (
              order_id TEXT PRIMARY KEY,
              email TEXT,
              given_at TIMESTAMPTZ NOT NULL
          );
          CREATE TABLE notifications_mail (
              id {id},
              event_id TEXT NOT NULL UNIQUE,
              order_id TEXT NOT NULL,
              template TEXT NOT NULL,
              address TEXT,
              subject TEXT NOT NULL,
              body TEXT NOT NULL,
              outcome TEXT NOT NULL,
              detail TEXT,
              at TIMESTAMPTZ NOT NULL
          );
          CREATE INDEX notifications_mail_by_order ON notifications_mail (order_id)",
    },
    Migration {
        name: "deliver on every channel",
        sql: "ALTER TABLE notifications_contacts ADD COLUMN user_id TEXT;
          ALTER TABLE notifications_contacts ADD COLUMN phone TEXT;
          ALTER TABLE notifications_contacts ADD COLUMN callback_url TEXT;
          ALTER TABLE notifications_contacts ADD COLUMN caller TEXT;
          CREATE TABLE notifications_deliveries (
              id {id},
              delivery_id TEXT NOT NULL UNIQUE,
              event_id TEXT NOT NULL,
              order_id TEXT NOT NULL,
              channel TEXT NOT NULL,
              template TEXT NOT NULL,
              destination TEXT,
              place TEXT NOT NULL,
              caller TEXT,
              subject TEXT NOT NULL,
              body TEXT NOT NULL,
              html TEXT,
              at TIMESTAMPTZ NOT NULL,
              made_at TIMESTAMPTZ NOT NULL,
              state TEXT NOT NULL,
              attempts BIGINT NOT NULL,
              due_at TIMESTAMPTZ,
              put_off_since TIMESTAMPTZ,
              ended_at TIMESTAMPTZ,
              answer TEXT
          );
          INSERT INTO notifications_deliveries
              (delivery_id, event_id, order_id, channel, template, destination, place, subject,
               body, at, made_at, state, attempts, ended_at, answer)
          SELECT event_id, event_id, order_id, 'mail', template, address, '', subject,
              body, at, at, outcome, 1, at, detail
          FROM notifications_mail ORDER BY id;
          DROP TABLE notifications_mail;
          CREATE INDEX notifications_deliveries_by_order ON notifications_deliveries (order_id);
          CREATE INDEX notifications_deliveries_due ON notifications_deliveries (channel, due_at, id);
          CREATE TABLE notifications_gone (
              caller TEXT NOT NULL,
              address_hash TEXT NOT NULL,
              at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (caller, address_hash)
          )",
    },
    Migration {
        name: "ask again what the user wants",
        sql: "ALTER TABLE notifications_deliveries ADD COLUMN user_id TEXT;
          UPDATE notifications_deliveries SET user_id = (
              SELECT c.user_id FROM notifications_contacts AS c
              WHERE c.order_id = notifications_deliveries.order_id
          )
          WHERE state = 'DUE' AND channel <> 'webhook'",
    },
];
