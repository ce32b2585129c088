//! A typed event, and what may become of it.

use orderly_examples::{Place, Result, cup};
use orderly_sdk::emit::EmitError;

#[tokio::main]
async fn main() -> Result {
    let place = Place::find("nobody").await?;
    let emitter = place.emitter().await?;
    match emitter.emit(&cup("table-1", "espresso")).await {
        // Acknowledged by all in-sync replicas.
        Ok(receipt) => println!("written at {} as event {}", receipt.at, receipt.event_id),
        // Surely not in the topic: it may be forgotten, or emitted as a new event.
        Err(EmitError::NotWritten(why)) => println!("not written: {why}"),
        // Perhaps in the topic: emitted again under the same id, readers know the repeat.
        Err(EmitError::Unknown(why)) => println!("nobody knows: {why}"),
    }
    Ok(())
}
