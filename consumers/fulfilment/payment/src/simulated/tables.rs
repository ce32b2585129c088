//! Its tables: what was asked, the payments, whether there is an outage, and whom it turned away then.

use orderly_stores::Migration;

pub(super) const MIGRATIONS: &[Migration] = &[SANDBOX, TURNED_AWAY];

const SANDBOX: Migration = Migration {
    name: "sandbox",
    sql: "
        CREATE TABLE payment_sandbox_requests (
            key TEXT PRIMARY KEY,
            order_id TEXT NOT NULL,
            currency TEXT NOT NULL,
            content TEXT NOT NULL,
            calls BIGINT NOT NULL,
            state TEXT NOT NULL,
            answer TEXT NOT NULL
        );
        CREATE INDEX payment_sandbox_requests_by_order ON payment_sandbox_requests (order_id);
        CREATE TABLE payment_sandbox_payments (
            reference TEXT PRIMARY KEY,
            order_id TEXT NOT NULL,
            currency TEXT NOT NULL,
            authorised {decimal} NOT NULL,
            captured {decimal} NOT NULL,
            voided {decimal} NOT NULL,
            refunded {decimal} NOT NULL,
            state TEXT NOT NULL,
            loses_capture BOOLEAN NOT NULL
        );
        CREATE INDEX payment_sandbox_payments_by_order ON payment_sandbox_payments (order_id);
        CREATE INDEX payment_sandbox_payments_open ON payment_sandbox_payments (order_id, reference)
            WHERE state = 'authorised';
        CREATE TABLE payment_sandbox_outage (id BIGINT PRIMARY KEY, away BOOLEAN NOT NULL);
        INSERT INTO payment_sandbox_outage (id, away) VALUES (1, FALSE);
    ",
};

const TURNED_AWAY: Migration = Migration {
    name: "who was turned away",
    sql: "CREATE TABLE payment_sandbox_turned_away (order_id TEXT PRIMARY KEY)",
};
