//! Each cup that is ordered is billed once. What a handler emits and that its record is done become visible
//! together; a run that fails, also after it emitted, leaves nothing behind.

use std::sync::atomic::{AtomicBool, Ordering};

use orderly_examples::{CupOrdered, Place, Result, Running, cup};
use orderly_sdk::{
    Event,
    codec::{Encoders, Registry},
    consume::{Consumer, Context, ExactlyOnce, Failure, Handler, Transactional},
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// A cup is on a table's bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct CupBilled {
    table: String,
    drink: String,
}

impl Event for CupBilled {
    const TYPE: &'static str = "cafe.CupBilled";
    const TOPIC: &'static str = "bills";
    const SCHEMA: &'static str = r#"{"type": "record", "name": "CupBilled", "namespace": "cafe",
        "fields": [{"name": "table", "type": "string"}, {"name": "drink", "type": "string"}]}"#;

    fn key(&self) -> &str {
        &self.table
    }
}

#[derive(Default)]
struct Till {
    was_stuck: AtomicBool,
}

impl Handler<CupOrdered, Transactional> for Till {
    async fn handle(
        &self,
        cx: &mut Context<'_, Transactional>,
        cup: CupOrdered,
    ) -> Result<(), Failure> {
        let is_espresso = cup.drink == "espresso";
        cx.emit(&CupBilled { table: cup.table, drink: cup.drink })?;
        if is_espresso && !self.was_stuck.swap(true, Ordering::Relaxed) {
            println!("the till is stuck, after it billed");
            return Err(Failure::retry("stuck"));
        }
        Ok(())
    }
}

struct Bills(mpsc::Sender<()>);

impl Handler<CupBilled> for Bills {
    async fn handle(&self, _: &mut Context<'_>, bill: CupBilled) -> Result<(), Failure> {
        println!("bill: {} {}", bill.table, bill.drink);
        self.0.send(()).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let place =
        Place::with(&["cups", "bills", "readers.dead-letters", "readers.parked"], "till").await?;
    let emitter = place.emitter().await?;
    for (table, drink) in
        [("table-1", "espresso"), ("table-1", "latte"), ("table-2", "tea"), ("table-2", "water")]
    {
        emitter.emit(&cup(table, drink)).await?;
    }
    let registry = Registry::new(&place.config)?;
    let bills =
        Encoders::of("till").event::<CupBilled>().register(&place.config, &registry).await?;
    // Of several members, each has a name of its own, and keeps it.
    let till = Consumer::exactly_once("till", &place.config, ExactlyOnce::as_member("0"))
        .emitting(bills)
        .on::<CupOrdered>(Till::default());
    let till = Running::start(till);
    let (billed, mut all) = mpsc::channel(4);
    let readers = Consumer::new("readers", &place.config).on::<CupBilled>(Bills(billed));
    let readers = Running::start(readers);
    let read = readers.leave_after(async {
        for _ in 0..4 {
            all.recv().await;
        }
    });
    let mut is_read = Ok(());
    till.leave_after(async { is_read = read.await }).await?;
    is_read
}
