//! A member of a group that walks steps (`walk.rs`), as a process of its own: NAME DIRECTORY
//! [PROPERTY=VALUE …]. Leaves at SIGTERM.
#![allow(clippy::unwrap_used, reason = "its test shows what it ends with")]

use std::{env, path::Path, sync::Arc, time::Duration};

use orderly_sdk::{
    Config, OutRecord,
    consume::{Begun, Consumer, Context, Failure, Handler, Scope, Unit},
};
use orderly_stores::{Database, Inbox, Tx};
use orderly_tests::walk::{
    self, Step,
    diary::{Diary, Entry, place},
};
use tokio::signal::unix::{SignalKind, signal};

/// What a step takes beside its transaction.
const STEP: Duration = Duration::from_millis(3);

#[tokio::main]
async fn main() {
    orderly::telemetry::start();
    let mut args = env::args().skip(1);
    let (name, dir) = (args.next().unwrap(), args.next().unwrap());
    let part = |name| env::var(name).unwrap();
    let mut config = Config::new(part("KAFKA_BOOTSTRAP_SERVERS"), part("SCHEMA_REGISTRY_URL"));
    for property in args {
        let (name, value) = property.split_once('=').unwrap();
        config.consumer_properties.push((name.into(), value.into()));
    }
    let inbox = Inbox::new(Database::open(&part("DATABASE_URL")).unwrap());
    let diary = Arc::new(Diary::of(Path::new(&dir), &name));
    let consumer = Consumer::new(walk::GROUP, &config)
        .within(Told { inbox, diary })
        .retrying(walk::policy())
        .on::<Step>(Walker);
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let ended = async {
        terminated.recv().await;
    };
    consumer.run_until(ended).await.unwrap();
}

struct Walker;

impl Handler<Step, Told> for Walker {
    async fn handle(&self, cx: &mut Context<'_, Told>, step: Step) -> Result<(), Failure> {
        let tx = &mut cx.tx().tx;
        let poisoned = "SELECT 1 FROM poisoned WHERE step_key = $1";
        if tx.query_opt(poisoned, &[step.key.as_str().into()]).await?.is_some() {
            return Err(Failure::retry("poisoned"));
        }
        tokio::time::sleep(STEP).await;
        let done = "INSERT INTO steps_done (step_key, number, sent_at, done_at)
                    VALUES ($1, $2, $3, $4)";
        let values =
            [step.key.as_str().into(), step.number.into(), step.sent_at.into(), walk::now().into()];
        tx.execute(done, &values).await?;
        Ok(())
    }
}

/// The inbox, and when its transactions begin and end.
struct Told {
    inbox: Inbox,
    diary: Arc<Diary>,
}

struct ToldTx {
    tx: Tx,
    // Behind the transaction, which is dropped before it.
    end: End,
}

struct End {
    diary: Arc<Diary>,
    at: (i32, i64),
    entry: Entry,
}

impl Drop for End {
    fn drop(&mut self) {
        self.diary.write(self.entry, self.at);
    }
}

impl Scope for Told {
    type Tx = ToldTx;

    const EMITS_ONCE: bool = true;

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<ToldTx>, Failure> {
        let at = place(unit);
        self.diary.write(Entry::Begun, at);
        let mut end = End { diary: Arc::clone(&self.diary), at, entry: Entry::Ended };
        Ok(match self.inbox.begin(unit).await? {
            Begun::Fresh(tx) => Begun::Fresh(ToldTx { tx, end }),
            Begun::Repeat => {
                end.entry = Entry::Repeat;
                Begun::Repeat
            }
        })
    }

    async fn commit(
        &self,
        ToldTx { tx, end }: ToldTx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        let committed = self.inbox.commit(tx, unit, emitted).await;
        drop(end);
        committed
    }
}
