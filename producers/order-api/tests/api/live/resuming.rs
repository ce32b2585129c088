use std::time::Duration;

use orderly_sdk::EventId;
use tokio::time::sleep;

use super::{
    Frame, LiveShop, LiveWishes, Reader,
    shop::{cancellation, cancelled, confirmed, reason, started},
};

fn ids(events: &[Frame]) -> Vec<String> {
    events.iter().map(Frame::event_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_replica_goes_on_behind_any_event() {
    let shop = LiveShop::open_with(LiveWishes { replicas: 2, ..Default::default() }).await;
    let placed = shop.place("o-1").await;
    shop.go_through("o-1", &placed, 3).await;
    let asked = shop.emit(&cancellation("o-1")).await;
    shop.emit(&cancelled("o-1", 6, &asked, reason(3))).await;
    let mut stream = shop.follow(0, "o-1", None).await;
    let mut told = stream.events(7).await;

    for number in 0..7 {
        let mut resumed = shop.follow(1, "o-1", told[number].id.as_deref()).await;
        let rest = &told[number + 1..];
        assert_eq!(ids(&resumed.events(rest.len()).await), ids(rest), "behind {number}");
        // And with what happens while both are there, told by each in the same words.
        shop.emit(&cancellation("o-1")).await;
        let (here, there) = (stream.event().await.unwrap(), resumed.event().await.unwrap());
        assert_eq!(here, there);
        assert_eq!(here.data.as_ref().unwrap()["status"], "cancelled");
        told.push(here);
    }

    let path = format!("/orders/o-1/events?last_event_id={}", told[12].id.as_ref().unwrap());
    let mut by_parameter = Reader::of(shop.request(1, &path).send().await.unwrap());
    assert_eq!(by_parameter.event().await.unwrap(), told[13]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_not_known_means_from_the_start() {
    let shop = LiveShop::open().await;
    let placed = shop.place("o-1").await;
    let mut stream = shop.follow(0, "o-1", None).await;
    let id = stream.event().await.unwrap().id.unwrap();
    let (era, _) = id.split_once('-').unwrap();
    let of_another = format!("{}-9-9", era.chars().rev().collect::<String>());
    for wrong in ["7", "nonsense", "0-0-0", &of_another, &format!("{id}-1"), &format!("{era}-x-1")]
    {
        let mut stream = shop.follow(0, "o-1", Some(wrong)).await;
        stream.comment("isn't known here").await;
        assert_eq!(stream.event().await.unwrap().event_id(), placed, "{wrong}");
    }
    // A parameter that a proxy made something of, too.
    let path = "/orders/o-1/events?last_event_id=%00";
    let mut stream = Reader::of(shop.request(0, path).send().await.unwrap());
    assert_eq!(stream.event().await.unwrap().event_id(), placed);
}

/// A client that loses its connection at any moment, and comes back at any replica, while events arrive
/// on both topics and history lags by any amount, hears of each once, each topic in its sequence.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_the_connection_at_random_misses_nothing_and_hears_nothing_twice() {
    let seed = std::env::var("ORDERLY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("ORDERLY_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = LiveShop::open_with(LiveWishes { replicas: 2, ..Default::default() }).await;
    for round in 0..12 {
        let order = format!("o-{round}");
        let placed = shop.place(&order).await;
        let mut orders = vec![placed.clone()];
        let mut statuses = Vec::new();
        const EVENTS: usize = 40;
        let mut writer = random.fork();
        let writing = async {
            for number in 1..=EVENTS {
                if writer.u8(..4) == 0 {
                    orders.push(shop.emit(&cancellation(&order)).await);
                } else {
                    let sequence = i64::try_from(number).unwrap();
                    let id = EventId::new();
                    let event = started(&order, sequence, &placed);
                    statuses.push(shop.emit_as(&event, id).await);
                    if writer.u8(..8) == 0 {
                        // As a relay does that was killed before it marked it as sent.
                        shop.emit_as(&event, id).await;
                    }
                }
                match writer.u8(..8) {
                    0 => shop.history.hold(),
                    1 | 2 => shop.history.go_on(),
                    _ => {}
                }
                sleep(Duration::from_millis(writer.u64(..8))).await;
            }
            shop.history.go_on();
        };
        let mut reader = random.fork();
        let reading = async {
            let (mut told, mut last): (Vec<Frame>, Option<String>) = (Vec::new(), None);
            while told.len() < EVENTS + 1 {
                let replica = reader.usize(..2);
                let mut stream = shop.follow(replica, &order, last.as_deref()).await;
                let patience = Duration::from_millis(reader.u64(..120));
                let listening = async {
                    while told.len() < EVENTS + 1
                        && let Some(event) = stream.event().await
                    {
                        last = event.id.clone();
                        told.push(event);
                    }
                };
                let _ = tokio::time::timeout(patience, listening).await;
            }
            told
        };
        let ((), told) = tokio::join!(writing, reading);
        let of = |is_status: bool| {
            let is_of = |event: &&Frame| {
                event.data.as_ref().unwrap().get("sequence").is_some() == is_status
            };
            told.iter().filter(is_of).map(Frame::event_id).collect::<Vec<_>>()
        };
        assert_eq!(of(false), orders, "round {round}");
        assert_eq!(of(true), statuses, "round {round}");
        // And nothing more comes than what happens next.
        let last = told.last().unwrap().id.clone();
        let mut stream = shop.follow(0, &order, last.as_deref()).await;
        let end = shop.emit(&confirmed(&order, 99, &placed)).await;
        assert_eq!(stream.event().await.unwrap().event_id(), end, "round {round}");
    }
}
