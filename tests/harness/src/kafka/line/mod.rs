//! A line between clients and brokers that knows where requests begin and end, and can do to the ones
//! of a transaction what networks do: hold one back and let it come late, lose an answer, break.

mod carry;
mod hold;
mod listen;
mod loss;
mod orders;
mod request;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use hold::{Hold, Until};
pub use loss::Loss;
pub use orders::{Then, Whose};
pub use request::Api;

use super::PART;
use crate::error::NotRun;
use crate::ports::Port;
use listen::{Before, Cut, listen};
use orders::Orders;

/// Before each broker of a cluster a port that clients come to instead. Without orders everything
/// passes. Ended by drop.
pub struct Line {
    addresses: Vec<String>,
    orders: Arc<Orders>,
    cuts: Vec<mpsc::Sender<Cut>>,
    /// Connections, by broker.
    live: Vec<Arc<AtomicUsize>>,
    _listening: JoinSet<()>,
    _ports: Vec<Port>,
}

/// Ports of a line whose brokers aren't there yet: they must know where clients will come to.
pub(super) struct Reserved(Vec<Port>);

impl Reserved {
    pub(super) fn ports(brokers: usize) -> Result<Self, NotRun> {
        (0..brokers).map(|_| Port::free(PART)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.0.iter().map(Port::address).collect()
    }

    /// Of a runtime, which carries it.
    pub(super) fn open(self, brokers: impl IntoIterator<Item = String>) -> Line {
        let (addresses, orders) = (self.addresses(), Arc::new(Orders::default()));
        let (mut listening, mut cuts, mut live) = (JoinSet::new(), Vec::new(), Vec::new());
        for (here, broker) in addresses.iter().zip(brokers) {
            let (cut, to_cut) = mpsc::channel(1);
            cuts.push(cut);
            let count = Arc::<AtomicUsize>::default();
            live.push(Arc::clone(&count));
            let before = Before { here: here.clone(), broker, live: count };
            listening.spawn(listen(before, Arc::clone(&orders), to_cut));
        }
        Line { addresses, orders, cuts, live, _listening: listening, _ports: self.0 }
    }
}

impl Line {
    /// Before each of these addresses; carried by the runtime that this is called in.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(brokers: &[String]) -> Result<Self, NotRun> {
        Ok(Reserved::ports(brokers.len())?.open(brokers.iter().cloned()))
    }

    /// Where clients come to, in the order of the brokers.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Holds the next EndTxn. Its client's connection ends as `then` says, and with it whatever else
    /// was on its way there.
    pub fn hold_end_txn(&self, whose: Whose, then: Then, until: Until) -> Arc<Hold> {
        let hold = Arc::new(Hold::of(whose, then, until));
        self.orders.hold(&hold);
        hold
    }

    /// Loses the answer to the next request of this kind, once it is there: the broker has done what
    /// was asked. The client's connection ends as `then` says.
    pub fn lose_answer(&self, api: Api, whose: Whose, then: Then) -> Arc<Loss> {
        let loss = Arc::new(Loss::of(api, whose, then));
        self.orders.lose(&loss);
        loss
    }

    /// Cuts every connection to every broker and refuses new ones for so long; gives how many there
    /// were.
    pub async fn cut(&self, long: Duration) -> usize {
        let mut cut = 0;
        for listening in &self.cuts {
            let (told, count) = oneshot::channel();
            if listening.send(Cut { long, cut: told }).await.is_ok() {
                cut += count.await.unwrap_or_default();
            }
        }
        cut
    }

    /// Whether the transaction of that `transactional.id` is open: records or offsets of it went to a
    /// broker, and no request to end it.
    pub fn is_open(&self, transaction: &str) -> bool {
        self.orders.is_open(transaction)
    }

    /// Connections that go to this broker, the first being 1.
    pub fn connections_to(&self, node: i32) -> usize {
        let index = usize::try_from(node - 1).ok();
        index.and_then(|n| self.live.get(n)).map_or(0, |live| live.load(Ordering::Relaxed))
    }

    /// Requests of this kind that went to a broker by the line, those let go late excepted.
    pub fn passed(&self, api: Api) -> u64 {
        self.orders.passed(api)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
