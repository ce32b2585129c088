//! What every database has to do: the same functions, called for each of them.
#![allow(clippy::unwrap_used)]

mod exactness;
mod inbox;
mod killed;
mod migrations;
mod outbox;
mod outbox_leases;
mod outbox_order;
mod positions;
mod statements;
mod transactions;

/// Every function of the suite, as a test on the places that `$place` gives; where it gives none,
/// it has said why.
macro_rules! conforms {
    ($place:path) => {
        conforms!($place:
            exactness {
                decimals_come_back_digit_for_digit,
                decimals_are_summed_exactly,
                times_come_back_to_the_millisecond,
                every_kind_of_value_comes_back,
                a_column_is_only_read_as_what_it_is,
            }
            statements {
                many_ids_are_asked_for_in_parts,
                parameters_are_bound_by_number,
                a_wrong_statement_is_not_the_databases_fault,
                a_result_beyond_the_bound_is_an_error,
                a_read_outside_of_a_transaction_writes_nothing,
                a_batch_says_how_many_rows_it_changed,
                a_batch_is_asked_for_its_rows,
                a_batch_names_its_rows,
                what_batches_hold_comes_back,
                more_than_one_row_is_no_optional_row,
                totals_are_integers,
                a_row_is_read_to_be_changed,
            }
            transactions {
                a_dropped_transaction_leaves_nothing,
                what_is_not_committed_is_not_read_outside,
                a_transaction_that_failed_cannot_be_committed,
                a_transaction_with_a_cancelled_call_cannot_be_committed,
                concurrent_transactions_lose_no_update,
                a_statement_that_ends_the_transaction_is_an_error,
            }
            migrations {
                migrations_are_applied_once,
                members_that_start_at_once_migrate_once,
                a_changed_migration_is_refused,
                a_moved_migration_is_refused,
                processes_that_start_at_once_migrate_once,
                a_failing_migration_leaves_nothing,
                an_older_member_lets_newer_migrations_be,
            }
            inbox {
                a_redelivered_event_takes_effect_once,
                concurrent_members_take_effect_once,
                a_failed_handler_leaves_nothing,
                groups_have_inboxes_of_their_own,
                what_is_only_passed_over_needs_no_row,
                a_batch_takes_effect_once_however_often_it_comes,
                a_batch_of_which_some_is_done_is_to_go_one_by_one,
                two_members_with_one_batch_take_effect_once,
            }
            positions {
                a_group_goes_on_where_it_committed,
                a_failed_batch_moves_nothing,
                an_overtaken_member_rolls_back_its_effect,
                of_two_that_begin_anew_one_is_overtaken,
                a_redelivered_batch_is_a_repeat,
                a_batch_over_the_position_is_done_record_by_record,
                what_is_passed_over_moves_the_position,
                a_position_that_was_set_back_is_not_followed,
                a_position_of_another_cluster_is_refused,
                a_partition_that_was_not_started_is_refused,
                members_that_share_positions_overtake_each_other_too,
                concurrent_members_apply_every_record_once,
            }
            outbox {
                records_come_out_as_they_went_in,
                a_rolled_back_record_never_comes_out,
                a_take_is_bounded_by_records_and_bytes,
                sent_records_are_gone_and_their_ids_stay_used,
                a_commit_between_take_and_wait_wakes,
                a_commit_while_a_take_is_under_way_wakes,
                what_lay_there_before_wakes_the_first_wait,
                a_relay_that_only_waits_misses_nothing,
            }
            outbox_leases {
                shares_are_evened_out_as_relays_come_and_go,
                a_relay_that_is_silent_loses_its_buckets_and_one_that_renews_keeps_them,
                each_record_is_taken_by_the_relay_that_holds_its_bucket,
                rows_from_before_there_were_buckets_come_first,
            }
            outbox_order {
                a_key_comes_out_in_commit_order,
                a_slower_transaction_keeps_its_place,
                what_a_held_key_stands_for_is_replaced_by_one_at_a_time,
            }
            killed {
                a_killed_process_leaves_whole_transactions,
            }
        );
    };
    ($place:path: $($module:ident { $($test:ident,)* })*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(place) = $place(concat!(stringify!($module), "::", stringify!($test))).await {
                    $crate::$module::$test(&place).await;
                }
            })*
        })*
    };
}

mod on_postgres;
mod on_postgres_faults;
mod on_sqlite;
mod on_sqlite_disk;
mod on_sqlite_turns;

use std::{any::Any, future::poll_fn, ops::Range, pin::Pin, task::Poll};

use orderly_sdk::{
    EventId, OutRecord,
    consume::{Begun, Unit},
    record::TopicPartition,
};
use orderly_stores::{Database, Migration, Tx};

/// The part of `a_killed_process_leaves_whole_transactions` that is killed; else nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_child() {
    killed::run_as_child().await;
}

/// One of the processes of `processes_that_start_at_once_migrate_once`; else nothing.
#[tokio::test]
async fn migrating_child() {
    migrations::run_as_child().await;
}

/// A database of its own for one test.
pub(crate) struct Place {
    pub(crate) url: String,
    /// What it stands on, removed with it.
    pub(crate) _ground: Box<dyn Any + Send + Sync>,
}

impl Place {
    /// As one more member opens it.
    pub(crate) fn open(&self) -> Database {
        Database::open(&self.url).unwrap()
    }
}

/// A table to see effects in.
pub(crate) async fn prepare_effects(db: &Database) {
    let effects =
        Migration { name: "effects", sql: "CREATE TABLE effects (id {id}, what TEXT NOT NULL)" };
    db.migrate("test", &[effects]).await.unwrap();
}

pub(crate) async fn add_effect(tx: &mut Tx, what: &str) {
    tx.execute("INSERT INTO effects (what) VALUES ($1)", &[what.into()]).await.unwrap();
}

pub(crate) async fn effects(db: &Database) -> Vec<String> {
    let rows = db.query("SELECT what FROM effects ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

pub(crate) fn record(key: &str, payload: &str) -> OutRecord {
    OutRecord {
        topic: "orders".into(),
        partition: None,
        key: Some(key.into()),
        payload: Some(payload.into()),
        headers: [("ce_id", payload)].into_iter().collect(),
        timestamp_ms: 1_291_190_400_000,
    }
}

/// A unit as a consumer makes it: what lies before its end is done with it.
pub(crate) fn unit_of<'a>(
    group: &'a str,
    partition: &'a TopicPartition,
    offsets: Range<i64>,
    events: &'a [EventId],
) -> Unit<'a> {
    let offsets = Vec::leak(offsets.collect());
    Unit { group, partition, offsets, events, ledger: None, is_redriven: false }
}

pub(crate) fn partition(number: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: number }
}

pub(crate) fn fresh(begun: Begun<Tx>) -> Tx {
    match begun {
        Begun::Fresh(tx) => tx,
        Begun::Repeat => panic!("a repeat where a fresh unit was expected"),
    }
}

/// What a future gives at one poll, if it gives it then.
pub(crate) async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
