use std::time::Duration;

use order_api::LiveBounds;

use super::{
    LiveShop, LiveWishes, Reader,
    reader::types,
    shop::{confirmed, started},
};

/// The trap: it passed the reader before the stream was there, and history hasn't read it.
#[tokio::test(flavor = "multi_thread")]
async fn what_history_has_not_read_yet_is_not_passed_over() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    let mut kitchen = Reader::of(shop.request(0, "/kitchen/events").send().await.unwrap());
    kitchen.comment("from here on").await;
    // It has read the order, and no more.
    shop.follow(0, "o-1", None).await.events(1).await;
    shop.history.hold();
    let ids = shop.go_through("o-1", &placed, 1).await;
    kitchen.events(2).await;

    let mut stream = shop.follow(0, "o-1", None).await;
    assert_eq!(stream.event().await.unwrap().event_id(), placed);
    let after = shop.emit(&started("o-1", 3, &placed)).await;
    kitchen.events(1).await;
    stream.comment("hasn't read up to now").await;
    for id in &ids {
        shop.history.fold_one_of("order-status");
        assert_eq!(stream.event().await.unwrap().event_id(), *id);
    }
    // From here on there is no need of history any more.
    assert_eq!(stream.event().await.unwrap().event_id(), after);
    let asked = shop.history.asked();
    let last = shop.emit(&started("o-1", 4, &placed)).await;
    assert_eq!(stream.event().await.unwrap().event_id(), last);
    assert_eq!(shop.history.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_history_is_away_the_stream_waits_and_says_so() {
    let bounds = LiveBounds { heartbeat: Duration::from_millis(50), ..LiveBounds::default() };
    let shop = LiveShop::open_with(LiveWishes { bounds, ..Default::default() }).await;
    let placed = shop.place("o-1").await;
    shop.history.be_away(true);
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.comment("can't be reached").await;
    // Then it only shows that it is there.
    for _ in 0..3 {
        assert_eq!(stream.frame().await.unwrap().comment.as_deref(), Some(""));
    }
    shop.emit(&confirmed("o-1", 1, &placed)).await;
    shop.history.be_away(false);
    assert_eq!(types(&stream.events(2).await), ["OrderPlaced", "OrderConfirmed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_turns_out_not_to_be_there_ends_its_stream() {
    let shop = LiveShop::open().await;
    shop.history.be_away(true);
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.comment("can't be reached").await;
    shop.history.be_away(false);
    stream.comment("no such order").await;
    assert_eq!(stream.frame().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_on_its_way_is_waited_for_and_another_is_not_found() {
    let shop = LiveShop::open().await;
    let request = shop.request(0, "/orders/o-1/events").header("Prefer", "wait=5");
    let meanwhile = async {
        shop.history.asked_more(2).await;
        shop.place("o-1").await
    };
    let (response, placed) = tokio::join!(request.send(), meanwhile);
    assert_eq!(Reader::of(response.unwrap()).event().await.unwrap().event_id(), placed);

    let request = shop.request(0, "/orders/o-2/events").header("Prefer", "wait=0");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (404, &"1".parse().unwrap())
    );
    let problem: order_api::ProblemBody = answer.json().await.unwrap();
    assert_eq!(problem.r#type, "/problems/order-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_go_and_come_back_leave_no_gap() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    let mut stream = shop.follow(0, "o-1", None).await;
    stream.events(1).await;
    stream.comment("from here on").await;
    for round in 1..3 {
        shop.broker.go_down().unwrap();
        shop.broker.come_back().unwrap();
        let id = shop.emit(&started("o-1", round, &placed)).await;
        assert_eq!(stream.event().await.unwrap().event_id(), id);
    }
}
