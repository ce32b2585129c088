//! Orders confirmed, stock held for each, on Postgres with one, two and four members, against the same
//! statements run by pgbench on as many connections.

mod captured;
mod ours;
mod pgbench;

use std::sync::Arc;

use orderly_harness::Postgres;

use crate::{
    Error,
    args::Args,
    broker::Broker,
    orders::PRODUCTS,
    report::{Case, Report},
    run::{Run, Side},
};

/// Orders of a round.
const ORDERS: u64 = 20_000;
/// Orders of which a whole batch is taken for pgbench.
const ORDERS_CAPTURED: u64 = 2_000;
const MEMBERS: [usize; 3] = [1, 2, 4];
/// What is executed is written to a file that the server itself can be asked for.
const LOGGING: [(&str, &str); 4] = [
    ("logging_collector", "on"),
    ("log_destination", "jsonlog"),
    ("log_filename", "statements.log"),
    ("log_rotation_size", "0"),
];

/// What both sides work on.
#[derive(Clone)]
struct Job {
    broker: Arc<Broker>,
    postgres: Arc<Postgres>,
}

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    let postgres = Postgres::start_with(&LOGGING).await;
    let postgres = postgres.map_err(|why| format!("no Postgres: {why}"))?;
    let job = Job { broker: Arc::new(broker), postgres: Arc::new(postgres) };
    run.report
        .under("orders", format!("{ORDERS}, of 2 of {PRODUCTS} products each, stock counted"));
    run.report.under("postgres", "on this machine, fsync off; a new database for each round");
    run.report.under("ours", "the service in this process; from the first order seen to the last");

    eprintln!("taking a batch's statements from the server's log");
    let batch = Arc::new(captured::batch(&job).await?);
    let (statements, orders) = (batch.statements.len(), batch.orders);
    run.report.under(
        "the limit",
        format!("pgbench: {statements} statements, as a transaction of {orders} orders has them"),
    );
    for members in MEMBERS {
        let name = match members {
            1 => "1 member".to_owned(),
            more => format!("{more} members"),
        };
        if !args.wants(&name) {
            continue;
        }
        let ours = {
            let job = job.clone();
            Side::new("ours", move |round| {
                let prefix = format!("at-{members}-{round}");
                ours::round(job.clone(), prefix, members)
            })
        };
        let limit = {
            let (job, batch) = (job.clone(), Arc::clone(&batch));
            Side::new("pgbench", move |_| pgbench::round(job.clone(), Arc::clone(&batch), members))
        };
        let rounds = run.turns(&name, vec![ours, limit]).await?;
        let case = Case::of_rates(&name, &rounds[0], &rounds[1]);
        run.report.cases.push(Case { unit: "orders/s", ..case });
    }
    run.end()
}
