//! What is to happen to which request, and whether it did.
//!
//! An order is for one request, the next that it fits; it stands as long as who gave it keeps it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::hold::{Hold, Until};
use super::loss::Loss;
use super::request::{Api, Request};

/// Whose request it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of any client, transactional or not.
    Anyones,
    /// Of any transaction.
    AnyTransaction,
    /// Of the client of this `client.id`.
    Client(String),
    /// Of this `transactional.id`.
    Transaction(String),
}

impl Whose {
    fn is(&self, request: &Request) -> bool {
        match self {
            Self::Anyones => true,
            Self::AnyTransaction => request.transaction.is_some(),
            Self::Client(id) => request.client.as_ref() == Some(id),
            Self::Transaction(id) => request.transaction.as_ref() == Some(id),
        }
    }
}

/// What becomes of the client's connection when an order strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Cut,
    /// It stays open, and nothing passes any more either way: the client gives up when it likes.
    Silence,
}

/// What is to be done with a request.
pub(super) enum Verdict {
    Pass,
    Hold(Arc<Hold>),
    /// It passes, and its answer is looked out for.
    Await(OnAnswer),
}

/// What is to be done when a request is answered.
pub(super) enum OnAnswer {
    Lose(Arc<Loss>),
    LetGo(Arc<Hold>),
}

#[derive(Default)]
pub(super) struct Orders {
    open: Mutex<Vec<Open>>,
    seen: Mutex<Seen>,
}

/// What went to brokers.
#[derive(Default)]
struct Seen {
    passed: HashMap<Api, u64>,
    /// Ids of transactions that have something and weren't asked to end.
    transactions: HashSet<String>,
}

/// A request that is waited for.
enum Open {
    Hold(Weak<Hold>),
    /// One is held until the next transaction of the same id.
    LetGo(Weak<Hold>),
    Lose(Weak<Loss>),
}

impl Orders {
    pub(super) fn hold(&self, hold: &Arc<Hold>) {
        self.open().push(Open::Hold(Arc::downgrade(hold)));
    }

    pub(super) fn lose(&self, loss: &Arc<Loss>) {
        self.open().push(Open::Lose(Arc::downgrade(loss)));
    }

    /// It holds one now.
    pub(super) fn held(&self, hold: &Arc<Hold>) {
        if hold.until() == Until::NextTransaction {
            self.open().push(Open::LetGo(Arc::downgrade(hold)));
        }
    }

    /// The answer that was looked out for never came: the order stands again.
    pub(super) fn again(&self, order: OnAnswer) {
        self.open().push(match order {
            OnAnswer::Lose(loss) => Open::Lose(Arc::downgrade(&loss)),
            OnAnswer::LetGo(hold) => Open::LetGo(Arc::downgrade(&hold)),
        });
    }

    pub(super) fn judge(&self, request: &Request) -> Verdict {
        let Some(api) = request.api else { return Verdict::Pass };
        let mut open = self.open();
        open.retain(Open::stands);
        let fitting = open.iter().position(|order| order.fits(api, request));
        let verdict = fitting.and_then(|at| open.remove(at).verdict()).unwrap_or(Verdict::Pass);
        if !matches!(verdict, Verdict::Hold(_)) {
            self.seen().pass(api, request);
        }
        verdict
    }

    /// Requests of this kind that went to a broker.
    pub(super) fn passed(&self, api: Api) -> u64 {
        self.seen().passed.get(&api).copied().unwrap_or_default()
    }

    pub(super) fn is_open(&self, transaction: &str) -> bool {
        self.seen().transactions.contains(transaction)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn pass(&mut self, api: Api, request: &Request) {
        *self.passed.entry(api).or_default() += 1;
        let Some(transaction) = &request.transaction else { return };
        match api {
            Api::EndTxn | Api::InitProducerId => self.transactions.remove(transaction),
            _ => self.transactions.insert(transaction.clone()),
        };
    }
}

impl Open {
    fn stands(&self) -> bool {
        match self {
            Self::Hold(hold) | Self::LetGo(hold) => hold.strong_count() > 0,
            Self::Lose(loss) => loss.strong_count() > 0,
        }
    }

    fn fits(&self, api: Api, request: &Request) -> bool {
        match self {
            Self::Hold(hold) => {
                api == Api::EndTxn && hold.upgrade().is_some_and(|hold| hold.whose().is(request))
            }
            Self::LetGo(hold) => {
                api == Api::Produce
                    && request.transaction.is_some()
                    && hold.upgrade().is_some_and(|it| it.transaction() == request.transaction)
            }
            Self::Lose(loss) => {
                loss.upgrade().is_some_and(|it| it.api() == api && it.whose().is(request))
            }
        }
    }

    fn verdict(self) -> Option<Verdict> {
        Some(match self {
            Self::Hold(hold) => Verdict::Hold(hold.upgrade()?),
            Self::LetGo(hold) => Verdict::Await(OnAnswer::LetGo(hold.upgrade()?)),
            Self::Lose(loss) => Verdict::Await(OnAnswer::Lose(loss.upgrade()?)),
        })
    }
}
