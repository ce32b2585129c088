//! SQLite has one writer: transactions take turns, in the order in which they asked.

use std::pin::pin;

use crate::{add_effect, at_once, effects, on_sqlite::here, prepare_effects};

#[tokio::test]
async fn a_transaction_begins_when_the_one_before_has_ended() {
    let place = here();
    let db = place.open();
    prepare_effects(&db).await;
    let mut first = db.begin().await.unwrap();
    add_effect(&mut first, "rolled back").await;
    let mut second = pin!(db.begin());
    let mut given_up = Box::pin(db.begin());
    let mut third = pin!(db.begin());
    assert!(at_once(second.as_mut()).await.is_none());
    assert!(at_once(given_up.as_mut()).await.is_none());
    assert!(at_once(third.as_mut()).await.is_none());
    drop(given_up);

    drop(first);
    let mut second = second.await.unwrap();
    assert!(at_once(third.as_mut()).await.is_none());
    add_effect(&mut second, "second").await;
    second.commit().await.unwrap();
    let mut third = third.await.unwrap();
    add_effect(&mut third, "third").await;
    third.commit().await.unwrap();

    assert_eq!(effects(&db).await, ["second", "third"]);
}
