//! Members of a group for a test: how they run, stop, try again and handle.

use std::{sync::Arc, time::Duration};

use orderly_sdk::{
    EventId,
    consume::{ConsumeError, Consumer, Context, Exhausted, Failure, Handler, RetryPolicy, Scope},
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::parts::{Greeted, Seen};

pub type Running = (CancellationToken, JoinHandle<Result<(), ConsumeError>>);

pub fn run<S: Scope>(consumer: Consumer<S>) -> Running {
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let task = tokio::spawn(async move { consumer.run_until(stop.cancelled()).await });
    (shutdown, task)
}

pub async fn stop((shutdown, task): Running) -> Result<(), ConsumeError> {
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(90), task).await.expect("stops in time").unwrap()
}

pub fn quick() -> RetryPolicy {
    let (first_backoff, most_backoff) = (Duration::from_millis(5), Duration::from_millis(20));
    let (exhausted, rejected) = (Exhausted::Stop, Exhausted::Skip);
    RetryPolicy { attempts: 3, first_backoff, most_backoff, exhausted, rejected }
}

/// The same, but what is given up goes to the dead letters and the next one is done.
pub fn skipping() -> RetryPolicy {
    RetryPolicy { exhausted: Exhausted::Skip, rejected: Exhausted::Skip, ..quick() }
}

/// Records what it sees; does to each what a function says.
pub struct Script<F> {
    pub seen: Seen<(i64, EventId)>,
    pub act: F,
}

impl<F: Fn(&Greeted, u32) -> Result<(), Failure> + Send + Sync + 'static> Handler<Greeted>
    for Script<F>
{
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        (self.act)(&event, cx.attempt())?;
        self.seen.add((event.number, cx.meta().id));
        Ok(())
    }
}

pub fn ok(_: &Greeted, _: u32) -> Result<(), Failure> {
    Ok(())
}

/// Waits at a gate before it is done.
pub struct Gated {
    pub gate: Arc<Semaphore>,
    pub entered: Seen<i64>,
    pub done: Seen<i64>,
}

impl Handler<Greeted> for Gated {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.entered.add(event.number);
        self.gate.acquire().await?.forget();
        self.done.add(event.number);
        Ok(())
    }
}

/// Waits at a gate with the numbers below zero.
pub struct HeldUp {
    pub gate: Arc<Semaphore>,
    pub entered: Seen<i64>,
}

impl Handler<Greeted> for HeldUp {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.entered.add(event.number);
        if event.number < 0 {
            self.gate.acquire().await?.forget();
        }
        Ok(())
    }
}

/// How a consumer ended by itself.
pub async fn end((_shutdown, task): Running) -> Result<(), ConsumeError> {
    tokio::time::timeout(Duration::from_secs(90), task).await.expect("it ends").unwrap()
}
