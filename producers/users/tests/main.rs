//! Users, by the answers, the rows and what lies in the outbox.
#![allow(clippy::unwrap_used)]

/// Tests on a service of their own, on SQLite and on Postgres.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::parts::Club::open().await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let test = concat!(module_path!(), "::", stringify!($test));
                if let Some(club) = crate::parts::Club::on_postgres(test).await {
                    super::$test(club).await;
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
mod deleting;
mod openapi;
mod privacy;
mod putting;
mod recording;
