//! The tables that history keeps.

use orderly_stores::{Database, Migration, StoreError};

/// Makes them where they are missing.
pub(crate) async fn prepare(db: &Database) -> Result<(), StoreError> {
    db.migrate("history", MIGRATIONS).await
}

const MIGRATIONS: &[Migration] = &[
    // A status that came before its order leaves a row of which only the status is known:
    // placed_event_id is NULL, and with it all that the order brings.
    Migration {
        name: "create orders",
        sql: "CREATE TABLE history_orders (
                  order_id TEXT PRIMARY KEY,
                  user_id TEXT,
                  currency TEXT,
                  total {decimal},
                  placed_at TIMESTAMPTZ,
                  placed_event_id TEXT,
                  historic BOOLEAN,
                  status TEXT NOT NULL,
                  status_sequence BIGINT,
                  stage TEXT
              );
              CREATE INDEX history_orders_of_user
                  ON history_orders (user_id, placed_at, order_id);
              CREATE TABLE history_lines (
                  order_id TEXT NOT NULL,
                  line_no BIGINT NOT NULL,
                  sku TEXT NOT NULL,
                  name TEXT,
                  quantity BIGINT NOT NULL,
                  unit_price {decimal} NOT NULL,
                  PRIMARY KEY (order_id, line_no)
              )",
    },
    Migration {
        name: "create timeline",
        sql: "CREATE TABLE history_timeline (
                  order_id TEXT NOT NULL,
                  event_id TEXT NOT NULL,
                  event_type TEXT NOT NULL,
                  topic TEXT NOT NULL,
                  partition_id BIGINT NOT NULL,
                  record_offset BIGINT NOT NULL,
                  happened_at TIMESTAMPTZ NOT NULL,
                  sequence BIGINT,
                  caused_by TEXT,
                  stage TEXT,
                  reason TEXT,
                  PRIMARY KEY (order_id, event_id)
              )",
    },
    Migration {
        name: "create returns",
        sql: "CREATE TABLE history_returns (
                  order_id TEXT PRIMARY KEY,
                  original_order_id TEXT,
                  user_id TEXT,
                  currency TEXT NOT NULL,
                  total {decimal} NOT NULL,
                  returned_at TIMESTAMPTZ NOT NULL,
                  event_id TEXT NOT NULL,
                  historic BOOLEAN NOT NULL
              );
              CREATE TABLE history_return_lines (
                  order_id TEXT NOT NULL,
                  line_no BIGINT NOT NULL,
                  sku TEXT NOT NULL,
                  name TEXT,
                  quantity BIGINT NOT NULL,
                  unit_price {decimal} NOT NULL,
                  PRIMARY KEY (order_id, line_no)
              )",
    },
    Migration {
        name: "add what is to pay",
        sql: "ALTER TABLE history_orders ADD COLUMN to_pay {decimal};
              ALTER TABLE history_orders ADD COLUMN discounts TEXT",
    },
    // Who placed it at the API: what came another way, or before callers were known, has none.
    Migration {
        name: "add the caller of orders",
        sql: "ALTER TABLE history_orders ADD COLUMN caller TEXT",
    },
    Migration {
        name: "find returns by what was sold",
        sql: "CREATE INDEX history_returns_of_order ON history_returns (original_order_id)",
    },
    // Orders in the kitchen, while they are there: who is ahead of whom. Not in history_orders: each status
    // of each order would move an index there.
    Migration {
        name: "show the kitchen",
        sql: "ALTER TABLE history_timeline ADD COLUMN station BIGINT;
              ALTER TABLE history_timeline ADD COLUMN ahead BIGINT;
              ALTER TABLE history_timeline ADD COLUMN due_at TIMESTAMPTZ;
              CREATE TABLE history_kitchen (
                  order_id TEXT PRIMARY KEY,
                  status TEXT NOT NULL,
                  stage TEXT NOT NULL,
                  station BIGINT,
                  since TIMESTAMPTZ NOT NULL,
                  due_at TIMESTAMPTZ
              );
              CREATE INDEX history_kitchen_by_turn
                  ON history_kitchen (stage, status, since, order_id)",
    },
];
