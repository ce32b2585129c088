//! The limit: a captured transaction, again and again, by pgbench. Each of its statements is prepared
//! once a connection, as ours are, and every id is new each time.

use std::{fmt::Write as _, process::Command, sync::Arc, time::Duration};

use fulfilment::Books;
use orderly_harness::TestDatabase;
use orderly_stores::{Database, Inbox, Positions};

use super::{
    Job,
    captured::{Batch, uuids},
};
use crate::{
    Error,
    peers::output,
    postgres::{connect, database},
    round::Round,
};

const SECONDS: u64 = 6;
const PATIENCE: Duration = Duration::from_secs(SECONDS + 60);
/// An id's first digits, which a variable takes the place of: eight decimal ones.
const REPLACED: usize = 8;

/// One round on a database of its own.
pub(super) async fn round(job: Job, batch: Arc<Batch>, members: usize) -> Result<Round, Error> {
    let database = database(&job.postgres).await?;
    let opened = Database::open(database.url())?;
    Books::open(&opened).await?;
    Inbox::new(opened.clone()).prepare().await?;
    Positions::new(opened, "bench").prepare().await?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("batch.sql");
    std::fs::write(&file, script(&batch)?)?;
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["-n", "-M", "simple", "-D", "n=0", "-T", &SECONDS.to_string()]);
    pgbench.args(["-c", &members.to_string(), "-f"]).arg(&file);
    at(&mut pgbench, &database)?;
    let told = output(pgbench, PATIENCE).await?;
    let (transactions, rate) =
        (number(&told, "number of transactions actually processed: ")?, number(&told, "tps = ")?);
    check(&database, transactions, &batch).await?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let records = transactions as u64 * batch.orders;
    Ok(Round { records, seconds: transactions / rate, is_cut: false })
}

/// What pgbench runs. The n-th transaction of a connection begins every id with a number of its own.
fn script(batch: &Batch) -> Result<String, Error> {
    let mut script = String::from("\\set n :n + 1\n\\if :n = 1\n");
    for (number, statement) in batch.statements.iter().enumerate() {
        writeln!(script, "PREPARE q{number} AS {};", statement.sql.trim().trim_end_matches(';'))?;
    }
    script.push_str("\\endif\n\\set t 10000000 + :client_id * 20000000 + :n\nBEGIN;\n");
    for (number, statement) in batch.statements.iter().enumerate() {
        let given: Vec<_> = statement.parameters.iter().map(|it| with_new_ids(it)).collect();
        match given.join(", ") {
            none if none.is_empty() => writeln!(script, "EXECUTE q{number};")?,
            given => writeln!(script, "EXECUTE q{number}({given});")?,
        }
    }
    script.push_str("COMMIT;\n");
    Ok(script)
}

fn with_new_ids(literal: &str) -> String {
    let (mut text, mut from) = (String::with_capacity(literal.len()), 0);
    for (at, _) in uuids(literal) {
        text.push_str(&literal[from..at]);
        text.push_str(":t");
        from = at + REPLACED;
    }
    text.push_str(&literal[from..]);
    text
}

/// The password goes by the environment: an argument would show it.
fn at(pgbench: &mut Command, database: &TestDatabase) -> Result<(), Error> {
    let url = reqwest::Url::parse(database.url())?;
    let host = url.host_str().ok_or("a database without a host")?;
    pgbench.args(["-h", host, "-U", url.username(), database.name()]);
    pgbench.env("PGPORT", url.port().unwrap_or(5432).to_string());
    pgbench.env("PGPASSWORD", url.password().unwrap_or_default());
    Ok(())
}

fn number(told: &str, name: &str) -> Result<f64, Error> {
    let rest = told.lines().find_map(|line| line.strip_prefix(name));
    let word = rest.and_then(|rest| rest.split([' ', '/']).next());
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("pgbench says no `{name}`").into())
}

/// Every order of every transaction is there: none failed, none repeated another.
async fn check(database: &TestDatabase, transactions: f64, batch: &Batch) -> Result<(), Error> {
    let client = connect(database).await?;
    let kept: i64 =
        client.query_one("SELECT count(*) FROM fulfilment_orders", &[]).await?.try_get(0)?;
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let (kept, expected) = (kept as f64, transactions * batch.orders as f64);
    if (kept - expected).abs() < 1.0 {
        return Ok(());
    }
    Err(format!("pgbench ran {transactions} transactions, {kept} orders are there").into())
}
