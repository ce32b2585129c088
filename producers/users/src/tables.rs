//! The service's tables: profiles, whose each order is, and ids as hashes.

use orderly_stores::{Database, Migration, StoreError};

/// Makes them where they are missing.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.migrate("users", MIGRATIONS).await
}

// `users_erasing` has the orders whose contacts are yet to be told to be gone. An id's row is there
// once anybody did anything under it. Whoever changes what is kept of an id locks that row first.
// `deleted_at` is when it was deleted last, `taken_again_at` when somebody was put under it after
// that: orders placed before are the deleted one's.
const MIGRATIONS: &[Migration] = &[Migration {
    name: "create profiles, orders and ids",
    sql: "CREATE TABLE users_profiles (
              user_id TEXT PRIMARY KEY,
              name TEXT,
              email TEXT,
              phone TEXT,
              customer_group TEXT,
              notify_by TEXT NOT NULL,
              version TEXT NOT NULL
          );
          CREATE TABLE users_orders (
              order_id TEXT PRIMARY KEY,
              user_id TEXT NOT NULL
          );
          CREATE INDEX users_orders_of_user ON users_orders (user_id, order_id);
          CREATE TABLE users_erasing (
              order_id TEXT PRIMARY KEY
          );
          CREATE TABLE users_ids (
              id_hash TEXT PRIMARY KEY,
              deleted_at TIMESTAMPTZ,
              taken_again_at TIMESTAMPTZ
          )",
}];
