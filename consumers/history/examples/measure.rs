#![allow(missing_docs, clippy::all)]
use std::{sync::Arc, time::Instant};
use history::{Happened, ReadModel, fold};
use orderly_schemas::*;
use orderly_sdk::{EventId, Meta, consume::{Begun, Received, Scope, Unit}, record::{Coordinates, TopicPartition}};
use orderly_stores::{Database, Positions};

fn recv(event: Happened, topic: &Arc<str>, offset: i64) -> Received<Happened> {
    let source: Arc<str> = "m".into();
    Received { event, meta: Meta::new(&source), at: Coordinates { partition: TopicPartition { topic: topic.clone(), partition: 0 }, offset } }
}

async fn run(db: &Database, member: &Positions, topic: &str, events: &[Received<Happened>]) -> f64 {
    let at = TopicPartition { topic: topic.into(), partition: 0 };
    let _ = db;
    let begun = Instant::now();
    let mut first = 0;
    for batch in events.chunks(500) {
        let ids: Vec<EventId> = batch.iter().map(|e| e.meta.id).collect();
        let next = first + batch.len() as i64;
        let unit = Unit { group: "history", partition: &at, first, next, events: &ids };
        let Ok(Begun::Fresh(mut tx)) = member.begin(&unit).await else { panic!() };
        fold(&mut tx, batch).await.unwrap();
        member.commit(tx, &unit, vec![]).await.unwrap();
        first = next;
    }
    begun.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    for n in [20_000usize, 100_000] {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::open(&format!("sqlite:{}/h.db", dir.path().display())).unwrap();
        let history = ReadModel::open(&db).await.unwrap();
        let member = Positions::new(db.clone(), "c");
        member.prepare().await.unwrap();
        for topic in ["orders", "order-status"] {
            member.start("history", &TopicPartition { topic: topic.into(), partition: 0 }).await.unwrap();
        }
        let orders: Arc<str> = "orders".into();
        let status: Arc<str> = "order-status".into();
        let ids: Vec<String> = (0..n).map(|_| EventId::new().to_string()).collect();
        let placed: Vec<_> = ids.iter().enumerate().map(|(i, id)| recv(Happened::OrderPlaced(OrderPlaced {
            order_id: id.clone(), user_id: Some(format!("u{}", i % 5_000)), currency: "EUR".into(), total: "12.30".parse().unwrap(),
            lines: (0..3).map(|l| OrderLine { sku: format!("sku-{l}"), name: Some("Margherita".into()), quantity: 1, unit_price: "4.1000".parse().unwrap() }).collect(),
        }), &orders, i as i64)).collect();
        let mut statuses = Vec::new();
        let caused_by = EventId::new().to_string();
        for chunk in ids.chunks(200) {
            for s in 1..=9i64 {
                for id in chunk {
                    let (order_id, sequence, caused_by, stage) = (id.clone(), s, caused_by.clone(), "Bake".to_owned());
                    let e = match s {
                        1 => Happened::OrderConfirmed(OrderConfirmed { order_id, sequence, caused_by, ready_at: None }),
                        2 | 4 | 6 => Happened::StageStarted(StageStarted { order_id, sequence, caused_by, stage, ends_at: chrono::Utc::now() }),
                        3 | 5 | 7 => Happened::StageCompleted(StageCompleted { order_id, sequence, caused_by, stage }),
                        8 => Happened::ReadyForPickup(ReadyForPickup { order_id, sequence, caused_by }),
                        _ => Happened::OrderCompleted(OrderCompleted { order_id, sequence, caused_by }),
                    };
                    let offset = statuses.len() as i64;
                    statuses.push(recv(e, &status, offset));
                }
            }
        }
        let a = run(&db, &member, "orders", &placed).await;
        let b = run(&db, &member, "order-status", &statuses).await;
        println!("{n} orders (3 lines): {:.0} orders/s; {} statuses: {:.0} events/s; together {:.0} events/s, {:.0} orders/s", n as f64 / a, statuses.len(), statuses.len() as f64 / b, (n + statuses.len()) as f64 / (a + b), n as f64 / (a + b));
        let t = Instant::now(); let c = history.counts().await.unwrap(); println!("counts {c:?} {:?}", t.elapsed());
        let t = Instant::now(); let c = history.sales().await.unwrap(); println!("sales {c:?} {:?}", t.elapsed());
        let t = Instant::now(); history.user_orders("u7", None, 20).await.unwrap(); println!("list {:?}", t.elapsed());
        let t = Instant::now(); history.order(&ids[n / 2]).await.unwrap().unwrap(); println!("order {:?}", t.elapsed());
        let plan = db.query("EXPLAIN QUERY PLAN SELECT order_id FROM history_orders WHERE user_id = $1 AND (placed_at, order_id) < ($2, $3) ORDER BY placed_at DESC, order_id DESC LIMIT $4", &["u".into(), 1i64.into(), "".into(), 5i64.into()]).await.unwrap();
        println!("{plan:?}");
    }
}
