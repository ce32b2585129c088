//! Two thousand clients of one order-api: in a process of its own, whose memory is looked at.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

mod live;

use std::{fs, time::Duration};

use futures::future::join_all;
use live::{LiveShop, shop::started};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const CLIENTS: usize = 2_000;
const ORDERS: usize = 100;
/// Of a client, its own end and its stub of a reader included.
const MOST_BYTES: usize = 64 * 1024;

/// A client that keeps only what it looks for.
struct Client {
    stream: TcpStream,
    text: String,
}

impl Client {
    async fn open(address: &str, order: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET /orders/{order}/events HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, text: String::new() }
    }

    async fn until(&mut self, words: &str) {
        let reading = async {
            let mut chunk = [0; 1_024];
            while !self.text.contains(words) {
                let count = self.stream.read(&mut chunk).await.unwrap();
                assert!(count > 0, "it ended: {}", self.text);
                self.text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
            }
            self.text = String::new();
        };
        timeout(Duration::from_secs(120), reading).await.expect(words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_clients_hear_of_their_orders_by_one_reader_and_take_little_memory() {
    let shop = LiveShop::open().await;
    let mut placed = Vec::new();
    for number in 0..ORDERS {
        placed.push(shop.place(&format!("o-{number}")).await);
    }
    let address = shop.urls[0].strip_prefix("http://").unwrap();
    let open = async |number: usize| {
        let mut client = Client::open(address, &format!("o-{}", number % ORDERS)).await;
        client.until("from here on as it happens").await;
        client
    };
    // What the first one takes isn't one client's.
    let _first = open(0).await;
    let (readers_before, memory_before) = (readers(), memory());
    let mut clients = Vec::new();
    for round in 0..CLIENTS / 100 {
        clients.extend(join_all((0..100).map(|number| open(round * 100 + number))).await);
    }
    let (readers_with, memory_with) = (readers(), memory());
    let each = memory_with.saturating_sub(memory_before) / CLIENTS;
    println!(
        "{CLIENTS} clients: {each} bytes of memory each, {readers_with} reader(s) in the process"
    );
    assert_eq!(readers_with, readers_before, "a client brought a reader along");
    // One of order-api's, one of the history that this test made.
    assert_eq!(readers_with, 2);
    assert!(each <= MOST_BYTES, "{each} bytes each");

    for sequence in 1..=3 {
        let emitted = placed.iter().enumerate().map(|(number, cause)| {
            let event = started(&format!("o-{number}"), sequence, cause);
            let shop = &shop;
            async move { shop.emit(&event).await }
        });
        let ids = join_all(emitted).await;
        let hearing = clients.iter_mut().enumerate().map(|(number, client)| {
            let id = &ids[number % ORDERS];
            async move { client.until(id).await }
        });
        join_all(hearing).await;
    }
    let after = memory().saturating_sub(memory_before) / CLIENTS;
    println!("after {} events to all: {after} bytes each", 3);
    assert!(after <= MOST_BYTES, "{after} bytes each");
}

/// Threads that read topics without a group.
fn readers() -> usize {
    let names = fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "orderly-tail").count()
}

/// Bytes that the process has resident.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}
