//! The catalogue, by its answers, its rows and what lies in its outbox.
#![allow(clippy::unwrap_used)]

/// Tests on a service of their own, on SQLite and on Postgres.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::parts::Shop::open().await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                let test = concat!(module_path!(), "::", stringify!($test));
                if let Some(shop) = crate::parts::Shop::on_postgres(test).await {
                    super::$test(shop).await;
                }
            })*
        }
    };
}

mod parts;

mod at_once;
mod away;
mod bad_requests;
mod callers;
mod conditions;
mod counting;
mod listing;
mod openapi;
mod putting;
mod removing;
mod restarting;
