//! Each event takes effect once.

use orderly_sdk::{
    EventId,
    consume::{Begun, Decision, Failure, Scope, Unit},
    record::TopicPartition,
};
use orderly_stores::{Database, Inbox, Outbox};

use crate::{Place, add_effect, effects, fresh, partition, prepare_effects, record, unit_of};

pub(crate) async fn a_redelivered_event_takes_effect_once(place: &Place) {
    let (db, inbox) = member(place).await;
    let events = [EventId::new(), EventId::new()];

    for event in [events[0], events[1], events[0], events[1]] {
        consume(&inbox, "fulfilment", event).await.unwrap();
    }

    let ids = events.map(|event| event.to_string());
    assert_eq!(effects(&db).await, ids);
    let mut relay = Outbox::new(db);
    let emitted = relay.take(10).await.unwrap().into_iter().map(|(_, record)| record);
    assert_eq!(emitted.collect::<Vec<_>>(), ids.map(|id| record("k", &id)));
}

pub(crate) async fn concurrent_members_take_effect_once(place: &Place) {
    let members = [member(place).await, member(place).await];
    let events: Vec<EventId> = (0..10).map(|_| EventId::new()).collect();

    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (_, inbox) = &members[number % 2];
        let (inbox, mut events) = (inbox.clone(), events.clone());
        events.rotate_left(number);
        tasks.spawn(async move {
            for event in events {
                consume(&inbox, "fulfilment", event).await.unwrap();
            }
        });
    }
    tasks.join_all().await;

    let mut done = effects(&members[0].0).await;
    done.sort_unstable();
    let mut expected: Vec<String> = events.iter().map(EventId::to_string).collect();
    expected.sort_unstable();
    assert_eq!(done, expected);
}

pub(crate) async fn a_failed_handler_leaves_nothing(place: &Place) {
    let (db, inbox) = member(place).await;
    let (at, event) = (partition(0), [EventId::new()]);
    let unit = unit(&at, "fulfilment", &event);

    let mut tx = fresh(inbox.begin(&unit).await.unwrap());
    add_effect(&mut tx, "half done").await;
    drop(tx); // as the consumer does when the handler fails

    assert!(effects(&db).await.is_empty());
    assert!(Outbox::new(db.clone()).is_empty().await.unwrap());
    consume(&inbox, "fulfilment", event[0]).await.unwrap();
    assert_eq!(effects(&db).await, [event[0].to_string()]);
}

pub(crate) async fn groups_have_inboxes_of_their_own(place: &Place) {
    let (db, inbox) = member(place).await;
    let event = EventId::new();

    for group in ["fulfilment", "notifications", "fulfilment"] {
        consume(&inbox, group, event).await.unwrap();
    }

    assert_eq!(effects(&db).await, [event.to_string(), event.to_string()]);
}

pub(crate) async fn what_is_only_passed_over_needs_no_row(place: &Place) {
    let (_, inbox) = member(place).await;
    let at = partition(0);

    for _ in 0..2 {
        let unit = unit(&at, "fulfilment", &[]);
        let tx = fresh(inbox.begin(&unit).await.unwrap());
        inbox.commit(tx, &unit, vec![]).await.unwrap();
    }
}

pub(crate) async fn a_batch_takes_effect_once_however_often_it_comes(place: &Place) {
    let (db, inbox) = member(place).await;
    let events: Vec<EventId> = (0..5).map(|_| EventId::new()).collect();

    for _ in 0..3 {
        consume_batch(&inbox, &events).await.unwrap();
    }

    assert_eq!(effects(&db).await, ["a batch of 5"]);
}

pub(crate) async fn a_batch_of_which_some_is_done_is_to_go_one_by_one(place: &Place) {
    let (db, inbox) = member(place).await;
    let (at, events) = (partition(3), [EventId::new(), EventId::new(), EventId::new()]);
    consume(&inbox, "fulfilment", events[1]).await.unwrap();

    let failure = inbox.begin(&unit(&at, "fulfilment", &events)).await.err().unwrap();
    assert_eq!(failure.decision(), &Decision::Reject);
    assert!(failure.to_string().contains("1 of the 3 events of group fulfilment"), "{failure}");
    // One that came twice in it is partly done, too.
    let twice = [events[0], events[0]];
    assert!(inbox.begin(&unit(&at, "fulfilment", &twice)).await.is_err());

    for event in events {
        consume(&inbox, "fulfilment", event).await.unwrap();
    }
    let mut expected = events.map(|event| event.to_string());
    expected.swap(0, 1);
    assert_eq!(effects(&db).await, expected);
}

pub(crate) async fn two_members_with_one_batch_take_effect_once(place: &Place) {
    let members = [member(place).await, member(place).await];
    let events: Vec<EventId> = (0..50).map(|_| EventId::new()).collect();
    let backwards: Vec<EventId> = events.iter().rev().copied().collect();

    let (one, other) = tokio::join!(
        consume_batch(&members[0].1, &events),
        consume_batch(&members[1].1, &backwards),
    );

    one.and(other).unwrap();
    assert_eq!(effects(&members[0].0).await, ["a batch of 50"]);
}

async fn member(place: &Place) -> (Database, Inbox) {
    let db = place.open();
    let inbox = Inbox::new(db.clone());
    inbox.prepare().await.unwrap();
    prepare_effects(&db).await;
    (db, inbox)
}

/// Handles a batch as a consumer does.
async fn consume_batch(inbox: &Inbox, events: &[EventId]) -> Result<(), Failure> {
    let at = partition(0);
    let unit = unit(&at, "fulfilment", events);
    match inbox.begin(&unit).await? {
        Begun::Repeat => Ok(()),
        Begun::Fresh(mut tx) => {
            add_effect(&mut tx, &format!("a batch of {}", events.len())).await;
            inbox.commit(tx, &unit, Vec::new()).await
        }
    }
}

/// Handles one event as a consumer does.
async fn consume(inbox: &Inbox, group: &str, event: EventId) -> Result<(), Failure> {
    let (at, events) = (partition(0), [event]);
    let unit = unit(&at, group, &events);
    match inbox.begin(&unit).await? {
        Begun::Repeat => Ok(()),
        Begun::Fresh(mut tx) => {
            add_effect(&mut tx, &event.to_string()).await;
            inbox.commit(tx, &unit, vec![record("k", &event.to_string())]).await
        }
    }
}

fn unit<'a>(partition: &'a TopicPartition, group: &'a str, events: &'a [EventId]) -> Unit<'a> {
    unit_of(group, partition, 0..1, events)
}
