//! The way between a client and the broker, with what can go wrong on it.
//!
//! It passes Kafka's requests and responses on, and where a test asks for it, keeps some back or
//! answers them with an error of the broker.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use orderly_sdk::{Config, kafka::EmbeddedBroker};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use super::{PATIENCE, TOPIC};

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const INIT_PRODUCER_ID: i16 = 22;

const MESSAGE_TOO_LARGE: i16 = 10;
const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;

pub struct Wire {
    address: SocketAddr,
    rules: Arc<Rules>,
    accepting: JoinHandle<()>,
}

/// What happens to records on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Produce {
    Pass,
    /// They are written, and the acknowledgement waits until the rule changes.
    HoldAnswers,
    /// They are lost, and no answer comes.
    Lose,
}

struct Rules {
    broker: SocketAddr,
    produce: watch::Sender<Produce>,
    /// Requests with records that came by.
    produced: watch::Sender<usize>,
    /// Requests for a producer id that are yet to be refused, which is fatal to the producer.
    refused_producers: Mutex<usize>,
    /// Whether the broker finds a request with records too large.
    is_too_large: Box<Refusal>,
}

type Refusal = dyn Fn(&[u8]) -> bool + Send + Sync;

impl Wire {
    pub async fn before(broker: &EmbeddedBroker) -> Self {
        Self::refusing(broker, |_| false).await
    }

    /// The broker finds these requests too large.
    pub async fn refusing(
        broker: &EmbeddedBroker,
        is_too_large: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = Arc::new(Rules {
            broker: broker.bootstrap().parse().unwrap(),
            produce: watch::Sender::new(Produce::Pass),
            produced: watch::Sender::new(0),
            refused_producers: Mutex::new(0),
            is_too_large: Box::new(is_too_large),
        });
        let of_connections = Arc::clone(&rules);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, address, Arc::clone(&of_connections)));
            }
        });
        Self { address, rules, accepting }
    }

    /// A client's that goes this way.
    pub fn config(&self, of_broker: &Config) -> Config {
        Config { bootstrap: self.address.to_string(), ..of_broker.clone() }
    }

    pub fn set(&self, produce: Produce) {
        self.rules.produce.send_replace(produce);
    }

    /// Refuses that many producers for good.
    pub fn refuse_producers(&self, count: usize) {
        *self.rules.refused_producers.lock().unwrap() = count;
    }

    /// Producers that are yet to be refused.
    pub fn producers_to_refuse(&self) -> usize {
        *self.rules.refused_producers.lock().unwrap()
    }

    /// Waits until records came by.
    pub async fn until_produced(&self) {
        let mut produced = self.rules.produced.subscribe();
        let waiting = produced.wait_for(|count| *count > 0);
        tokio::time::timeout(PATIENCE, waiting).await.expect("nothing was produced").unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, own: SocketAddr, rules: Arc<Rules>) {
    // Where the broker is down, the client finds its connection closed.
    let Ok(broker) = TcpStream::connect(rules.broker).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let connection = Connection {
        rules,
        own,
        to_client: tokio::sync::Mutex::new(to_client),
        asked: Mutex::default(),
    };
    tokio::select! {
        _ = connection.requests(from_client, to_broker) => {}
        _ = connection.responses(from_broker) => {}
    }
}

struct Connection {
    rules: Arc<Rules>,
    own: SocketAddr,
    to_client: tokio::sync::Mutex<OwnedWriteHalf>,
    /// What was asked, by correlation id.
    asked: Mutex<HashMap<i32, i16>>,
}

impl Connection {
    async fn requests(
        &self,
        mut client: OwnedReadHalf,
        mut broker: OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut has_gap = false;
        loop {
            let request = read_frame(&mut client).await?;
            let api = i16::from_be_bytes([request[0], request[1]]);
            let correlation = i32::from_be_bytes(request[4..8].try_into().unwrap());
            if api == INIT_PRODUCER_ID && self.refuses_producer() {
                self.answer(refused_producer(&request)).await?;
                continue;
            }
            if api == PRODUCE {
                self.rules.produced.send_modify(|count| *count += 1);
                if *self.rules.produce.borrow() == Produce::Lose {
                    continue;
                }
                // As a broker does, which counts what each producer writes to a partition.
                let error = match (self.rules.is_too_large)(&request) {
                    _ if has_gap => Some(OUT_OF_ORDER_SEQUENCE_NUMBER),
                    true => Some(MESSAGE_TOO_LARGE),
                    false => None,
                };
                if let Some(error) = error {
                    has_gap = true;
                    self.answer(refused_records(&request, error)).await?;
                    continue;
                }
            }
            self.asked.lock().unwrap().insert(correlation, api);
            write_frame(&mut broker, &request).await?;
        }
    }

    async fn responses(&self, mut broker: OwnedReadHalf) -> io::Result<()> {
        loop {
            let mut response = read_frame(&mut broker).await?;
            let correlation = i32::from_be_bytes(response[0..4].try_into().unwrap());
            let asked = self.asked.lock().unwrap().remove(&correlation);
            if asked == Some(METADATA) {
                self.lead_here(&mut response);
            } else if asked == Some(PRODUCE) {
                let mut rule = self.rules.produce.subscribe();
                let _ = rule.wait_for(|rule| *rule != Produce::HoldAnswers).await;
            }
            self.answer(response).await?;
        }
    }

    /// The client is to find the broker at this end of the wire.
    fn lead_here(&self, response: &mut [u8]) {
        let of = |address: SocketAddr| {
            let mut bytes = address.ip().to_string().into_bytes();
            bytes.extend(i32::from(address.port()).to_be_bytes());
            bytes
        };
        let (theirs, ours) = (of(self.rules.broker), of(self.own));
        let found = response.windows(theirs.len()).position(|bytes| bytes == theirs);
        if let Some(at) = found {
            response[at..at + ours.len()].copy_from_slice(&ours);
        }
    }

    fn refuses_producer(&self) -> bool {
        let mut left = self.rules.refused_producers.lock().unwrap();
        let refuses = *left > 0;
        *left = left.saturating_sub(1);
        refuses
    }

    async fn answer(&self, response: Vec<u8>) -> io::Result<()> {
        write_frame(&mut *self.to_client.lock().await, &response).await
    }
}

/// An answer to a request for a producer id.
fn refused_producer(request: &[u8]) -> Vec<u8> {
    let is_flexible = i16::from_be_bytes([request[2], request[3]]) >= 2;
    let tags: &[u8] = if is_flexible { &[0] } else { &[] };
    let throttle = 0_i32.to_be_bytes();
    let error = CLUSTER_AUTHORIZATION_FAILED.to_be_bytes();
    let (id, epoch) = ((-1_i64).to_be_bytes(), (-1_i16).to_be_bytes());
    [&request[4..8], tags, &throttle, &error, &id, &epoch, tags].concat()
}

/// An answer to records for partition 0 of the one topic.
fn refused_records(request: &[u8], error: i16) -> Vec<u8> {
    assert_eq!(request[2..4], [0, 10], "written for the version that the client sends");
    let mut answer = request[4..8].to_vec();
    // No tags in the header; one topic.
    answer.extend([0, 2]);
    answer.push(u8::try_from(TOPIC.len() + 1).unwrap());
    answer.extend(TOPIC.as_bytes());
    // One partition.
    answer.push(2);
    answer.extend(0_i32.to_be_bytes());
    answer.extend(error.to_be_bytes());
    // Offset, time and start of the log are unknown.
    answer.extend([0xff; 24]);
    // No errors by record, no message, no tags of the partition and of the topic.
    answer.extend([1, 0, 0, 0]);
    // Throttled for 0 ms, and no tags.
    answer.extend([0; 5]);
    answer
}

async fn read_frame(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; usize::try_from(from.read_i32().await?).unwrap()];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn write_frame(to: &mut OwnedWriteHalf, frame: &[u8]) -> io::Result<()> {
    to.write_i32(i32::try_from(frame.len()).unwrap()).await?;
    to.write_all(frame).await
}
