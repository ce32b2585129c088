//! Many events at a time. One that is refused is cut out of its batch.

use std::sync::atomic::{AtomicUsize, Ordering};

use orderly_examples::{CupOrdered, Place, Result, Running, cup};
use orderly_sdk::{
    consume::{BatchContext, BatchHandler, Consumer, Exhausted, Failure, Received, RetryPolicy},
    event_set,
};
use tokio::sync::mpsc;

event_set! {
    /// What the till adds up.
    enum Sold { CupOrdered }
}

struct Till {
    count: AtomicUsize,
    added: mpsc::Sender<usize>,
}

impl BatchHandler<Sold> for Till {
    async fn handle(
        &self,
        _: &mut BatchContext<'_>,
        sold: &[Received<Sold>],
    ) -> Result<(), Failure> {
        for Received { event: Sold::CupOrdered(cup), .. } in sold {
            if cup.drink == "a unicorn" {
                return Err(Failure::reject("nobody sells that"));
            }
        }
        let count = self.count.fetch_add(sold.len(), Ordering::Relaxed) + sold.len();
        println!("{} at once, {count} in all", sold.len());
        self.added.send(count).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let place = Place::find("till").await?;
    let emitter = place.emitter().await?;
    for number in 0..30 {
        let drink = if number == 17 { "a unicorn" } else { "espresso" };
        emitter.emit(&cup(&format!("table-{}", number % 5), drink)).await?;
    }
    let (added, mut counts) = mpsc::channel(64);
    let till = Till { count: AtomicUsize::new(0), added };
    let consumer = Consumer::new("till", &place.config)
        // The refused one goes to the dead letters, and what follows it is done.
        .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
        .in_batches::<Sold>(till);
    let all = async { while counts.recv().await.is_some_and(|count| count < 29) {} };
    Running::start(consumer).leave_after(all).await
}
