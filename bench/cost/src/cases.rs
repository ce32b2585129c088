//! What is counted, each with so many records.

use std::{collections::VecDeque, error::Error, hint::black_box, sync::Arc, time::Duration};

use orderly_core::{
    Assignment, Beginning, Bounds, Core, Lane, Record, Report, RetryPolicy, RunEnd, Settings,
};
use orderly_schemas::{OrderLine, OrderPlaced};
use orderly_sdk::{
    Config, Event as _, Meta,
    codec::{Encoders, Registry, Schema, frame},
    consume::{Consumer, Context, Failure, Handler},
    emit::{EmitSettings, Emitter},
    kafka::EmbeddedBroker,
};
use orderly_testkit::EmbeddedRegistry;
use rust_decimal::Decimal;
use tokio::sync::Semaphore;

/// Orders have so many lines, which makes about half a KiB.
const LINES: usize = 6;
/// As many as a member takes from the client library at once.
const ROUND: u32 = 500;
const KEYS: u32 = 1_000;
const PARTITIONS: i32 = 12;
/// Longest that a run may take: valgrind is fifty times slower than a processor.
const PATIENCE: Duration = Duration::from_secs(300);

/// Does a case with so many records.
pub(crate) fn run(case: &str, records: u32) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match case {
        "decide" => decide(records),
        "encode" => runtime.block_on(encode(records)),
        "decode" => decode(records),
        "trip" => runtime.block_on(async { tokio::time::timeout(PATIENCE, trip(records)).await? }),
        other => Err(format!("no case {other}: decide, encode, decode or trip").into()),
    }
}

struct Item {
    offset: i64,
    key: [u8; 4],
}

impl Record for Item {
    fn offset(&self) -> i64 {
        self.offset
    }

    fn key(&self) -> Option<&[u8]> {
        Some(&self.key)
    }

    fn size(&self) -> usize {
        512
    }
}

/// The core alone: records come, go out key by key, are reported, and committed after each round.
fn decide(records: u32) -> Result<(), Box<dyn Error>> {
    let bounds = Bounds { concurrency: 100, records: 10_000, bytes: 16 << 20, span: 100_000 };
    let retry = RetryPolicy::default();
    let mut core = Core::new(Settings { bounds, retry, most_parked: 1_000, batch: None }, 7);
    let assignment = core.assign(Beginning::default());
    let mut done = 0;
    for first in (0..records).step_by(ROUND as usize) {
        let round = first..records.min(first + ROUND);
        core.deliver(assignment, round.map(item));
        while let Some(unit) = core.next_unit(32) {
            for run in unit.runs {
                done += run.records.len();
                core.report(whole(assignment, run.lane, &run.records));
            }
        }
        for commit in core.to_commit() {
            core.committed(&commit);
        }
    }
    match done == records as usize && core.backlog(assignment) == 0 {
        true => Ok(()),
        false => Err(format!("{done} of {records} records were done").into()),
    }
}

fn item(number: u32) -> Item {
    Item { offset: i64::from(number), key: (number * 7 % KEYS).to_le_bytes() }
}

fn whole(assignment: Assignment, lane: Lane, records: &VecDeque<Item>) -> Report<Item> {
    let end = RunEnd { lane, done: records.len(), left: VecDeque::new(), failed: None };
    Report {
        done: records.iter().map(Record::offset).collect(),
        bytes: records.iter().map(Record::size).sum(),
        runs: vec![end],
        ..Report::of(assignment)
    }
}

/// Events to records: value, headers, key.
async fn encode(records: u32) -> Result<(), Box<dyn Error>> {
    let registry = EmbeddedRegistry::start([]).await?;
    let encoders = encoders(&Config::new("none:9092", registry.url())).await?;
    for number in 0..records {
        black_box(encoders.record(&order(number), &Meta::new(encoders.source()))?);
    }
    Ok(())
}

/// A record's value to an event.
fn decode(records: u32) -> Result<(), Box<dyn Error>> {
    let schema = Schema::parse(OrderPlaced::SCHEMA)?;
    let mut value = vec![0, 0, 0, 0, 1];
    schema.encode(&order(7), &mut value)?;
    for _ in 0..records {
        let (_, datum) = frame::split(black_box(&value))?;
        black_box(schema.decode::<OrderPlaced>(datum)?);
    }
    Ok(())
}

/// All of it: emitted and acknowledged, consumed by a handler that does nothing, and committed. The
/// broker is in the process, and counted.
async fn trip(records: u32) -> Result<(), Box<dyn Error>> {
    let topic = OrderPlaced::TOPIC;
    let broker = EmbeddedBroker::start([
        (topic, PARTITIONS),
        ("cost.dead-letters", PARTITIONS),
        ("cost.parked", PARTITIONS),
    ])?;
    let registry = EmbeddedRegistry::start([]).await?;
    let config = broker.config(&registry.url());
    let settings = EmitSettings { linger: Duration::from_millis(5), ..EmitSettings::default() };
    let emitter = Emitter::connect(&config, encoders(&config).await?, settings).await?;
    let mut pending = VecDeque::new();
    for number in 0..records {
        let meta = Meta::new(emitter.encoders().source());
        pending.push_back(emitter.send(&order(number), &meta).await?);
        if pending.len() == ROUND as usize {
            for pending in pending.drain(..) {
                pending.await?;
            }
        }
    }
    for pending in pending {
        pending.await?;
    }
    let done = Arc::new(Semaphore::new(0));
    let consumer = Consumer::new("cost", &config).on::<OrderPlaced>(Nothing(Arc::clone(&done)));
    consumer.run_until(async move { drop(done.acquire_many(records).await) }).await?;
    Ok(())
}

struct Nothing(Arc<Semaphore>);

impl Handler<OrderPlaced> for Nothing {
    async fn handle(&self, _: &mut Context<'_>, order: OrderPlaced) -> Result<(), Failure> {
        black_box(order);
        self.0.add_permits(1);
        Ok(())
    }
}

async fn encoders(config: &Config) -> Result<Encoders, Box<dyn Error>> {
    let declared = Encoders::of("cost").event::<OrderPlaced>();
    Ok(declared.register(config, &Registry::new(config)?).await?)
}

fn order(number: u32) -> OrderPlaced {
    let line = |line: usize| OrderLine {
        sku: format!("SKU-{line:04}"),
        name: Some("a thing of some use".into()),
        category: None,
        quantity: 2,
        unit_price: Decimal::new(125_000, 4),
    };
    OrderPlaced {
        order_id: format!("order-{:07}", number * 7 % KEYS),
        user_id: Some("somebody@somewhere".into()),
        currency: "EUR".into(),
        lines: (0..LINES).map(line).collect(),
        total: Decimal::new(15_000, 2),
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    }
}
