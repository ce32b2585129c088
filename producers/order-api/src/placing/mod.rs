//! A valid order on its way to the topic. Three outcomes: accepted, never written, unknown.

mod accepted;
mod attempt;
mod direct;
mod outcome;
mod said;
mod with_key;

use std::time::Duration;

use orderly_sdk::{Meta, emit::Emitter};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use accepted::{OrderAccepted, OrderReceipt, ReturnAccepted};

use crate::{
    caller::Caller,
    idempotency::{Answer, IdempotencyKey, Records},
    order::{Order, Prices},
    problem::Problem,
};
use with_key::Keyed;

/// What placing an order needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Placing {
    pub(crate) emitter: Emitter,
    pub(crate) records: Records,
    pub(crate) prices: Prices,
    /// The request's, from its first byte; also the lease of a key.
    pub(crate) deadline: Duration,
    /// Work that outlives its request.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when that is not to be tried again.
    pub(crate) closing: CancellationToken,
}

/// The order is in the topic.
#[derive(Debug)]
pub(crate) enum Reply {
    /// By this request.
    Accepted(Answer),
    /// By an earlier one with the same key.
    Replayed(Answer),
}

impl Placing {
    /// Places an order and answers by `deadline`. What of it is not done then, or when the caller
    /// goes away, goes on without them, so that keys and contacts are not left as they were.
    pub(crate) async fn place(
        &self,
        caller: Caller,
        key: Option<IdempotencyKey>,
        mut order: Order,
        meta: Meta,
        deadline: Instant,
    ) -> Result<Reply, Problem> {
        let (answer, answered) = oneshot::channel();
        let placing = self.clone();
        let (order_id, has_key) = match key {
            Some(key) => {
                let keyed = Keyed::new(caller, key, order, &self.prices, meta);
                let order_id = keyed.order_id().to_owned();
                self.tasks.spawn(async move { placing.with_key(keyed, deadline, answer).await });
                (order_id, true)
            }
            None => {
                let total = order.price(&self.prices)?;
                let order_id = uuid::Uuid::now_v7().to_string();
                if order.contact.is_none() {
                    // Nothing to be tidied up behind it: no task, no store.
                    return self.direct(order, &caller, total, order_id, meta, deadline).await;
                }
                let id = order_id.clone();
                self.tasks.spawn(async move {
                    let events = order.into_events(&id, &caller, total);
                    placing.with_contact(events, id, meta, deadline, answer).await;
                });
                (order_id, false)
            }
        };
        match timeout_at(deadline, answered).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(outcome::unknown(&order_id, has_key, "the task placing it ended")),
            Err(_) => Err(outcome::unknown(&order_id, has_key, "the deadline passed")),
        }
    }

    /// When what is not sent by then is given up, so that the caller still hears of it.
    fn last_call(&self, deadline: Instant) -> Instant {
        deadline.checked_sub(self.deadline / 10).unwrap_or(deadline)
    }
}

/// Where the answer goes; the caller may be gone.
type Asked = oneshot::Sender<Result<Reply, Problem>>;

/// Pauses between tries of what has to be done behind a request: longer each time.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Self {
        Self(Duration::from_millis(100))
    }

    /// `false`: `until` or the end of the service came first.
    async fn next(&mut self, until: Instant, closing: &CancellationToken) -> bool {
        let at = Instant::now() + self.0;
        self.0 = (self.0 * 2).min(Duration::from_secs(10));
        at < until && closing.run_until_cancelled(tokio::time::sleep_until(at)).await.is_some()
    }
}
