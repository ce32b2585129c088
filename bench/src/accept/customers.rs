//! Customers on connections of their own: as many requests as are answered, or so many a second. A
//! client of a few lines, so that the cores are left to what is measured.

use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use super::requests::Requests;
use crate::{
    Error,
    round::{Round, milliseconds_at},
};

/// Connections of one load.
pub(super) const CONNECTIONS: usize = 64;
/// The longest answer, head and body.
const LONGEST: usize = 16 * 1024;
const ACCEPTED: u16 = 202;

/// Numbers of requests, no two the same in a run.
#[derive(Default)]
pub(super) struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A load on one server.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) address: String,
    pub(super) requests: Arc<Requests>,
    pub(super) numbers: Arc<Numbers>,
}

/// How long answers took, in milliseconds from when a request was to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) highest: f64,
    pub(super) requests: u64,
}

impl Load {
    /// Each connection asks again as soon as it is answered, for so long.
    pub(super) async fn as_fast_as_answered(&self, time: Duration) -> Result<Round, Error> {
        let connections = self.connect().await?;
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for mut connection in connections {
            let load = self.clone();
            asking.spawn(async move {
                let mut accepted = 0;
                while began.elapsed() < time {
                    connection.order(&load).await?;
                    accepted += 1;
                }
                Ok::<_, Error>(accepted)
            });
        }
        let mut records = 0;
        while let Some(accepted) = asking.join_next().await {
            records += accepted??;
        }
        Ok(Round { records, seconds: began.elapsed().as_secs_f64(), is_cut: false })
    }

    /// So many a second, whether answered or not: one that finds no free connection waits for it, and
    /// that counts.
    pub(super) async fn at(&self, rate: f64, time: Duration) -> Result<Latencies, Error> {
        let connections = self.connect().await?;
        let (line, orders) = mpsc::unbounded_channel::<Instant>();
        let orders = Arc::new(Mutex::new(orders));
        let mut asking = JoinSet::new();
        for mut connection in connections {
            let (load, orders) = (self.clone(), Arc::clone(&orders));
            asking.spawn(async move {
                let mut took = Vec::new();
                loop {
                    let next = orders.lock().await.recv().await;
                    let Some(due) = next else { return Ok::<_, Error>(took) };
                    connection.order(&load).await?;
                    took.push(Instant::now().duration_since(due));
                }
            });
        }
        // On a thread of its own, which sleeps until the next is due and catches up where it overslept.
        let began = Instant::now();
        let sending = tokio::task::spawn_blocking(move || {
            for number in 0_u32.. {
                let due = Duration::from_secs_f64(f64::from(number) / rate);
                if due >= time {
                    break;
                }
                if let Some(early) = due.checked_sub(began.elapsed()) {
                    std::thread::sleep(early);
                }
                // Once every connection failed nobody listens: why, they say.
                if line.send(began + due).is_err() {
                    break;
                }
            }
        });
        sending.await?;
        let mut took = Vec::new();
        while let Some(done) = asking.join_next().await {
            took.extend(done??);
        }
        took.sort_unstable();
        Ok(latencies(&took))
    }

    async fn connect(&self) -> Result<Vec<Connection>, Error> {
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(&self.address).await?);
        }
        Ok(connections)
    }
}

fn latencies(sorted: &[Duration]) -> Latencies {
    let at = |part| milliseconds_at(part, sorted);
    Latencies { p50: at(500), p99: at(990), highest: at(1_000), requests: sorted.len() as u64 }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.map_err(|e| format!("{address}: {e}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), answer: vec![0; LONGEST] })
    }

    /// Places the next order. An error where it isn't accepted: then nothing can be compared.
    async fn order(&mut self, load: &Load) -> Result<(), Error> {
        load.requests.write(load.numbers.next(), &mut self.request);
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                return Err("the connection was closed before the answer was there".into());
            }
            filled += read;
            let answer = &self.answer[..filled];
            if let Some((status, length)) = head(answer)?
                && filled >= length
            {
                if status == ACCEPTED && filled == length {
                    return Ok(());
                }
                let text = String::from_utf8_lossy(answer);
                return Err(format!("an order wasn't accepted: {text}").into());
            }
        }
    }
}

/// Status and length with the body, once the head is there.
fn head(answer: &[u8]) -> Result<Option<(u16, usize)>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(answer)? else {
        return Ok(None);
    };
    let of_body = parsed.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let of_body = of_body.and_then(|h| std::str::from_utf8(h.value).ok()?.parse::<usize>().ok());
    let of_body = of_body.ok_or("an answer without Content-Length")?;
    Ok(Some((parsed.code.unwrap_or_default(), length + of_body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_the_last_byte_of_its_body() {
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(head(answer).unwrap(), Some((202, answer.len())));
        assert_eq!(head(&answer[..20]).unwrap(), None);
        assert!(head(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }
}
