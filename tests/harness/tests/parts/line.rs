//! A line before a broker by script, which answers every request and remembers it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orderly_harness::{Api, Line, Then, Until, Whose};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::eventually::eventually;

const SOON: Duration = Duration::from_secs(20);
/// For what mustn't come.
const NOT_WITHIN: Duration = Duration::from_millis(300);
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const END_TXN: i16 = 26;
/// More than any buffer on the way.
const LARGE: usize = 5_000_000;

/// A broker that answers an EndTxn with this code, and a fetch with much.
struct Scripted {
    address: String,
    /// Api keys and correlation ids.
    seen: Arc<Mutex<Vec<(i16, i32)>>>,
    answering: JoinHandle<()>,
}

impl Scripted {
    async fn start(code: i16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::default();
        let told = Arc::clone(&seen);
        let answering = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(answer(client, code, Arc::clone(&told)));
            }
        });
        Self { address, seen, answering }
    }

    fn seen(&self) -> Vec<(i16, i32)> {
        self.seen.lock().unwrap().clone()
    }

    async fn sees(&self, request: (i16, i32)) {
        eventually("the broker sees it", async || self.seen().contains(&request)).await;
    }

    fn line(&self) -> Line {
        Line::before(std::slice::from_ref(&self.address)).unwrap()
    }
}

async fn answer(mut client: TcpStream, code: i16, seen: Arc<Mutex<Vec<(i16, i32)>>>) {
    while let Ok(size) = client.read_u32().await {
        let mut request = vec![0; usize::try_from(size).unwrap()];
        client.read_exact(&mut request).await.unwrap();
        let api = i16::from_be_bytes(request[..2].try_into().unwrap());
        seen.lock().unwrap().push((api, i32::from_be_bytes(request[4..8].try_into().unwrap())));
        let mut answer = request[4..8].to_vec();
        answer.extend(0_i32.to_be_bytes()); // throttled for
        answer.extend(code.to_be_bytes());
        answer.resize(answer.len() + if api == FETCH { LARGE } else { 0 }, 9);
        client.write_u32(u32::try_from(answer.len()).unwrap()).await.unwrap();
        let _ = client.write_all(&answer).await;
    }
}

/// Of `client`, about a transaction: EndTxn version 1, Produce version 7, Fetch version 4.
async fn ask(client: &mut TcpStream, api: i16, correlation: i32, transaction: &str, more: usize) {
    let version: i16 = match api {
        PRODUCE => 7,
        FETCH => 4,
        _ => 1,
    };
    let mut request = [api.to_be_bytes(), version.to_be_bytes()].concat();
    request.extend(correlation.to_be_bytes());
    request.extend(b"\x00\x06client");
    request.extend(u16::try_from(transaction.len()).unwrap().to_be_bytes());
    request.extend(transaction.as_bytes());
    request.resize(request.len() + more, 7);
    client.write_u32(u32::try_from(request.len()).unwrap()).await.unwrap();
    client.write_all(&request).await.unwrap();
}

/// The correlation id of the next answer, and how long it is.
async fn answered(client: &mut TcpStream) -> io::Result<(i32, usize)> {
    let size = usize::try_from(client.read_u32().await?).unwrap();
    let mut answer = vec![0; size];
    client.read_exact(&mut answer).await?;
    Ok((i32::from_be_bytes(answer[..4].try_into().unwrap()), size))
}

async fn connect(line: &Line) -> TcpStream {
    let here = line.addresses()[0].clone();
    eventually("the line listens", async || TcpStream::connect(&here).await.is_ok()).await;
    TcpStream::connect(&here).await.unwrap()
}

#[tokio::test]
async fn without_an_order_everything_passes_as_it_is_however_large() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let mut client = connect(&line).await;
    ask(&mut client, PRODUCE, 1, "txn", LARGE).await;
    ask(&mut client, FETCH, 2, "", 0).await;
    ask(&mut client, END_TXN, 3, "txn", 11).await;
    for expected in [(1, 10), (2, 10 + LARGE), (3, 10)] {
        assert_eq!(answered(&mut client).await.unwrap(), expected);
    }
    assert_eq!(broker.seen(), [(PRODUCE, 1), (FETCH, 2), (END_TXN, 3)]);
    assert_eq!((line.passed(Api::Produce), line.passed(Api::EndTxn)), (1, 1));
}

#[tokio::test]
async fn an_end_txn_is_held_until_it_is_told_to_go_though_its_client_is_gone() {
    let broker = Scripted::start(47).await;
    let line = broker.line();
    let held = line.hold_end_txn(Whose::Transaction("txn".into()), Then::Cut, Until::Told);
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "other", 11).await;
    assert_eq!(answered(&mut client).await.unwrap(), (1, 10));
    assert!(!held.has_struck());
    assert!(held.let_go().await.is_err(), "none is held yet");
    ask(&mut client, END_TXN, 2, "txn", 11).await;
    held.struck(SOON).await.unwrap();
    assert!(answered(&mut client).await.is_err(), "its connection is cut");
    // Only one is held: the client's second try passes.
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 3, "txn", 11).await;
    assert_eq!(answered(&mut client).await.unwrap(), (3, 10));
    assert_eq!(broker.seen(), [(END_TXN, 1), (END_TXN, 3)]);
    assert_eq!(held.let_go().await.unwrap(), 47);
    assert_eq!(broker.seen(), [(END_TXN, 1), (END_TXN, 3), (END_TXN, 2)]);
    assert!(held.let_go().await.is_err(), "it went already");
}

#[tokio::test]
async fn an_end_txn_goes_by_itself_once_a_record_of_its_next_transaction_is_acknowledged() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let held = line.hold_end_txn(Whose::AnyTransaction, Then::Silence, Until::NextTransaction);
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "txn", 11).await;
    held.struck(SOON).await.unwrap();
    assert_eq!(held.transaction().as_deref(), Some("txn"));
    let mut other = connect(&line).await;
    ask(&mut other, PRODUCE, 2, "other", 100).await;
    assert_eq!(answered(&mut other).await.unwrap(), (2, 10));
    assert_eq!(broker.seen(), [(PRODUCE, 2)]);
    assert!(line.is_open("other") && !line.is_open("txn"));
    ask(&mut other, PRODUCE, 3, "txn", 100).await;
    assert_eq!(answered(&mut other).await.unwrap(), (3, 10));
    assert!(line.is_open("txn"));
    assert_eq!(held.went(SOON).await.unwrap(), 0);
    assert_eq!(broker.seen(), [(PRODUCE, 2), (PRODUCE, 3), (END_TXN, 1)]);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_broker_gave_it_and_the_connection_cut() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let lost = line.lose_answer(Api::Produce, Whose::Client("client".into()), Then::Cut);
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "txn", 11).await;
    ask(&mut client, PRODUCE, 2, "txn", 100).await;
    assert_eq!(answered(&mut client).await.unwrap(), (1, 10));
    assert!(answered(&mut client).await.is_err());
    assert!(lost.has_struck());
    assert_eq!(broker.seen(), [(END_TXN, 1), (PRODUCE, 2)]);
    let mut client = connect(&line).await;
    ask(&mut client, PRODUCE, 3, "txn", 100).await;
    assert_eq!(answered(&mut client).await.unwrap(), (3, 10));
}

#[tokio::test]
async fn a_silent_connection_stays_open_and_nothing_passes_any_more() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let lost = line.lose_answer(Api::EndTxn, Whose::AnyTransaction, Then::Silence);
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "txn", 11).await;
    lost.struck(SOON).await.unwrap();
    ask(&mut client, PRODUCE, 2, "txn", LARGE).await;
    assert!(tokio::time::timeout(NOT_WITHIN, client.read_u8()).await.is_err());
    assert_eq!(broker.seen(), [(END_TXN, 1)]);
}

#[tokio::test]
async fn an_order_whose_answer_never_came_stands_again() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = Line::before(&[broker.local_addr().unwrap().to_string()]).unwrap();
    let lost = line.lose_answer(Api::EndTxn, Whose::AnyTransaction, Then::Cut);
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "txn", 11).await;
    // The first that says anything is this client's: the line itself only looks whether it may listen.
    let mut byte = [0];
    while broker.accept().await.unwrap().0.read(&mut byte).await.unwrap() == 0 {}
    assert!(answered(&mut client).await.is_err(), "the broker is gone");
    assert!(!lost.has_struck());
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 2, "txn", 11).await;
    loop {
        let (mut behind, _) = broker.accept().await.unwrap();
        if behind.read_u32().await.is_ok() {
            behind.write_all(&[0, 0, 0, 4, 0, 0, 0, 2]).await.unwrap();
            lost.struck(SOON).await.unwrap();
            return;
        }
    }
}

#[tokio::test]
async fn an_order_that_nobody_keeps_is_withdrawn() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    drop(line.hold_end_txn(Whose::Anyones, Then::Cut, Until::Told));
    drop(line.lose_answer(Api::EndTxn, Whose::Anyones, Then::Cut));
    let mut client = connect(&line).await;
    ask(&mut client, END_TXN, 1, "txn", 11).await;
    assert_eq!(answered(&mut client).await.unwrap(), (1, 10));
}

#[tokio::test]
async fn who_is_cut_off_is_refused_until_the_time_is_over() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let mut clients = [connect(&line).await, connect(&line).await];
    for client in &mut clients {
        ask(client, PRODUCE, 1, "", 0).await;
        answered(client).await.unwrap();
    }
    let long = Duration::from_secs(1);
    let begun = std::time::Instant::now();
    assert!(line.cut(long).await >= 2);
    for client in &mut clients {
        assert!(answered(client).await.is_err());
    }
    let refused = TcpStream::connect(&line.addresses()[0]).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let mut client = connect(&line).await;
    assert!(begun.elapsed() >= long);
    ask(&mut client, PRODUCE, 2, "", 0).await;
    assert_eq!(answered(&mut client).await.unwrap(), (2, 10));
    broker.sees((PRODUCE, 2)).await;
}

#[tokio::test]
async fn where_nobody_listens_behind_clients_are_refused() {
    let broker = Scripted::start(0).await;
    let line = broker.line();
    let mut client = connect(&line).await;
    ask(&mut client, PRODUCE, 1, "", 0).await;
    answered(&mut client).await.unwrap();
    broker.answering.abort();
    assert!(answered(&mut client).await.is_err());
    eventually("the line refuses", async || {
        TcpStream::connect(&line.addresses()[0]).await.is_err()
    })
    .await;
    let back = TcpListener::bind(&broker.address).await.unwrap();
    let mut client = connect(&line).await;
    ask(&mut client, PRODUCE, 2, "", 0).await;
    loop {
        let (mut behind, _) = back.accept().await.unwrap();
        if behind.read_u32().await.is_ok() {
            return;
        }
    }
}
