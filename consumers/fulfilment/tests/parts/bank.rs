//! A payment provider that does as a test says, and remembers what it was asked.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::Mutex,
    time::Duration,
};

use fulfilment_payment::{PaymentError, Provider, Reply, Request};
use tokio::sync::watch;

use super::PATIENCE;

type Outcome = Result<Reply, PaymentError>;

pub struct Bank {
    scripts: Mutex<HashMap<String, VecDeque<PaymentError>>>,
    known: Mutex<BTreeMap<String, String>>,
    asked: watch::Sender<Vec<String>>,
    held: watch::Sender<HashSet<String>>,
}

impl Bank {
    pub fn new() -> Self {
        Self {
            scripts: Mutex::default(),
            known: Mutex::default(),
            asked: watch::Sender::new(Vec::new()),
            held: watch::Sender::new(HashSet::new()),
        }
    }

    /// What it answers to the key before it says yes.
    pub fn says(&self, key: &str, errors: impl IntoIterator<Item = PaymentError>) {
        self.scripts.lock().unwrap().entry(key.to_owned()).or_default().extend(errors);
    }

    /// It doesn't answer to the key until [`let_go`](Self::let_go).
    pub fn hold(&self, key: &str) {
        self.held.send_modify(|held| {
            held.insert(key.to_owned());
        });
    }

    pub fn let_go(&self, key: &str) {
        self.held.send_modify(|held| {
            held.remove(key);
        });
    }

    /// The keys that it was asked with, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Waits until it was asked with that key.
    pub async fn was_asked(&self, key: &str) {
        let mut asked = self.asked.subscribe();
        let waiting = asked.wait_for(|asked| asked.iter().any(|it| it == key));
        let came = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(came, "never asked for {key}: {:?}", self.asked());
    }

    async fn answer(&self, request: &Request) -> Outcome {
        self.asked.send_modify(|asked| asked.push(request.key.clone()));
        let mut held = self.held.subscribe();
        let waiting = held.wait_for(|held| !held.contains(&request.key));
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
        let scripted = {
            let mut scripts = self.scripts.lock().unwrap();
            scripts.get_mut(&request.key).and_then(VecDeque::pop_front)
        };
        if let Some(error) = scripted {
            return Err(error);
        }
        // The same key is the same question.
        let content = format!("{:?} {} {}", request.operation, request.amount, request.currency);
        let mut known = self.known.lock().unwrap();
        let before = known.entry(request.key.clone()).or_insert_with(|| content.clone());
        assert_eq!(*before, content, "{}", request.key);
        Ok(Reply { reference: format!("ref-{}", request.order_id) })
    }

    /// What was done, by key.
    pub fn done(&self) -> BTreeMap<String, String> {
        self.known.lock().unwrap().clone()
    }
}

impl Provider for Bank {
    fn perform<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(self.answer(request))
    }
}

pub fn unknown() -> PaymentError {
    PaymentError::Unknown("no answer within 5 s".into())
}

pub fn unavailable() -> PaymentError {
    PaymentError::Unavailable("connection refused".into())
}

pub fn declined(reason: &str) -> PaymentError {
    PaymentError::Declined { reason: reason.into() }
}
