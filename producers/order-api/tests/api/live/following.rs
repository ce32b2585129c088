use orderly_sdk::EventId;
use serde_json::json;

use super::{
    LiveShop, Reader, gift_wrapped,
    reader::types,
    reason,
    shop::{cancellation, cancelled, confirmed, started},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_told_and_then_what_happens() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    let confirmed = shop.emit(&confirmed("o-1", 1, &placed)).await;
    // Others' are nobody's business here.
    shop.place("o-2").await;

    let mut stream = shop.follow(0, "o-1", None).await;
    let headers = stream.response.headers();
    assert_eq!(
        (&headers["cache-control"], &headers["x-accel-buffering"]),
        (&"no-store".parse().unwrap(), &"no".parse().unwrap())
    );
    let before = stream.events(2).await;
    let started = shop.emit(&started("o-1", 2, &placed)).await;
    let after = stream.events(1).await;

    let told: Vec<_> = before
        .iter()
        .chain(&after)
        .map(|event| {
            let mut data = event.data.clone().unwrap();
            data.as_object_mut().unwrap().remove("at").unwrap();
            (event.event.clone().unwrap(), data)
        })
        .collect();
    let expected = [
        ("OrderPlaced", json!({"type": "OrderPlaced", "event_id": placed, "status": "placed"})),
        (
            "OrderConfirmed",
            json!({"type": "OrderConfirmed", "event_id": confirmed, "sequence": 1,
            "status": "confirmed"}),
        ),
        (
            "StageStarted",
            json!({"type": "StageStarted", "event_id": started, "sequence": 2,
            "stage": "stage-2", "station": 2,
                "due_at": "1970-01-01T00:00:00Z", "status": "in_progress"}),
        ),
    ];
    assert_eq!(told, expected.map(|(name, data)| (name.to_owned(), data)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_nobody_knows_is_told_as_far_as_it_is_understood() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    shop.emit(&confirmed("o-1", 1, &placed)).await;
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(2).await;
    // History keeps no such type: only who is there when it happens hears of it.
    stream.comment("from here on").await;
    let id = shop.emit(&gift_wrapped("o-1", 2)).await;
    let event = stream.event().await.unwrap();
    assert_eq!(event.event.as_deref(), Some("OrderGiftWrapped"));
    let mut data = event.data.unwrap();
    data.as_object_mut().unwrap().remove("at").unwrap();
    assert_eq!(
        data,
        json!({ "type": "OrderGiftWrapped", "event_id": id, "sequence": 2,
        "reason": "a present", "status": "confirmed" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_repeat_is_told_once() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    let (id, again) = (EventId::new(), confirmed("o-1", 1, &placed));
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(1).await;
    shop.emit_as(&again, id).await;
    shop.emit_as(&again, id).await;
    shop.emit(&started("o-1", 2, &placed)).await;
    assert_eq!(types(&stream.events(2).await), ["OrderConfirmed", "StageStarted"]);
    // Nor to who begins between an event and its repeat.
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(3).await;
    shop.emit_as(&again, id).await;
    shop.emit(&started("o-1", 3, &placed)).await;
    assert_eq!(stream.event().await.unwrap().data.unwrap()["sequence"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_before_what_caused_it() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    shop.emit(&confirmed("o-1", 1, &placed)).await;
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(2).await;
    // The reader of both topics comes to them in any sequence.
    let asked = EventId::new();
    shop.emit(&cancelled("o-1", 2, &asked.to_string(), reason(3))).await;
    shop.emit_as(&cancellation("o-1"), asked).await;
    let told = stream.events(2).await;
    assert_eq!(types(&told), ["OrderCancellationRequested", "OrderCancelled"]);
    assert_eq!(told[0].data.as_ref().unwrap()["status"], "confirmed");
    assert_eq!(told[1].data.as_ref().unwrap()["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_that_never_comes_holds_nothing_up_for_long() {
    let shop = LiveShop::open().await;
    shop.place("o-1").await;
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(1).await;
    let elsewhere = EventId::new().to_string();
    shop.emit(&confirmed("o-1", 1, &elsewhere)).await;
    shop.emit(&started("o-1", 2, &elsewhere)).await;
    assert_eq!(types(&stream.events(2).await), ["OrderConfirmed", "StageStarted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kitchen_hears_of_every_order_from_now_on() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    shop.emit(&confirmed("o-1", 1, &placed)).await;
    let mut kitchen = Reader::of(shop.request(0, "/kitchen/events").send().await.unwrap());
    kitchen.comment("from here on").await;
    for id in ["o-1", "o-2", "o-3"] {
        shop.emit(&started(id, 2, &placed)).await;
    }
    let mut told = kitchen.events(3).await;
    told.sort_by_key(|event| event.data.as_ref().unwrap()["order_id"].to_string());
    for (event, order_id) in told.iter().zip(["o-1", "o-2", "o-3"]) {
        let data = event.data.as_ref().unwrap();
        assert_eq!((&data["order_id"], &data["status"]), (&json!(order_id), &json!("in_progress")));
        assert_eq!((event.event.as_deref(), &event.id), (Some("StageStarted"), &None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_follows_any_more_is_read_again_for_who_comes_next() {
    let bounds =
        order_api::LiveBounds { idle: std::time::Duration::from_millis(1), ..Default::default() };
    let shop = LiveShop::open_with(super::LiveWishes { bounds, ..Default::default() }).await;
    let placed = shop.place("o-1").await;
    for round in 1..5 {
        let mut stream = shop.follow(0, "o-1", None).await;
        stream.events(usize::try_from(round).unwrap()).await;
        let id = shop.emit(&started("o-1", round, &placed)).await;
        assert_eq!(stream.event().await.unwrap().event_id(), id);
    }
}
