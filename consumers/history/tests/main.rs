//! History, by its rows, its answers and its group.
#![allow(clippy::unwrap_used)]

/// Tests on a store of their own, on SQLite and on Postgres.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::parts::Store::open().await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                let test = concat!(module_path!(), "::", stringify!($test));
                if let Some(store) = crate::parts::Store::on_postgres(test).await {
                    super::$test(store).await;
                }
            })*
        }
    };
}

mod parts;

mod away;
mod batches;
mod consuming;
mod folding;
mod following;
mod interleaving;
mod listing;
mod restarting;
mod showing;
mod summing;
mod waiting;
