//! Stock: held by all lines of an order or by none, never more than there is.

use fulfilment::{Rules, StockRule};
use orderly_schemas::OrderPlaced;
use orderly_sdk::Health;

use crate::parts::{Parts, collected, line, placed};

fn counted() -> Rules {
    Rules { stock: StockRule::Counted, ..Rules::new("prep=0ms".parse().unwrap()) }
}

fn of(order_id: &str, lines: &[(&str, i32)]) -> OrderPlaced {
    let line = |(sku, quantity): &(&str, i32)| orderly_schemas::OrderLine {
        sku: (*sku).into(),
        ..line(*quantity)
    };
    OrderPlaced { lines: lines.iter().map(line).collect(), ..placed(order_id) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_holds_all_of_its_lines_or_none() {
    let parts = Parts::start(2).await;
    parts.count("margherita", 3).await;
    parts.count("cola", 1).await;
    let service = parts.run_by(counted(), &Health::of("fulfilment"));
    parts.emit(&of("o-1", &[("margherita", 1), ("cola", 2)])).await;
    parts.statuses.until("rejected: out of stock: cola", 1).await;
    assert_eq!(parts.stock("margherita").await, (3, 0, 0));
    // Two lines of one product count together.
    parts.emit(&of("o-2", &[("margherita", 2), ("margherita", 2)])).await;
    parts.statuses.until("rejected: out of stock: margherita", 1).await;

    parts.emit(&of("o-3", &[("margherita", 2), ("margherita", 1), ("cola", 1)])).await;
    parts.statuses.until("ready", 1).await;
    assert_eq!(parts.stock("margherita").await, (3, 3, 0));
    parts.emit(&collected("o-3")).await;
    parts.statuses.until("completed", 1).await;
    service.stop().await;
    assert_eq!(parts.stock("margherita").await, (0, 0, 3));
    assert_eq!(parts.stock("cola").await, (0, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_was_never_counted_is_not_there() {
    let parts = Parts::start(2).await;
    parts.count("margherita", 3).await;
    let service = parts.run_by(counted(), &Health::of("fulfilment"));
    parts.emit(&of("o-1", &[("unheard-of", 1)])).await;
    parts.emit(&of("o-2", &[("margherita", 1)])).await;
    parts.statuses.until("rejected: out of stock: unheard-of", 1).await;
    parts.statuses.until("ready", 1).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_was_acknowledged_before_the_order_counts_for_it() {
    let parts = Parts::start(3).await;
    let service = parts.run_by(counted(), &Health::of("fulfilment"));
    for i in 0..60 {
        let sku = format!("sku-{i}");
        parts.count(&sku, 1).await;
        parts.emit(&of(&format!("o-{i}"), &[(&sku, 1)])).await;
    }
    parts.statuses.until("ready", 60).await;
    service.stop().await;
    assert!(parts.statuses.all().iter().all(|told| !told.step.starts_with("rejected")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_race_for_fifty_pieces_and_fifty_are_sold() {
    race(Parts::start(4).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_race_for_fifty_pieces_on_postgres_and_fifty_are_sold() {
    let test = "stocking::two_hundred_orders_race_for_fifty_pieces_on_postgres_and_fifty_are_sold";
    if let Some(parts) = Parts::start_on_postgres(test, 4).await {
        race(parts).await;
    }
}

/// By the members of two services in this process, one of which is aborted at each round's end; a third
/// of the orders come again. Processes are killed in `tests/real/raced.rs`.
async fn race(parts: Parts) {
    const ORDERS: usize = 200;
    parts.count("last", 50).await;
    let steady = parts.run_by(counted(), &Health::of("fulfilment"));
    for round in 0..4 {
        let killed = parts.run_by(counted(), &Health::of("fulfilment"));
        for i in (0..ORDERS).skip(round).step_by(4) {
            let order = of(&format!("o-{i}"), &[("last", 1)]);
            let meta = parts.emit(&order).await;
            if i % 3 == 0 {
                parts.emit_as(&order, &meta).await;
                parts.emit(&order).await;
            }
        }
        parts.statuses.until("confirmed", (round + 1) * 10).await;
        killed.kill().await;
    }
    parts.statuses.until("ready", 50).await;
    parts.statuses.until("rejected: out of stock: last", ORDERS - 50).await;
    for told in parts.statuses.all().iter().filter(|told| told.step == "ready") {
        parts.emit(&collected(&told.order_id)).await;
    }
    parts.statuses.until("completed", 50).await;
    steady.stop().await;
    for i in 0..ORDERS {
        parts.statuses.steps(&format!("o-{i}"));
    }
    assert_eq!(parts.stock("last").await, (0, 0, 50));
}
