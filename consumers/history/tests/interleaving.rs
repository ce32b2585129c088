//! However the two topics come in between each other, in whatever batches, the rows are the same.

use history::{Happened, fold};
use orderly_sdk::consume::Received;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use crate::parts::{
    Rows, Store, cancelled, collected, completed, confirmed, placed, queued, ready, received,
    returned, rows, stage_done, started,
};

const CASES: usize = 100;

on_both! {
    any_interleaving_with_repeats_in_any_batches_gives_the_same_rows,
    every_permutation_of_an_order_gives_the_same_rows,
}

async fn every_permutation_of_an_order_gives_the_same_rows(store: Store) {
    let story = [
        received(placed("o1"), 0),
        received(confirmed("o1", 1), 1),
        received(queued("o1", 2, "Bake", 1), 2),
        received(ready("o1", 3), 3),
        received(collected("o1"), 4),
        received(completed("o1", 5), 5),
    ];
    let as_it_happened = outcome(&store, &[story.to_vec()]).await;

    let mut seen = 0;
    for order in permutations(story.len()) {
        let batch: Vec<_> = order.iter().map(|&i| story[i].clone()).collect();
        // Alternately as one batch and one by one.
        let batches: Vec<_> = match seen % 2 {
            0 => vec![batch],
            _ => batch.into_iter().map(|event| vec![event]).collect(),
        };
        assert_eq!(outcome(&store, &batches).await, as_it_happened, "{order:?}");
        seen += 1;
    }
    assert_eq!(seen, 720);
}

async fn any_interleaving_with_repeats_in_any_batches_gives_the_same_rows(store: Store) {
    let topics = [customers(), kitchen()];
    let whole = outcome(&store, &topics).await;
    let mixed = (
        prop::collection::vec((any::<bool>(), 0..4usize, 0..3usize), 60),
        prop::collection::vec(1..9usize, 60),
    );
    let mut runner = TestRunner::new(ProptestConfig::default());
    for _ in 0..CASES {
        let (takes, sizes) = mixed.new_tree(&mut runner).unwrap().current();
        let mixed = interleave(&topics, &takes);
        let other = outcome(&store, &batches(mixed, &sizes)).await;
        assert_eq!(other, whole, "{takes:?} in batches of {sizes:?}");
    }
}

/// What `orders` says of some orders, in its order.
fn customers() -> Vec<Received<Happened>> {
    vec![
        received(placed("o1"), 0),
        received(placed("o2"), 1),
        received(placed("o1"), 2), // under another event id: the first stays
        received(collected("o2"), 9),
        received(returned("c1"), 10),
        received(placed("o3"), 11),
    ]
}

/// What `order-status` says of them, in its order.
fn kitchen() -> Vec<Received<Happened>> {
    vec![
        received(confirmed("o1", 1), 3),
        received(confirmed("o2", 1), 3),
        received(started("o2", 2, "Prep"), 4),
        received(queued("o5", 1, "Prep", 1), 4),
        received(queued("o6", 1, "Prep", 2), 4),
        received(cancelled("o1", 2, "sold out"), 5),
        received(stage_done("o2", 3, "Prep"), 6),
        received(ready("o2", 4), 7),
        received(completed("o2", 5), 12),
        received(started("o5", 2, "Prep"), 8),
        received(confirmed("o4", 1), 13), // its order never comes
    ]
}

/// Takes from one topic or the other, each in its order; now and then goes some records back, as
/// after a crash.
fn interleave(
    topics: &[Vec<Received<Happened>>; 2],
    takes: &[(bool, usize, usize)],
) -> Vec<Received<Happened>> {
    let mut next = [0_usize, 0];
    let mut mixed = Vec::new();
    for &(second, count, back) in takes {
        let topic = usize::from(second);
        next[topic] = next[topic].saturating_sub(back);
        let until = (next[topic] + count).min(topics[topic].len());
        mixed.extend_from_slice(&topics[topic][next[topic]..until]);
        next[topic] = until;
    }
    for (topic, &next) in topics.iter().zip(&next) {
        mixed.extend_from_slice(&topic[next..]);
    }
    mixed
}

fn batches(mut events: Vec<Received<Happened>>, sizes: &[usize]) -> Vec<Vec<Received<Happened>>> {
    let mut batches = Vec::new();
    for &size in sizes {
        let rest = events.split_off(size.min(events.len()));
        batches.push(std::mem::replace(&mut events, rest));
    }
    batches.push(events);
    batches
}

/// The rows that these batches come to, in a transaction that is rolled back.
async fn outcome(store: &Store, batches: &[Vec<Received<Happened>>]) -> Rows {
    let mut tx = store.db.begin().await.unwrap();
    for batch in batches {
        fold(&mut tx, batch).await.unwrap();
    }
    rows(&mut tx).await
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for i in 0..count {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut order = order.clone();
                    order.insert(at, i);
                    order
                })
            })
            .collect();
    }
    all
}
