//! What comes to a member's thread from everything that works for it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc::SyncSender},
    time::Instant,
};

use orderly_core::{Assignment, Mark, SlotId, Whose};

use super::{Start, execute::Ends, take_over::TakenOver};
use crate::{
    kafka::{Ended, Ready, Unread},
    record::{InRecord, TopicPartition},
};

/// Something that happened.
pub(super) enum Inbound {
    /// It is known where a partition begins, of the ownership with that number.
    Prepared(TopicPartition, u64, Start, TakenOver),
    Ends(Ends),
    Marked(Assignment, Whose, u64),
    Lettered(Assignment, SlotId, i64),
    /// The request of a redrive was taken away, in a transaction.
    Answered,
    Found(Assignment, Whose, i64, Box<InRecord>),
    NoLetter(Assignment, Whose, i64),
    MarkRead(TopicPartition, Mark),
    /// An offset counts as done before it is, where that bug is planted.
    SaidDone(TopicPartition, i64),
    /// There is something to read in a partition of which nothing comes.
    Unread(Unread),
    /// There is a producer for the next transaction.
    Made(Box<Ready>),
    /// A transaction ended.
    Ended(Box<Ended>),
    /// A part is away, as a handler found.
    Away(&'static str, String),
}

/// Where it waits. One thread takes, anybody posts.
pub(super) struct Mailbox {
    waiting: Mutex<Vec<Inbound>>,
    arrived: Condvar,
    wake: SyncSender<()>,
}

impl Mailbox {
    /// `wake` is sent to when there is something for a thread that sleeps elsewhere.
    pub(super) fn waking(wake: SyncSender<()>) -> Self {
        Self { waiting: Mutex::default(), arrived: Condvar::new(), wake }
    }

    pub(super) fn post(&self, inbound: Inbound) {
        let mut waiting = self.lock();
        waiting.push(inbound);
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            self.arrived.notify_one();
            // Full means that a wake-up is waiting already.
            let _ = self.wake.try_send(());
        }
    }

    pub(super) fn take(&self) -> Vec<Inbound> {
        std::mem::take(&mut self.lock())
    }

    /// Waits for something until then.
    pub(super) fn wait(&self, until: Instant) -> Vec<Inbound> {
        let patience = until.saturating_duration_since(Instant::now());
        let waited = self.arrived.wait_timeout_while(self.lock(), patience, |all| all.is_empty());
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Inbound>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
