//! Where clients come to, before one broker. As long as nobody listens behind, nobody does here: to a
//! client it is as if there were no line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::carry::carry;
use super::orders::Orders;

/// How often a broker that is away is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Cuts every connection and takes none for so long; is told how many there were.
pub(super) struct Cut {
    pub(super) long: Duration,
    pub(super) cut: oneshot::Sender<usize>,
}

/// Nobody listens behind.
struct Away;

type Connections = JoinSet<Result<(), Away>>;

/// Where it listens, what lies behind, and how many connections go there.
pub(super) struct Before {
    pub(super) here: String,
    pub(super) broker: String,
    pub(super) live: Arc<AtomicUsize>,
}

/// One connection, counted as long as it is.
struct Live(Arc<AtomicUsize>);

impl Live {
    fn of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Until its task is aborted.
pub(super) async fn listen(before: Before, orders: Arc<Orders>, mut cuts: mpsc::Receiver<Cut>) {
    let mut connections = Connections::new();
    loop {
        tokio::select! {
            listener = open(&before) => {
                tokio::select! {
                    () = take(&listener, &before, &orders, &mut connections) => {}
                    Some(cut) = cuts.recv() => {
                        drop(listener);
                        refuse(cut, &mut connections).await;
                    }
                }
            }
            Some(cut) = cuts.recv() => refuse(cut, &mut connections).await,
        }
    }
}

async fn refuse(Cut { long, cut }: Cut, connections: &mut Connections) {
    let _ = cut.send(connections.len());
    connections.shutdown().await;
    tokio::time::sleep(long).await;
}

/// Once there is a broker behind.
async fn open(Before { here, broker, .. }: &Before) -> TcpListener {
    loop {
        if TcpStream::connect(broker).await.is_ok() {
            match TcpListener::bind(here).await {
                Ok(listener) => return listener,
                Err(error) => tracing::warn!(%error, here, "a line can't listen"),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Until the broker is away.
async fn take(
    listener: &TcpListener,
    Before { broker, live, .. }: &Before,
    orders: &Arc<Orders>,
    connections: &mut Connections,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else {
                    tokio::time::sleep(LOOK).await;
                    continue;
                };
                let (broker, orders) = (broker.clone(), Arc::clone(orders));
                let live = Live::of(live);
                connections.spawn(async move {
                    let behind = TcpStream::connect(&broker).await.map_err(|_| Away)?;
                    carry(client, (behind, &broker), &orders).await;
                    drop(live);
                    Ok(())
                });
            }
            Some(ended) = connections.join_next() => {
                if let Ok(Err(Away)) = ended {
                    return;
                }
            }
        }
    }
}
