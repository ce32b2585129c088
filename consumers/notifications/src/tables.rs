//! The service's tables: contacts as they are now, and every mail with what became of it.

use chrono::{DateTime, Utc};
use orderly_schemas::DeliveryOutcome;
use orderly_stores::{Database, Migration, StoreError};

use crate::{scope::Writes, write_mail::Letter};

/// How to reach the customer of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) email: Option<String>,
}

/// Makes the tables where they are missing.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.migrate("notifications", MIGRATIONS).await
}

pub(crate) async fn contact(
    database: &Database,
    order_id: &str,
) -> Result<Option<Contact>, StoreError> {
    let sql = "SELECT email FROM notifications_contacts WHERE order_id = $1";
    let row = database.query_opt(sql, &[order_id.into()]).await?;
    row.map(|row| Ok(Contact { email: row.get(0)? })).transpose()
}

pub(crate) fn keep_contact(
    writes: &mut Writes,
    order_id: &str,
    email: Option<&str>,
    at: DateTime<Utc>,
) {
    writes.add(
        "INSERT INTO notifications_contacts (order_id, email, given_at) VALUES ($1, $2, $3)
         ON CONFLICT (order_id) DO UPDATE SET email = excluded.email, given_at = excluded.given_at",
        vec![order_id.into(), email.into(), at.into()],
    );
}

/// Deletes the contact, and the address from mails sent before. What a mail server answered may
/// quote the address.
pub(crate) fn forget_contact(writes: &mut Writes, order_id: &str) {
    for sql in [
        "DELETE FROM notifications_contacts WHERE order_id = $1",
        "UPDATE notifications_mail SET address = NULL, detail = NULL WHERE order_id = $1",
    ] {
        writes.add(sql, vec![order_id.into()]);
    }
}

/// Records a mail. Its address is left out if the contact was deleted while it was on its way; the
/// contact is locked, so that a deletion comes before this or finds what it leaves.
pub(crate) fn record(
    writes: &mut Writes,
    letter: &Letter,
    outcome: DeliveryOutcome,
    detail: Option<String>,
) {
    let Letter { event_id, order_id, template, address, subject, body, at } = letter;
    writes.add(
        "INSERT INTO notifications_mail
             (event_id, order_id, template, subject, body, outcome, at, address, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7,
             CASE WHEN EXISTS
                 (SELECT 1 FROM notifications_contacts WHERE order_id = $2 {for_update})
                  THEN $8 END,
             CASE WHEN EXISTS
                 (SELECT 1 FROM notifications_contacts WHERE order_id = $2 {for_update})
                  THEN $9 END)
         ON CONFLICT (event_id) DO NOTHING",
        vec![
            event_id.into(),
            order_id.into(),
            (*template).into(),
            subject.into(),
            body.into(),
            outcome_text(outcome).into(),
            (*at).into(),
            address.into(),
            detail.into(),
        ],
    );
}

/// As it stands in the table.
pub(crate) fn outcome_text(outcome: DeliveryOutcome) -> &'static str {
    match outcome {
        DeliveryOutcome::Sent => "SENT",
        DeliveryOutcome::Failed => "FAILED",
        DeliveryOutcome::Unknown => "UNKNOWN",
    }
}

pub(crate) fn outcome_of(text: &str) -> DeliveryOutcome {
    match text {
        "SENT" => DeliveryOutcome::Sent,
        "FAILED" => DeliveryOutcome::Failed,
        _ => DeliveryOutcome::Unknown,
    }
}

const MIGRATIONS: &[Migration] = &[Migration {
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
}];
