//! Our side: the fulfilment service itself, in this process, into a database of its own.

use std::{sync::Arc, time::Duration};

use fulfilment::{Rules, Settings};
use fulfilment_payment::Simulated;
use orderly_harness::TestDatabase;
use orderly_schemas::{OrderConfirmed, OrderPlaced, StockCounted};
use orderly_sdk::{Config, Event as _, Health};
use orderly_stores::Database;
use tokio_util::sync::CancellationToken;

use super::{Job, ORDERS};
use crate::{
    Error, broker,
    load::Loader,
    orders::{self, PRODUCTS},
    postgres::{connect, database, until_all},
    round::Round,
};

const PARTITIONS: i32 = 12;
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(90);
/// Some milliseconds' work each.
const STOCKED: (&str, Duration) =
    ("SELECT count(*) FROM fulfilment_stock", Duration::from_millis(100));
const CONFIRMED: (&str, Duration) = (
    "SELECT count(*) FROM fulfilment_orders WHERE state = 'confirmed'",
    Duration::from_millis(100),
);

/// One round, on topics of its own.
pub(super) async fn round(job: Job, prefix: String, members: usize) -> Result<Round, Error> {
    let database = database(&job.postgres).await?;
    confirm(&job, &prefix, &database, members, ORDERS).await
}

/// Confirms so many orders into that database.
pub(super) async fn confirm(
    job: &Job,
    prefix: &str,
    database: &TestDatabase,
    members: usize,
    orders: u64,
) -> Result<Round, Error> {
    let config = job.broker.config(prefix);
    let topics = [OrderPlaced::TOPIC, OrderConfirmed::TOPIC, StockCounted::TOPIC];
    broker::create(&config, &topics.map(ToOwned::to_owned), PARTITIONS).await?;
    broker::create_group(&config, "fulfilment", PARTITIONS).await?;
    let encoders = broker::register(&config, orders::declared()).await?;
    let stocking = Loader::new(&config, encoders.clone(), "1")?;
    let counted = orders::send_stock(&stocking)?;
    stocking.finish(counted)?;
    let stop = CancellationToken::new();
    let running =
        tokio::spawn(fulfilment::run(settings(&config, database, members).await?, stop.clone()));
    let client = connect(database).await?;
    let confirmed = async {
        until_all(&client, STOCKED, PRODUCTS, LIMIT).await?;
        let loader = Loader::new(&config, encoders, "5")?;
        let sending = tokio::task::spawn_blocking(move || {
            (0..orders).try_for_each(|number| loader.send(&orders::placed(number)))?;
            loader.finish(orders)
        });
        let round = until_all(&client, CONFIRMED, orders, LIMIT).await?;
        sending.await??;
        Ok::<_, Error>(round)
    };
    let round = confirmed.await;
    stop.cancel();
    running.await??;
    let round = round?;
    if !round.is_cut {
        check(&client, orders).await?;
    }
    Ok(round)
}

/// An order that is confirmed and waits: nothing else is measured.
async fn settings(
    config: &Config,
    database: &TestDatabase,
    members: usize,
) -> Result<Settings, Error> {
    let database = Database::open(database.url())?;
    let hour = Duration::from_secs(3_600);
    Ok(Settings {
        config: config.clone(),
        provider: Arc::new(Simulated::open(database.clone()).await?),
        database,
        members,
        rules: Rules { cancel_within: hour, ..Rules::new("prep=1h".parse()?) },
        health: Health::of("fulfilment"),
    })
}

/// Two pieces of two products each are held for every order, once.
async fn check(client: &tokio_postgres::Client, orders: u64) -> Result<(), Error> {
    let held = "SELECT sum(held)::bigint, (SELECT count(*) FROM outbox) FROM fulfilment_stock";
    let row = client.query_one(held, &[]).await?;
    let (held, told): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if (u64::try_from(held)?, u64::try_from(told)?) == (4 * orders, orders) {
        return Ok(());
    }
    Err(format!("of {orders} orders, {held} pieces are held and {told} statuses told").into())
}
