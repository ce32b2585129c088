//! A member of a group that copies items, as a process of its own: NAME SLOT DIRECTORY [PROPERTY=VALUE …]
//! [--at-least-once]. Leaves at SIGTERM.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use orderly_sdk::{
    Config,
    codec::{Encoders, Registry},
    consume::{Consumer, Context, Direct, ExactlyOnce, Failure, Handler, Scope},
    emit::{EmitSettings, Emitter},
};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Copied, GROUP, Item, OPEN, WINDOW, came_by, is_marked, outcomes::Outcomes, poisoned, transform,
};
use crate::walk;

/// How often it writes down how its transactions ended.
const TELL: Duration = Duration::from_millis(100);

/// The whole of it.
pub async fn run() {
    let metrics = orderly::telemetry::start();
    let mut args = env::args().skip(1);
    let mut arg = || args.next().unwrap();
    let (name, slot, dir) = (arg(), arg(), PathBuf::from(arg()));
    let part = |name| env::var(name).unwrap();
    let mut config = Config::new(part("KAFKA_BOOTSTRAP_SERVERS"), part("SCHEMA_REGISTRY_URL"));
    let mut is_once = true;
    for flag in args {
        match flag.split_once('=') {
            Some((name, value)) => config.consumer_properties.push((name.into(), value.into())),
            None if flag == "--at-least-once" => is_once = false,
            None => panic!("{flag}?"),
        }
    }
    let copier = Copier { dir: dir.clone(), name: name.clone() };
    let telling = async {
        loop {
            Outcomes::tell(&dir, &name, &metrics.render());
            tokio::time::sleep(TELL).await;
        }
    };
    tokio::select! {
        () = copy(&config, &slot, copier, is_once) => {}
        () = telling => {}
    }
    Outcomes::tell(&dir, &name, &metrics.render());
}

async fn copy(config: &Config, slot: &str, copier: Copier, is_once: bool) {
    let registry = Registry::new(config).unwrap();
    let copies = Encoders::of(GROUP).event::<Copied>().register(config, &registry).await;
    let copies = copies.unwrap();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let ended = async {
        terminated.recv().await;
    };
    if is_once {
        let (every, records) = WINDOW;
        let window = ExactlyOnce::as_member(slot).every(every).of_records(records);
        let consumer = Consumer::exactly_once(GROUP, config, window.timing_out(OPEN));
        let consumer = consumer.emitting(copies).retrying(walk::policy()).on::<Item>(copier);
        consumer.run_until(ended).await.unwrap();
    } else {
        let emitter = Emitter::connect(config, copies.clone(), EmitSettings::default());
        let through = Direct::through(emitter.await.unwrap());
        let consumer = Consumer::new(GROUP, config).within(through).emitting(copies);
        let consumer = consumer.retrying(walk::policy()).on::<Item>(copier);
        consumer.run_until(ended).await.unwrap();
    }
}

struct Copier {
    dir: PathBuf,
    name: String,
}

impl<S: Scope> Handler<Item, S> for Copier {
    async fn handle(&self, cx: &mut Context<'_, S>, item: Item) -> Result<(), Failure> {
        if is_marked(&item.key) {
            came_by(&self.dir, &item.key, &self.name);
        }
        // Emitted first: what a run that fails emits must not be seen.
        let (key, number) = (item.key.clone(), item.number);
        cx.emit(&transform(item))?;
        tokio::time::sleep(time(number)).await;
        match Path::exists(&poisoned(&self.dir, &key)) {
            true => Err(Failure::retry("poisoned")),
            false => Ok(()),
        }
    }
}

/// Some take longer than others, so that keys overtake each other.
fn time(number: i64) -> Duration {
    Duration::from_millis(1 + number.rem_euclid(7).unsigned_abs())
}
