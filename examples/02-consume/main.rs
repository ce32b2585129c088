//! Keys side by side, each in order: a slow table delays only itself.

use std::time::Duration;

use orderly_examples::{CupOrdered, Place, Result, Running, cup};
use orderly_sdk::consume::{Consumer, Context, Failure, Handler};
use tokio::sync::mpsc;

struct Barista {
    served: mpsc::Sender<CupOrdered>,
}

impl Handler<CupOrdered> for Barista {
    async fn handle(&self, cx: &mut Context<'_>, cup: CupOrdered) -> Result<(), Failure> {
        if cup.drink == "pour-over" {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        println!("{} for {}, ordered at {}", cup.drink, cup.table, cx.at());
        self.served.send(cup).await?; // an error by `?` is tried again
        Ok(()) // only now may the offset move
    }
}

#[tokio::main]
async fn main() -> Result {
    let place = Place::find("baristas").await?;
    let emitter = place.emitter().await?;
    for drink in ["pour-over", "espresso"] {
        emitter.emit(&cup("table-1", drink)).await?;
    }
    for drink in ["tea", "water"] {
        emitter.emit(&cup("table-2", drink)).await?;
    }
    let (served, mut cups) = mpsc::channel(4);
    let barista = Running::start(
        Consumer::new("baristas", &place.config).on::<CupOrdered>(Barista { served }),
    );
    let all = async {
        for _ in 0..4 {
            cups.recv().await;
        }
    };
    barista.leave_after(all).await
}
