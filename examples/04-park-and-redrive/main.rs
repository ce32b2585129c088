//! A key that can't be done is parked: what follows it follows it, others go on, and a redrive brings
//! all of it back in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use orderly_examples::{CupOrdered, Place, Result, Running, cup};
use orderly_sdk::{
    Config,
    consume::{
        Consumer, Context, Failure, Handler, Parked, RetryPolicy, parked_keys, request_redrive,
    },
};
use tokio::sync::mpsc;

struct Barista {
    has_milk: Arc<AtomicBool>,
    served: mpsc::Sender<CupOrdered>,
}

impl Handler<CupOrdered> for Barista {
    async fn handle(&self, _: &mut Context<'_>, cup: CupOrdered) -> Result<(), Failure> {
        if cup.drink == "latte" && !self.has_milk.load(Ordering::Relaxed) {
            return Err(Failure::retry("no milk"));
        }
        println!("{} for {}", cup.drink, cup.table);
        self.served.send(cup).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let place = Place::find("baristas").await?;
    let emitter = place.emitter().await?;
    for (table, drink) in
        [("table-1", "latte"), ("table-2", "tea"), ("table-1", "espresso"), ("table-2", "water")]
    {
        emitter.emit(&cup(table, drink)).await?;
    }
    let (served, mut cups) = mpsc::channel(4);
    let has_milk = Arc::new(AtomicBool::new(false));
    let first_backoff = Duration::from_millis(20);
    let consumer = Consumer::new("baristas", &place.config)
        .retrying(RetryPolicy { attempts: 3, first_backoff, ..RetryPolicy::default() })
        .on::<CupOrdered>(Barista { has_milk: Arc::clone(&has_milk), served });
    let barista = Running::start(consumer);
    for _ in 0..2 {
        cups.recv().await; // the other table's
    }

    // What `orderly dlq ls baristas` shows, and `orderly dlq redrive baristas --key table-1 --execute` does.
    let parked = until_parked(&place.config).await?;
    let key = String::from_utf8_lossy(&parked.key).into_owned();
    println!("{key} is parked at {} since offset {}: {}", parked.at, parked.next, parked.error);
    has_milk.store(true, Ordering::Relaxed);
    request_redrive(&place.config, "baristas", &parked).await?;
    barista.leave_after(async { drop((cups.recv().await, cups.recv().await)) }).await
}

async fn until_parked(config: &Config) -> Result<Parked> {
    loop {
        if let Some(parked) = parked_keys(config, "baristas").await?.pop() {
            return Ok(parked);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
