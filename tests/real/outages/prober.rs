//! A caller beside the load: one order every so often, each under a key of its own, and what was
//! answered when.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_tests::eventually;
use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Between two orders.
const PERIOD: Duration = Duration::from_millis(100);
/// Orders looked for at once.
const AT_ONCE: usize = 16;
/// Longest until orders are accepted again. A client that a broker let wait goes on after a while
/// only: what it sent has to time out, and then it needs another producer id.
const BACK: Duration = Duration::from_secs(90);
/// Within this each is answered, whatever is away: the deadline of order-api, and what a busy machine
/// takes to pass the answers on, of which many are due at once.
const DEADLINE: Duration = Duration::from_secs(25);

/// Places orders until it is ended.
pub struct Prober {
    api: String,
    run: String,
    answers: Arc<Mutex<Vec<Answer>>>,
    asking: JoinHandle<()>,
    end: CancellationToken,
}

/// To one order.
#[derive(Clone, Debug)]
pub struct Answer {
    number: u64,
    /// When it was sent.
    pub sent: Instant,
    took: Duration,
    /// The status; else why there is none.
    pub status: Result<u16, String>,
    retry_after: Option<String>,
    content_type: Option<String>,
    order_id: Option<String>,
}

impl Prober {
    pub fn start(api: String) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = format!("prober-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let answers: Arc<Mutex<Vec<Answer>>> = Arc::default();
        let end = CancellationToken::new();
        let ended = end.clone();
        let (url, name, heard) = (api.clone(), run.clone(), Arc::clone(&answers));
        let asking = tokio::spawn(async move {
            let client = client();
            let mut asked = JoinSet::new();
            let mut turns = tokio::time::interval(PERIOD);
            for number in 0.. {
                if ended.run_until_cancelled(turns.tick()).await.is_none() {
                    break;
                }
                while asked.try_join_next().is_some() {}
                let (client, url, name) = (client.clone(), url.clone(), name.clone());
                let heard = Arc::clone(&heard);
                asked.spawn(async move {
                    let sent = Instant::now();
                    let said = place(&client, &url, &name, number).await;
                    let answer = Answer::of(number, sent, said).await;
                    heard.lock().unwrap().push(answer);
                });
            }
            while asked.join_next().await.is_some() {}
        });
        Self { api, run, answers, asking, end }
    }

    /// What was answered so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap().clone()
    }

    /// Waits until so many orders that were sent from now on are accepted.
    pub async fn accepted(&self, orders: usize) {
        let now = Instant::now();
        loop {
            let answers: Vec<_> = self.answers().into_iter().filter(|a| a.sent >= now).collect();
            if answers.iter().filter(|a| a.status == Ok(202)).count() >= orders {
                return;
            }
            assert!(now.elapsed() < BACK, "orders aren't accepted again: {}", table(&answers));
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Ends it, checks every answer by itself, and sends what was not accepted again, under the same
    /// key, until it is: every order that was ever answered with an id is there then.
    pub async fn end(self, case: &str) {
        let Self { api, run, answers, asking, end } = self;
        end.cancel();
        asking.await.unwrap();
        let answers = answers.lock().unwrap().clone();
        println!("{case}: {}", table(&answers));
        for answer in &answers {
            answer.check(case);
        }
        let client = client();
        for some in answers.chunks(AT_ONCE) {
            let mut settling = JoinSet::new();
            for answer in some {
                let answer = answer.clone();
                let (client, api, run) = (client.clone(), api.clone(), run.clone());
                settling.spawn(async move { answer.comes_true(&client, &api, &run).await });
            }
            while let Some(settled) = settling.join_next().await {
                settled.unwrap();
            }
        }
    }
}

impl Answer {
    async fn of(number: u64, sent: Instant, said: reqwest::Result<Response>) -> Self {
        let mut answer = Self {
            number,
            sent,
            took: sent.elapsed(),
            status: Err(String::new()),
            retry_after: None,
            content_type: None,
            order_id: None,
        };
        match said {
            Err(error) => answer.status = Err(format!("{error:?}")),
            Ok(said) => {
                answer.status = Ok(said.status().as_u16());
                answer.retry_after = named(&said, header::RETRY_AFTER);
                answer.content_type = named(&said, header::CONTENT_TYPE);
                let body = said.json::<Value>().await.unwrap_or_default();
                answer.order_id = body["order_id"].as_str().map(str::to_owned);
                answer.took = sent.elapsed();
            }
        }
        answer
    }

    /// Accepted under its key at last, and then to be found.
    async fn comes_true(&self, client: &Client, api: &str, run: &str) {
        let order_id = eventually(&format!("{self:?} is accepted"), || async {
            let again = place(client, api, run, self.number).await;
            let again = Self::of(self.number, Instant::now(), again).await;
            (again.status == Ok(202)).then_some(again.order_id).flatten()
        })
        .await;
        if let Some(first) = &self.order_id {
            assert_eq!(first, &order_id, "{self:?}");
        }
        let url = format!("{api}/orders/{order_id}");
        eventually(&format!("order {order_id} is in the history"), || async {
            client.get(&url).send().await.ok().filter(|found| found.status().is_success())
        })
        .await;
    }

    fn check(&self, case: &str) {
        let is_right = match self.status {
            Ok(202) => self.order_id.is_some(),
            Ok(503 | 504) => {
                self.retry_after.is_some()
                    && self.content_type.as_deref() == Some("application/problem+json")
            }
            _ => false,
        };
        assert!(is_right, "{case}: {self:?}");
        assert!(self.took < DEADLINE, "{case}: {self:?}");
    }
}

/// How many of each status, and the longest.
fn table(answers: &[Answer]) -> String {
    let mut counts: BTreeMap<String, (u32, Duration)> = BTreeMap::new();
    for answer in answers {
        let status = answer.status.as_ref().map_or_else(Clone::clone, u16::to_string);
        let (count, longest) = counts.entry(status).or_default();
        *count += 1;
        *longest = answer.took.max(*longest);
    }
    let shown = |(status, (count, longest)): (&String, &(u32, Duration))| {
        format!("{status}: {count} (longest {:.2} s)", longest.as_secs_f64())
    };
    counts.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn client() -> Client {
    Client::builder().timeout(DEADLINE * 2).build().unwrap()
}

async fn place(client: &Client, api: &str, run: &str, number: u64) -> reqwest::Result<Response> {
    let order = json!({
        "user_id": run,
        "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
    });
    let key = format!("{run}-{number}-{}", std::process::id());
    client.post(format!("{api}/orders")).header("Idempotency-Key", key).json(&order).send().await
}

fn named(answer: &Response, header: header::HeaderName) -> Option<String> {
    Some(answer.headers().get(header)?.to_str().ok()?.to_owned())
}
