//! The way between a client and the broker: counts what goes by, and where a test asks for it, holds
//! answers up or changes bytes.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_sdk::{Config, kafka::EmbeddedBroker};
use tokio::{
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
const INIT_PRODUCER_ID: i16 = 22;

pub struct Wire {
    address: SocketAddr,
    rules: Arc<Rules>,
    accepting: JoinHandle<()>,
}

/// What happens to a producer's requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Producing {
    Pass,
    /// Records are written, and the acknowledgement waits until the rule changes.
    HoldAnswers,
    /// A producer gets no id, without which it sends no record.
    HoldIds,
}

struct Rules {
    broker: SocketAddr,
    producing: watch::Sender<Producing>,
    holds_fetched: watch::Sender<bool>,
    /// How often, by client.
    offsets_asked: Mutex<HashMap<String, usize>>,
    rewrite: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    has_rewritten: AtomicBool,
    names_no_brokers: AtomicBool,
    named_none: AtomicUsize,
    answered_bytes: AtomicUsize,
}

impl Wire {
    pub async fn before(broker: &EmbeddedBroker) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = Arc::new(Rules {
            broker: broker.bootstrap().parse().unwrap(),
            producing: watch::Sender::new(Producing::Pass),
            holds_fetched: watch::Sender::new(false),
            offsets_asked: Mutex::default(),
            rewrite: Mutex::default(),
            has_rewritten: AtomicBool::new(false),
            names_no_brokers: AtomicBool::new(false),
            named_none: AtomicUsize::new(0),
            answered_bytes: AtomicUsize::new(0),
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

    pub fn set(&self, producing: Producing) {
        self.rules.producing.send_replace(producing);
    }

    /// What is fetched waits on its way, until this is taken back.
    pub fn hold_fetched(&self, holds: bool) {
        self.rules.holds_fetched.send_replace(holds);
    }

    /// Waits until a client has asked so many times where a partition begins or ends.
    pub async fn until_offsets_are_asked(&self, client: &str, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while self.offsets_asked(client) < times {
            let asked = self.offsets_asked(client);
            assert!(Instant::now() < deadline, "{client} asks {asked} times only");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn offsets_asked(&self, client: &str) -> usize {
        self.rules.offsets_asked.lock().unwrap().get(client).copied().unwrap_or(0)
    }

    /// Writes other bytes of the same number in records that aren't compressed.
    pub fn rewrite(&self, from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        *self.rules.rewrite.lock().unwrap() = Some((from.to_vec(), to.to_vec()));
    }

    pub fn has_rewritten(&self) -> bool {
        self.rules.has_rewritten.load(Ordering::Relaxed)
    }

    /// Metadata name topics and no brokers, as a cluster's do whose only broker, just back, isn't let
    /// in yet: until clients have asked so many times.
    pub async fn name_no_brokers(&self, times: usize) {
        let rules = &self.rules;
        let until = rules.named_none.load(Ordering::Relaxed) + times;
        rules.names_no_brokers.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(90);
        while rules.named_none.load(Ordering::Relaxed) < until {
            assert!(Instant::now() < deadline, "nobody asks any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rules.names_no_brokers.store(false, Ordering::Relaxed);
    }

    /// Bytes that the broker has sent.
    pub fn answered_bytes(&self) -> usize {
        self.rules.answered_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, own: SocketAddr, rules: Arc<Rules>) {
    let Ok(broker) = TcpStream::connect(rules.broker).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let connection = Connection { rules, own, asked: Mutex::default() };
    tokio::select! {
        _ = connection.requests(from_client, to_broker) => {}
        _ = connection.answers(from_broker, to_client) => {}
    }
}

struct Connection {
    rules: Arc<Rules>,
    own: SocketAddr,
    /// What was asked, by correlation id.
    asked: Mutex<HashMap<[u8; 4], i16>>,
}

impl Connection {
    async fn requests(&self, client: OwnedReadHalf, broker: OwnedWriteHalf) -> io::Result<()> {
        loop {
            let mut request = read_frame(&client).await?;
            let api = i16::from_be_bytes([request[0], request[1]]);
            if api == PRODUCE
                && let Some((from, to)) = &*self.rules.rewrite.lock().unwrap()
                && replace(&mut request, from, to)
            {
                self.rules.has_rewritten.store(true, Ordering::Relaxed);
            }
            if api == LIST_OFFSETS {
                let client = client_id(&request);
                *self.rules.offsets_asked.lock().unwrap().entry(client).or_default() += 1;
            }
            let correlation = request[4..8].try_into().unwrap();
            self.asked.lock().unwrap().insert(correlation, api);
            write_frame(&broker, &request).await?;
        }
    }

    async fn answers(&self, broker: OwnedReadHalf, client: OwnedWriteHalf) -> io::Result<()> {
        let mut rule = self.rules.producing.subscribe();
        let mut holds_fetched = self.rules.holds_fetched.subscribe();
        loop {
            let mut answer = read_frame(&broker).await?;
            self.rules.answered_bytes.fetch_add(answer.len(), Ordering::Relaxed);
            let asked = self.asked.lock().unwrap().remove(&answer[0..4]);
            let holding = match asked {
                // The client is to find the broker at this end of the wire.
                Some(METADATA | FIND_COORDINATOR) => {
                    let names_none = self.rules.names_no_brokers.load(Ordering::Relaxed);
                    if names_none && asked == Some(METADATA) {
                        leave_out_the_broker(&mut answer, self.rules.broker);
                        self.rules.named_none.fetch_add(1, Ordering::Relaxed);
                    } else {
                        replace(&mut answer, &named(self.rules.broker), &named(self.own));
                    }
                    None
                }
                Some(FETCH) => {
                    let _ = holds_fetched.wait_for(|holds| !*holds).await;
                    None
                }
                Some(PRODUCE) => Some(Producing::HoldAnswers),
                Some(INIT_PRODUCER_ID) => Some(Producing::HoldIds),
                _ => None,
            };
            if let Some(holding) = holding {
                let _ = rule.wait_for(|rule| *rule != holding).await;
            }
            write_frame(&client, &answer).await?;
        }
    }
}

/// Behind a request's number, version and correlation id: a length and so many letters.
fn client_id(request: &[u8]) -> String {
    let length = usize::from(u16::from_be_bytes([request[8], request[9]]));
    String::from_utf8_lossy(&request[10..10 + length]).into_owned()
}

/// An address as Kafka writes it, but for its length.
fn named(address: SocketAddr) -> Vec<u8> {
    let mut bytes = address.ip().to_string().into_bytes();
    bytes.extend(i32::from(address.port()).to_be_bytes());
    bytes
}

/// Metadata of version 9 or later: ids and tags of the answer, how long to wait, and the brokers: their
/// number and one; each number, and each text's length, is one more than it says.
fn leave_out_the_broker(answer: &mut Vec<u8>, broker: SocketAddr) {
    const BROKERS: usize = 4 + 1 + 4;
    assert_eq!(answer[BROKERS], 2, "one broker");
    let named = named(broker);
    let found = answer.windows(named.len()).position(|window| window == named).unwrap();
    let rack = found + named.len();
    let after = rack + 1 + usize::from(answer[rack]).saturating_sub(1) + 1;
    answer.splice(BROKERS..after, [1]);
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> bool {
    let found = bytes.windows(from.len()).position(|window| window == from);
    if let Some(at) = found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    found.is_some()
}

async fn read_frame(from: &OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    read_exact(from, &mut length).await?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    read_exact(from, &mut frame).await?;
    Ok(frame)
}

async fn read_exact(from: &OwnedReadHalf, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        from.readable().await?;
        match from.try_read(into) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => into = &mut into[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn write_frame(to: &OwnedWriteHalf, frame: &[u8]) -> io::Result<()> {
    let length = i32::try_from(frame.len()).unwrap().to_be_bytes();
    let bytes = [&length, frame].concat();
    let mut left = bytes.as_slice();
    while !left.is_empty() {
        to.writable().await?;
        match to.try_write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
