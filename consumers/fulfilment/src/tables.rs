//! The tables, each statement of a migration run once per database.

use orderly_stores::Migration;

/// Applied at start.
pub(crate) const MIGRATIONS: &[Migration] =
    &[ORDERS, MONEY, STOCK, COUPONS, PAYMENTS, MAY_BE_DONE, STATIONS];

const ORDERS: Migration = Migration {
    name: "orders",
    sql: "
        CREATE TABLE fulfilment_orders (
            order_id TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            stages TEXT NOT NULL,
            stage BIGINT NOT NULL,
            ends_at TIMESTAMPTZ,
            next_sequence BIGINT NOT NULL,
            placed_event_id TEXT NOT NULL,
            traceparent TEXT,
            historic BOOLEAN NOT NULL
        );
        CREATE INDEX fulfilment_orders_by_end ON fulfilment_orders (ends_at, order_id)
            WHERE ends_at IS NOT NULL;
    ",
};

const MONEY: Migration = Migration {
    name: "what an order comes to",
    sql: "
        ALTER TABLE fulfilment_orders ADD COLUMN currency TEXT NOT NULL DEFAULT '';
        ALTER TABLE fulfilment_orders ADD COLUMN total {decimal} NOT NULL DEFAULT '0';
        ALTER TABLE fulfilment_orders ADD COLUMN to_pay {decimal} NOT NULL DEFAULT '0';
        ALTER TABLE fulfilment_orders ADD COLUMN discounts TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE fulfilment_orders ADD COLUMN coupons TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE fulfilment_orders ADD COLUMN is_paid_by_card BOOLEAN NOT NULL DEFAULT FALSE;
        CREATE TABLE fulfilment_cancelled_early (
            order_id TEXT PRIMARY KEY,
            event_id TEXT NOT NULL,
            reason TEXT NOT NULL
        );
    ",
};

// Of a product, what is held is part of what is on hand; what was sold no longer is.
const STOCK: Migration = Migration {
    name: "stock",
    sql: "
        CREATE TABLE fulfilment_stock (
            sku TEXT PRIMARY KEY,
            on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
            held BIGINT NOT NULL CHECK (held >= 0),
            sold BIGINT NOT NULL CHECK (sold >= 0)
        );
        CREATE TABLE fulfilment_holds (
            order_id TEXT NOT NULL,
            sku TEXT NOT NULL,
            quantity BIGINT NOT NULL CHECK (quantity > 0),
            PRIMARY KEY (order_id, sku)
        );
    ",
};

const COUPONS: Migration = Migration {
    name: "coupons",
    sql: "
        CREATE TABLE fulfilment_coupons (
            code TEXT PRIMARY KEY,
            used BIGINT NOT NULL CHECK (used >= 0)
        );
    ",
};

const PAYMENTS: Migration = Migration {
    name: "payments",
    sql: "
        CREATE TABLE fulfilment_payments (
            order_id TEXT PRIMARY KEY,
            step TEXT NOT NULL,
            amount {decimal} NOT NULL,
            currency TEXT NOT NULL,
            token TEXT,
            reference TEXT,
            is_wanted BOOLEAN NOT NULL,
            due_at TIMESTAMPTZ,
            tries BIGINT NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            detail TEXT
        );
        CREATE INDEX fulfilment_payments_by_due ON fulfilment_payments (due_at, order_id)
            WHERE due_at IS NOT NULL;
        CREATE TABLE fulfilment_refunds (
            refund_id TEXT PRIMARY KEY,
            order_id TEXT NOT NULL,
            amount {decimal} NOT NULL,
            caused_by TEXT NOT NULL,
            step TEXT NOT NULL,
            due_at TIMESTAMPTZ,
            tries BIGINT NOT NULL,
            detail TEXT
        );
        CREATE INDEX fulfilment_refunds_by_due ON fulfilment_refunds (due_at, refund_id)
            WHERE due_at IS NOT NULL;
        CREATE INDEX fulfilment_refunds_of_order ON fulfilment_refunds (order_id);
    ",
};

// Of payments that were there before, nobody knows.
const MAY_BE_DONE: Migration = Migration {
    name: "whether a payment's step may be done",
    sql: "ALTER TABLE fulfilment_payments ADD COLUMN may_be_done BOOLEAN NOT NULL DEFAULT TRUE",
};

// Each place of a stage's stations, and who stands there; orders that wait for one, by whose turn it is.
const STATIONS: Migration = Migration {
    name: "stations",
    sql: "
        ALTER TABLE fulfilment_orders ADD COLUMN line TEXT;
        ALTER TABLE fulfilment_orders ADD COLUMN since TIMESTAMPTZ;
        CREATE INDEX fulfilment_orders_in_line ON fulfilment_orders (line, since, order_id)
            WHERE line IS NOT NULL;
        CREATE TABLE fulfilment_stations (
            stage TEXT NOT NULL,
            place BIGINT NOT NULL,
            order_id TEXT,
            free_since TIMESTAMPTZ NOT NULL,
            taken_at TIMESTAMPTZ,
            PRIMARY KEY (stage, place)
        );
    ",
};
