//! The threads that read what is committed, beside the writer.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{Limits, Reply, connection, statements::Statements};
use crate::{Row, StoreError, Value};

const READERS: usize = 2;
/// Reads that may be waiting for a thread; who asks behind them waits outside, in order.
const MOST_WAITING: usize = 64;

#[derive(Clone)]
pub(super) struct Readers {
    reads: mpsc::Sender<Read>,
}

impl Readers {
    pub(super) fn start(path: &Path, limits: Limits) -> Result<Self, StoreError> {
        let (reads, queue) = mpsc::channel(MOST_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..READERS {
            let connection = connection::open_reader(path, limits)?;
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || serve(&connection, &queue))
                .map_err(|error| StoreError::unavailable(format!("no thread for it: {error}")))?;
        }
        Ok(Self { reads })
    }

    pub(super) async fn query(
        &self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let ended = || StoreError::unavailable("its reading threads have ended");
        let (reply, answer) = oneshot::channel();
        self.reads.send(Read { sql, values, reply }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

struct Read {
    sql: String,
    values: Vec<Value>,
    reply: Reply<Vec<Row>>,
}

fn serve(connection: &Connection, queue: &Mutex<mpsc::Receiver<Read>>) {
    let mut statements = Statements::new(connection);
    loop {
        // Who waits for the lock waits for the next read but one.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Read { sql, values, reply }) = next else { return };
        if reply.is_closed() {
            continue;
        }
        let rows = statements.read(&sql, &values);
        let _ = reply.send(rows);
    }
}
