//! Batches: position and effect move together, or not at all.

use std::ops::Range;

use orderly_sdk::{
    EventId,
    consume::{Begun, Decision, Failure, Position, Scope, Start, Unit},
    record::TopicPartition,
};
use orderly_stores::{Database, Outbox, Positions, positions};

use crate::{Place, add_effect, effects, fresh, partition, prepare_effects, record, unit_of};

pub(crate) async fn a_group_goes_on_where_it_committed(place: &Place) {
    let (db, first) = member(place).await;
    let at = partition(0);
    assert_eq!(first.start(GROUP, &at).await.unwrap(), Start::Oldest);
    consume(&first, &at, 0..3).await.unwrap();
    // A gap: offsets that compaction or transactions took.
    consume(&first, &at, 5..8).await.unwrap();

    let (_, next) = member(place).await;

    assert_eq!(next.start(GROUP, &at).await.unwrap(), start_at(8));
    assert_eq!(next.start(GROUP, &partition(1)).await.unwrap(), Start::Oldest);
    assert_eq!(next.start("other", &at).await.unwrap(), Start::Oldest);
    assert_eq!(positions::next_offset(&db, GROUP, &at).await.unwrap(), Some(8));
    let mut tx = db.begin().await.unwrap();
    assert_eq!(positions::next_offset_in(&mut tx, GROUP, &at).await.unwrap(), Some(8));
    assert_eq!(positions::next_offset_in(&mut tx, "other", &at).await.unwrap(), None);
    drop(tx);
    assert_eq!(effects(&db).await, ["0", "1", "2", "5", "6", "7"]);
}

pub(crate) async fn a_failed_batch_moves_nothing(place: &Place) {
    let (db, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();

    let ids = events(3);
    let mut tx = fresh(member.begin(&unit(&at, &(0..3), &ids)).await.unwrap());
    add_effect(&mut tx, "half done").await;
    drop(tx);

    assert_eq!(positions::next_offset(&db, GROUP, &at).await.unwrap(), None);
    consume(&member, &at, 0..3).await.unwrap();
    assert_eq!(effects(&db).await, ["0", "1", "2"]);
}

pub(crate) async fn an_overtaken_member_rolls_back_its_effect(place: &Place) {
    let (old_db, old) = member(place).await;
    let (db, new) = member(place).await;
    let at = partition(2);
    old.start(GROUP, &at).await.unwrap();
    consume(&old, &at, 0..5).await.unwrap();
    assert_eq!(new.start(GROUP, &at).await.unwrap(), start_at(5));
    consume(&new, &at, 5..8).await.unwrap();

    let failure = consume(&old, &at, 5..10).await.unwrap_err();

    assert_eq!(failure.decision(), &Decision::Retry);
    assert_eq!(
        failure.to_string(),
        "overtaken: group history expected its position in orders-2 to be 5, and another member \
         left it at 8; the effect was rolled back"
    );
    assert_eq!(effects(&db).await, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(Outbox::new(db).backlog().await.unwrap().records, 2);
    // Tried again: what the other did is a repeat, what it didn't goes one by one.
    consume(&old, &at, 5..8).await.unwrap();
    assert_eq!(consume(&old, &at, 5..10).await.unwrap_err().decision(), &Decision::Reject);
    consume(&old, &at, 8..10).await.unwrap();
    assert_eq!(effects(&old_db).await.last().map(String::as_str), Some("9"));
}

pub(crate) async fn of_two_that_begin_anew_one_is_overtaken(place: &Place) {
    let (db, one) = member(place).await;
    let (_, other) = member(place).await;
    let at = partition(0);
    one.start(GROUP, &at).await.unwrap();
    other.start(GROUP, &at).await.unwrap();

    consume(&one, &at, 0..2).await.unwrap();
    let failure = consume(&other, &at, 0..2).await.unwrap_err();

    assert!(
        failure.to_string().contains("to be unset, and another member left it at 2"),
        "{failure}"
    );
    assert_eq!(effects(&db).await, ["0", "1"]);
}

pub(crate) async fn a_redelivered_batch_is_a_repeat(place: &Place) {
    let (_, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();
    consume(&member, &at, 0..5).await.unwrap();

    for offsets in [0..5, 0..1, 3..5] {
        let begun = member.begin(&unit(&at, &offsets, &events(2))).await.unwrap();
        assert!(matches!(begun, Begun::Repeat), "{offsets:?}");
    }
}

pub(crate) async fn a_batch_over_the_position_is_done_record_by_record(place: &Place) {
    let (db, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();
    consume(&member, &at, 0..5).await.unwrap();

    let failure = consume(&member, &at, 3..7).await.unwrap_err();

    assert_eq!(failure.decision(), &Decision::Reject);
    assert!(failure.to_string().contains("3..7 of orders-0 reaches over position 5"), "{failure}");
    let one = [EventId::new()];
    let unit = unit(&at, &(4..5), &one);
    assert!(matches!(member.begin(&unit).await.unwrap(), Begun::Repeat));
    for offset in 3..7 {
        consume(&member, &at, offset..offset + 1).await.unwrap();
    }
    assert_eq!(effects(&db).await, ["0", "1", "2", "3", "4", "5", "6"]);
}

pub(crate) async fn what_is_passed_over_moves_the_position(place: &Place) {
    let (db, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();

    for (offsets, next) in [(0..1, 1), (1..4, 4), (0..2, 4), (3..6, 6)] {
        member.pass(&unit(&at, &offsets, &[])).await.unwrap();
        assert_eq!(positions::next_offset(&db, GROUP, &at).await.unwrap(), Some(next));
    }

    consume(&member, &at, 6..7).await.unwrap();
}

pub(crate) async fn a_position_that_was_set_back_is_not_followed(place: &Place) {
    let (db, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();
    consume(&member, &at, 0..5).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE positions SET next_offset = 2", &[]).await.unwrap();
    tx.commit().await.unwrap();

    // Going on from 2 with what lies at 5 would pass over three records.
    for _ in 0..2 {
        let failure = consume(&member, &at, 5..6).await.unwrap_err();
        assert!(failure.to_string().contains("left it at 2"), "{failure}");
    }
    assert_eq!(member.start(GROUP, &at).await.unwrap(), start_at(2));
    consume(&member, &at, 2..6).await.unwrap();
}

pub(crate) async fn a_position_of_another_cluster_is_refused(place: &Place) {
    let (db, member) = member(place).await;
    let at = partition(0);
    member.start(GROUP, &at).await.unwrap();
    consume(&member, &at, 0..5).await.unwrap();

    let failure = Positions::new(db, "cluster-b").start(GROUP, &at).await.unwrap_err();

    assert_eq!(failure.decision(), &Decision::Reject);
    let said = "position of group history in topic orders was kept for cluster cluster-a, this is \
                cluster cluster-b: ";
    assert!(failure.to_string().starts_with(said), "{failure}");
}

pub(crate) async fn a_partition_that_was_not_started_is_refused(place: &Place) {
    let (_, member) = member(place).await;

    let failure = consume(&member, &partition(4), 0..1).await.unwrap_err();

    assert!(failure.to_string().contains("orders-4 without having asked"), "{failure}");
}

pub(crate) async fn members_that_share_positions_overtake_each_other_too(place: &Place) {
    let (db, shared) = member(place).await;
    let at = partition(0);
    shared.start(GROUP, &at).await.unwrap();
    consume(&shared, &at, 0..2).await.unwrap();
    // What another member of this process, having taken the partition over, just committed.
    let ids = events(2);
    let late = unit(&at, &(0..2), &ids);
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "again").await;

    let failure = shared.commit(tx, &late, vec![]).await.unwrap_err();

    assert!(failure.to_string().starts_with("overtaken: "), "{failure}");
    assert_eq!(effects(&db).await, ["0", "1"]);
}

pub(crate) async fn concurrent_members_apply_every_record_once(place: &Place) {
    const END: i64 = 60;
    let (db, _) = member(place).await;

    let mut members = tokio::task::JoinSet::new();
    for size in [1, 2, 3, 7] {
        let (_, member) = member(place).await;
        members.spawn(async move {
            let at = partition(0);
            let mut next = offset(member.start(GROUP, &at).await.unwrap());
            while next < END {
                let end = (next + size).min(END);
                next = match consume(&member, &at, next..end).await {
                    Ok(()) => end,
                    Err(failure) => {
                        assert!(failure.to_string().starts_with("overtaken: "), "{failure}");
                        offset(member.start(GROUP, &at).await.unwrap())
                    }
                };
                tokio::task::yield_now().await;
            }
        });
    }
    members.join_all().await;

    let expected: Vec<String> = (0..END).map(|offset| offset.to_string()).collect();
    assert_eq!(effects(&db).await, expected);
}

/// Where a member begins, on a partition whose oldest record is its first.
fn offset(start: Start) -> i64 {
    match start {
        Start::At(position) => position.next,
        Start::Oldest => 0,
        Start::Committed => panic!("the database keeps the position"),
    }
}

/// Nothing done beyond.
fn start_at(next: i64) -> Start {
    Start::At(Position { next, done_beyond: String::new() })
}

const GROUP: &str = "history";

async fn member(place: &Place) -> (Database, Positions) {
    let db = place.open();
    let positions = Positions::new(db.clone(), "cluster-a");
    positions.prepare().await.unwrap();
    prepare_effects(&db).await;
    (db, positions)
}

/// Handles one batch as a consumer does.
async fn consume(
    member: &Positions,
    partition: &TopicPartition,
    offsets: Range<i64>,
) -> Result<(), Failure> {
    let ids = events(offsets.clone().count());
    let unit = unit(partition, &offsets, &ids);
    let Begun::Fresh(mut tx) = member.begin(&unit).await? else { return Ok(()) };
    for offset in offsets.clone() {
        add_effect(&mut tx, &offset.to_string()).await;
    }
    member.commit(tx, &unit, vec![record("k", "emitted")]).await
}

fn events(count: usize) -> Vec<EventId> {
    (0..count).map(|_| EventId::new()).collect()
}

fn unit<'a>(
    partition: &'a TopicPartition,
    offsets: &Range<i64>,
    events: &'a [EventId],
) -> Unit<'a> {
    unit_of(GROUP, partition, offsets.clone(), events)
}
