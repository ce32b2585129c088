//! Somebody who changes products and profiles all the while, and asks again where there is no answer.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use orderly_schemas::{ProductChanged, UserChanged, catalogue, users};
use orderly_sdk::{
    Config,
    codec::Registry,
    consume::{Received, read_event},
    event_set,
};
use orderly_tests::{
    eventually,
    leftovers::records,
    services::{KEEPERS, Services},
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A service, its path, and a body with that name.
type Asked = (&'static str, &'static str, fn(&str) -> Value);

const ASKED: [Asked; 2] = [("catalogue", "products", product), ("users", "users", profile)];
/// Products, and users.
const KEYS: usize = 5;
/// Between two changes at one service.
const PAUSE: Duration = Duration::from_millis(50);
/// A service that works answers before.
const PATIENCE: Duration = Duration::from_secs(30);

event_set! {
    /// What tells of a change.
    enum Changed { ProductChanged, UserChanged }
}

/// By service: changes that were asked for and have no answer.
pub(super) type Waiting = Arc<BTreeMap<&'static str, AtomicU64>>;

pub(super) struct Changes {
    pub(super) waiting: Waiting,
    enough: CancellationToken,
    changing: JoinSet<Accepted>,
}

/// What a service accepted.
pub(super) struct Accepted {
    url: String,
    /// By key, the names that it was given, one after the other.
    names: BTreeMap<String, Vec<String>>,
}

impl Changes {
    pub(super) fn begin(services: &Services) -> Self {
        let waiting = Waiting::new(KEEPERS.map(|service| (service, AtomicU64::new(0))).into());
        let (enough, mut changing) = (CancellationToken::new(), JoinSet::new());
        for (service, path, body) in ASKED {
            let url = format!("{}/{path}", services.url(service));
            let client = Client::builder().timeout(PATIENCE).build().unwrap();
            let customer =
                Customer { service, url, body, client, waiting: Waiting::clone(&waiting) };
            changing.spawn(customer.change_until(enough.clone()));
        }
        Self { waiting, enough, changing }
    }

    /// Ends it once the last change is accepted.
    pub(super) async fn end(self) -> Vec<Accepted> {
        self.enough.cancel();
        self.changing.join_all().await
    }
}

/// Who asks one service.
struct Customer {
    service: &'static str,
    url: String,
    body: fn(&str) -> Value,
    client: Client,
    waiting: Waiting,
}

impl Customer {
    async fn change_until(self, enough: CancellationToken) -> Accepted {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for number in 0.. {
            if enough.is_cancelled() {
                break;
            }
            let key = format!("{}-{}", self.service, number % KEYS);
            let name = format!("change {number}");
            self.put(&key, &name).await;
            names.entry(key).or_default().push(name);
            tokio::time::sleep(PAUSE).await;
        }
        Accepted { url: self.url, names }
    }

    /// Asks until it is accepted: what is so already is told to nobody.
    async fn put(&self, key: &str, name: &str) {
        let (url, body) = (format!("{}/{key}", self.url), (self.body)(name));
        let waiting = &self.waiting[self.service];
        let asked = || async {
            waiting.fetch_add(1, Ordering::Relaxed);
            let answer = self.client.put(&url).json(&body).send().await;
            waiting.fetch_sub(1, Ordering::Relaxed);
            // Nobody listens, or it was killed.
            let status = answer.ok()?.status();
            assert!(status.is_success() || is_for_now(status), "{url}: {status}");
            status.is_success().then_some(())
        };
        eventually(&format!("{url} is changed"), asked).await;
    }
}

fn product(name: &str) -> Value {
    json!({ "name": name, "price": "8.50", "currency": "EUR", "state": "active" })
}

fn profile(name: &str) -> Value {
    json!({ "name": name })
}

fn is_for_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// What was accepted last is what GET answers and what the topic has of the key; before it lie the
/// others, each once, in order.
pub(super) async fn assert_kept(accepted: &[Accepted], config: &Config) {
    let (told, newest) = told(config).await;
    for Accepted { url, names } in accepted {
        for (key, names) in names {
            let (url, last) = (format!("{url}/{key}"), names.last());
            let kept: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
            assert_eq!(kept["name"].as_str(), last.map(String::as_str), "{url}");
            assert_eq!(newest.get(key), last, "{key}");
            assert_eq!(told.get(key), Some(names), "{key}");
        }
        let changes: usize = names.values().map(Vec::len).sum();
        println!("{url}: {changes} changes are kept and told");
        assert_eq!(names.len(), KEYS, "{url}: {changes} changes");
    }
}

/// By key, the names in the topics: all, each event once, and the one that stands.
async fn told(config: &Config) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, String>) {
    let registry = Registry::new(config).unwrap();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut seen, mut newest) = (HashSet::new(), BTreeMap::new());
    for record in records(config, &[catalogue::TOPIC, users::TOPIC]).await {
        let read = read_event::<Changed>(&registry, &record).await;
        let Received { event, meta, .. } = read.unwrap().unwrap();
        let (key, name) = match event {
            Changed::ProductChanged(product) => (product.sku, product.name),
            Changed::UserChanged(user) => (user.user_id, user.name.unwrap_or_default()),
        };
        newest.insert(key.clone(), name.clone());
        if seen.insert(meta.id) {
            told.entry(key).or_default().push(name);
        }
    }
    (told, newest)
}
