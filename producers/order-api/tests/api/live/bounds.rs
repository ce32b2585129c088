use std::time::Duration;

use order_api::LiveBounds;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::Instant,
};

use super::{
    LiveShop, LiveWishes, Reader, reason,
    shop::{cancelled, started},
};
use crate::harness::eventually;

async fn shop_with(bounds: LiveBounds) -> LiveShop {
    LiveShop::open_with(LiveWishes { bounds, ..Default::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_what_is_told_is_cut_off_and_goes_on_where_it_was() {
    let shop = shop_with(LiveBounds { order_buffer: 8, ..LiveBounds::default() }).await;
    let placed = shop.place("o-1").await;
    let address = shop.urls[0].strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut slow = socket.connect(address).await.unwrap();
    let head = "GET /orders/o-1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    // Another takes all, undisturbed; and knows when all was told.
    let mut quick = shop.follow(0, "o-1", None).await;
    quick.events(1).await;
    let mut ids = vec![placed.clone()];
    const EVENTS: i64 = 1_200;
    for sequence in 1..=EVENTS {
        ids.push(shop.emit(&cancelled("o-1", sequence, &placed, reason(16 * 1_024))).await);
        assert_eq!(quick.event().await.unwrap().event_id(), ids[ids.len() - 1]);
    }

    let mut answer = Vec::new();
    let reading = slow.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("an end").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains(": cut off"), "{}", answer.len());
    let told: Vec<_> = answer
        .split("\r\n")
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("id: "))
        .collect();
    assert!(told.len() > 8 && told.len() < ids.len(), "{}", told.len());

    // History shows 1,000 of them.
    let mut resumed = shop.follow(0, "o-1", told.last().copied()).await;
    for id in &ids[told.len()..] {
        assert_eq!(resumed.event().await.unwrap().event_id(), *id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_too_many_is_refused_and_one_that_ends_makes_room() {
    let bounds = LiveBounds {
        most_streams: 3,
        most_of_one_order: 2,
        most_kitchen_streams: 1,
        ..LiveBounds::default()
    };
    let shop = shop_with(bounds).await;
    shop.place("o-1").await;
    shop.place("o-2").await;
    let one = shop.follow(0, "o-1", None).await;
    let _same = shop.follow(0, "o-1", None).await;
    is_refused(&shop, "/orders/o-1/events", "streams of this order").await;
    let _other = shop.follow(0, "o-2", None).await;
    is_refused(&shop, "/orders/o-2/events", "streams of orders").await;
    // Whoever follows orders takes the kitchen no room.
    let _kitchen = Reader::of(shop.request(0, "/kitchen/events").send().await.unwrap());
    is_refused(&shop, "/kitchen/events", "streams of the kitchen's").await;
    drop(one);
    eventually("there is room again", async || {
        shop.request(0, "/orders/o-1/events").send().await.unwrap().status() == 200
    })
    .await;
}

async fn is_refused(shop: &LiveShop, path: &str, words: &str) {
    let answer = shop.request(0, path).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    let problem: order_api::ProblemBody = answer.json().await.unwrap();
    assert_eq!(problem.r#type, "/problems/overloaded");
    assert!(problem.detail.contains(words), "{}", problem.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_begin_take_turns_in_asking_history() {
    let shop = LiveShop::open().await;
    let orders = ["o-1", "o-2"];
    for order in orders {
        shop.place(order).await;
    }
    shop.history.be_slow(Duration::from_millis(500));
    let begin = (0..140_usize).map(|number| shop.follow(0, orders[number % 2], None));
    let mut streams = futures::future::join_all(begin).await;
    for stream in &mut streams {
        assert_eq!(stream.events(1).await[0].event.as_deref(), Some("OrderPlaced"));
    }
    let most = shop.history.most_at_once();
    assert!((1..=64).contains(&most), "{most} questions at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_take_no_room_from_requests() {
    let shop = LiveShop::open().await;
    shop.place("o-1").await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(shop.follow(0, "o-1", None).await);
    }
    assert_eq!(shop.request(0, "/healthz").send().await.unwrap().status(), 200);
    // History tells this stub's clients nothing else.
    assert_eq!(shop.request(0, "/orders/o-1").send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_ends_its_streams_at_once() {
    let mut shop = LiveShop::open_with(LiveWishes { replicas: 2, ..Default::default() }).await;
    let placed = shop.place("o-1").await;
    let mut stream = shop.follow(0, "o-1", None).await;
    let last = stream.event().await.unwrap().id;
    let mut kitchen = Reader::of(shop.request(0, "/kitchen/events").send().await.unwrap());
    kitchen.comment("from here on").await;
    let begun = Instant::now();
    shop.shutdowns[0].cancel();
    for stream in [&mut stream, &mut kitchen] {
        let end = stream.comment("is ending").await;
        assert!(end.retry.is_some());
        assert_eq!(stream.frame().await, None);
    }
    shop.served.remove(0).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let id = shop.emit(&started("o-1", 1, &placed)).await;
    let mut elsewhere = shop.follow(1, "o-1", last.as_deref()).await;
    assert_eq!(elsewhere.event().await.unwrap().event_id(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_after_its_time_and_goes_on() {
    let shop =
        shop_with(LiveBounds { longest: Duration::from_millis(300), ..LiveBounds::default() })
            .await;
    shop.place("o-1").await;
    let mut stream = shop.follow(0, "o-1", None).await;
    let last = stream.event().await.unwrap().id;
    stream.comment("after some time").await;
    assert_eq!(stream.frame().await, None);
    let mut stream = shop.follow(0, "o-1", last.as_deref()).await;
    stream.comment("going on").await;
}
