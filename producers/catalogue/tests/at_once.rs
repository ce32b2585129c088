//! Changes of one product at once, through one service and through two.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::parts::{Answer, Shop, margherita, with};

on_both! {
    of_two_who_change_what_they_saw_one_is_refused,
    of_many_who_make_it_one_does,
    changes_are_told_in_the_order_in_which_they_were_made,
}

/// What came of PUTs of product `a` with these prices at once, through both services by turns.
async fn put_at_once(
    shop: &Shop,
    condition: Option<(&'static str, &str)>,
    prices: std::ops::Range<u32>,
) -> Vec<Answer> {
    let replica = shop.replica().await;
    let mut asking = JoinSet::new();
    for price in prices {
        let url = if price % 2 == 0 { &shop.url } else { &replica.url };
        let mut request = shop.http.request(Method::PUT, format!("{url}/products/a"));
        if let Some((name, tag)) = condition {
            request = request.header(name, tag);
        }
        asking.spawn(Answer::of(request.json(&with(&json!({ "price": price.to_string() })))));
    }
    let answers = asking.join_all().await;
    replica.stop().await;
    answers
}

async fn of_two_who_change_what_they_saw_one_is_refused(shop: Shop) {
    let mut seen = shop.put("/products/a", &margherita()).await;
    for round in 0..5 {
        let prices = 100 * round + 10..100 * round + 12;
        let answers = put_at_once(&shop, Some(("If-Match", seen.etag())), prices).await;
        let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, BTreeSet::from([200, 412]), "{answers:?}");
        seen = shop.get("/products/a").await;
        let won = answers.iter().find(|answer| answer.status == 200).unwrap();
        assert_eq!((won.etag(), won.json(200)), (seen.etag(), seen.json(200)));
    }
    assert_eq!(shop.told().await.len(), 6);
}

async fn of_many_who_make_it_one_does(shop: Shop) {
    let answers = put_at_once(&shop, Some(("If-None-Match", "*")), 10..20).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((made, refused), (1, 9), "{answers:?}");
    assert_eq!(shop.told().await.len(), 1);
}

async fn changes_are_told_in_the_order_in_which_they_were_made(shop: Shop) {
    let answers = put_at_once(&shop, None, 10..30).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)), "{answers:?}");
    let records = shop.records().await;
    assert_eq!(records.len(), 20);
    // What is told last is what is kept, and times don't go back.
    let shown = shop.get("/products/a").await;
    let last = records.last().unwrap().headers.get_str("ce_id").unwrap();
    assert_eq!(shown.etag(), format!("\"{last}\""));
    assert!(records.is_sorted_by_key(|record| record.timestamp_ms));
}
