//! 200 orders race for 50 pieces at `orderly run fulfilment`, which is killed with -9 while it takes
//! them; some come twice. 50 are confirmed and 150 rejected, each once, and every piece is held once.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use fulfilment::{Books, KeptStock};
use orderly_harness::need;
use orderly_schemas::{
    OrderConfirmed, OrderLine, OrderPlaced, OrderRejected, StockCounted, order_status, orders,
};
use orderly_sdk::{
    Config, Meta,
    codec::{Encoders, Registry},
    consume::read_event,
    emit::{EmitSettings, Emitter},
    event_set,
    kafka::Probe,
};
use orderly_stores::{Database, Outbox};
use orderly_tests::{
    eventually,
    leftovers::records,
    services::{RealParts, Services, binary},
};

use crate::parts::one_broker;

const ORDERS: usize = 200;
const PIECES: u8 = 50;
const SKU: &str = "last";
/// Kills, and the orders around each: half of them before the process is stopped, which then does none
/// of the others.
const KILLS: usize = 3;
const WAVE: usize = 40;
/// A commit that got lost is only repeated with the next record: nobody waits longer for it.
const LATE_COMMITS: Duration = Duration::from_secs(10);

type Order = (OrderPlaced, Meta);

event_set! {
    /// What is decided of an order.
    enum Decided { OrderConfirmed, OrderRejected }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_are_confirmed_by_two_processes_on_postgres_that_are_killed() {
    let parts = need!(one_broker("raced-postgres.").await);
    race(&parts, parts.database_url(), &["fulfilment", "fulfilment-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_are_confirmed_by_a_process_on_sqlite_that_is_killed() {
    let parts = need!(one_broker("raced-sqlite.").await);
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("fulfilment.db").display());
    race(&parts, &url, &["fulfilment"]).await;
}

async fn race(parts: &RealParts, url: &str, processes: &[&str]) {
    parts.apply().await;
    let services = start(parts, url, processes).await;
    let database = Database::open(url).unwrap();
    let config = parts.config();
    let emitter = emitter(&config).await;
    let counted = StockCounted { sku: SKU.into(), on_hand: PIECES.into() };
    emitter.emit(&counted).await.unwrap();
    let orders: Vec<Order> = (0..ORDERS).map(|n| (order(n), Meta::new(&"race".into()))).collect();
    let (waves, rest) = orders.split_at(KILLS * WAVE);
    for (wave, victim) in waves.chunks(WAVE).zip(processes.iter().cycle()) {
        for process in processes {
            services.shares(process).await;
        }
        kill(victim, wave, &services, &emitter, &database).await;
        emit(&emitter, &again(wave)).await;
    }
    emit(&emitter, rest).await;
    emit(&emitter, &again(rest)).await;

    let all = || async { (decided(&database, &orders).await == ORDERS).then_some(()) };
    eventually("every order is decided", all).await;
    until_told(&config, &database).await;
    let told = told(&config).await;
    let once = |(order, _): &Order| told.get(&order.order_id).is_some_and(|told| told.len() == 1);
    assert!(orders.iter().all(once) && told.len() == ORDERS, "{told:?}");
    let confirmed = told.values().flatten().filter(|is_confirmed| **is_confirmed).count();
    assert_eq!(confirmed, usize::from(PIECES), "{told:?}");
    let books = Books::of(&database);
    let pieces = i64::from(PIECES);
    let all_held = KeptStock { sku: SKU.into(), on_hand: pieces, held: pieces, sold: 0 };
    assert_eq!(books.stock_among(&[SKU]).await.unwrap(), [all_held]);
    let by_nobody = books.held_by_nobody().await.unwrap();
    assert!(by_nobody.is_empty(), "{by_nobody:?}");
}

/// Fulfilment by these names, and the relay of its database.
async fn start(parts: &RealParts, url: &str, processes: &[&str]) -> Services {
    let mut services = Services { running: BTreeMap::new() };
    let variables = [("DATABASE_URL".to_owned(), url.to_owned())];
    for process in processes {
        services.add(process, "fulfilment", parts, &binary(), &variables);
    }
    services.add("outbox-relay", "outbox-relay", parts, &binary(), &variables);
    for name in services.running.keys() {
        services.ready(name).await;
    }
    services
}

/// Stops the process when some of the wave's first half are decided, so that it has orders in hand;
/// kills it when the other half has come, too, and starts it anew.
async fn kill(
    victim: &str,
    wave: &[Order],
    services: &Services,
    emitter: &Emitter,
    database: &Database,
) {
    let program = services.get(victim);
    let (first, second) = wave.split_at(WAVE / 2);
    let stopped = async {
        let some = || async { (decided(database, first).await > 0).then_some(()) };
        eventually("some orders are decided", some).await;
        program.pause().unwrap();
    };
    tokio::join!(emit(emitter, first), stopped);
    let before = decided(database, first).await;
    emit(emitter, second).await;
    let left = WAVE - decided(database, wave).await;
    println!(
        "{victim} stopped with {before} of {} orders decided, killed with {left} of {WAVE} left",
        first.len()
    );
    assert!(left > 0, "{victim}: the kill hit nothing");
    program.kill().await.unwrap();
    program.start_again().unwrap();
}

/// How many of these orders are decided.
async fn decided(database: &Database, orders: &[Order]) -> usize {
    let rows = database.query("SELECT order_id FROM fulfilment_orders", &[]).await.unwrap();
    let decided: HashSet<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    orders.iter().filter(|(order, _)| decided.contains(&order.order_id)).count()
}

/// Every record is done, and nothing waits to be told of it.
async fn until_told(config: &Config, database: &Database) {
    let probe = Probe::of_group(config, fulfilment::NAME).unwrap();
    let since = Instant::now();
    let is_done = || async {
        let lags = probe.lag(&[orders::TOPIC]).await.ok()?;
        let is_done = lags.iter().all(|lag| lag.records() == 0);
        (is_done || since.elapsed() > LATE_COMMITS).then_some(())
    };
    eventually("every record is done", is_done).await;
    let outbox = Outbox::new(database.clone());
    let is_told = || async { outbox.is_empty().await.unwrap().then_some(()) };
    eventually("everything is told", is_told).await;
}

/// By order, what `order-status` says, each event once: whether it is confirmed, or rejected.
async fn told(config: &Config) -> BTreeMap<String, Vec<bool>> {
    let registry = Registry::new(config).unwrap();
    let mut told: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for record in records(config, &[order_status::TOPIC]).await {
        let read = read_event::<Decided>(&registry, &record).await.unwrap();
        let Some(received) = read.filter(|received| seen.insert(received.meta.id)) else {
            continue;
        };
        let (order_id, is_confirmed) = match received.event {
            Decided::OrderConfirmed(event) => (event.order_id, true),
            Decided::OrderRejected(event) => (event.order_id, false),
        };
        told.entry(order_id).or_default().push(is_confirmed);
    }
    told
}

async fn emitter(config: &Config) -> Emitter {
    let registry = Registry::new(config).unwrap();
    let declared = Encoders::of("race").event::<OrderPlaced>().event::<StockCounted>();
    let encoders = declared.register(config, &registry).await.unwrap();
    Emitter::connect(config, encoders, EmitSettings::default()).await.unwrap()
}

/// All of them at once.
async fn emit(emitter: &Emitter, orders: &[Order]) {
    let mut under_way = Vec::new();
    for (order, meta) in orders {
        under_way.push(emitter.send(order, meta).await.unwrap());
    }
    for pending in under_way {
        pending.await.unwrap();
    }
}

/// Every third comes a second time, as the same event.
fn again(orders: &[Order]) -> Vec<Order> {
    orders.iter().step_by(3).cloned().collect()
}

fn order(number: usize) -> OrderPlaced {
    let line = OrderLine {
        sku: SKU.into(),
        name: None,
        category: None,
        quantity: 1,
        unit_price: "8.5000".parse().unwrap(),
    };
    OrderPlaced {
        order_id: format!("race-{number}"),
        user_id: None,
        currency: "EUR".into(),
        lines: vec![line],
        total: "8.50".parse().unwrap(),
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    }
}
