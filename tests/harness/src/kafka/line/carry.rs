//! One connection: requests one way and answers the other, each as it is, but for those of which
//! something was ordered. What passes isn't kept; memory doesn't grow with it.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::io::{BufReader, copy_buf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::hold::Kept;
use super::orders::{OnAnswer, Orders, Then, Verdict};
use super::request::Request;

/// As much of a request is read to know it: ids are short.
const HEAD: usize = 1024;
/// The largest that is held.
const MOST_HELD: usize = 64 * 1024;

/// Answers that are looked out for, by correlation id.
type Awaited = Mutex<HashMap<i32, OnAnswer>>;

/// Until either side ends it, or an order does.
pub(super) async fn carry(
    mut client: TcpStream,
    (mut broker, address): (TcpStream, &str),
    orders: &Orders,
) {
    // Each request and each answer is waited for by somebody.
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let awaited = Awaited::default();
    let ended = {
        let ((from_client, to_client), (from_broker, to_broker)) = (client.split(), broker.split());
        tokio::select! {
            ended = requests(from_client, to_broker, address, orders, &awaited) => ended,
            ended = answers(from_broker, to_client, &awaited) => ended,
        }
    };
    for (_, order) in awaited.into_inner().unwrap_or_else(PoisonError::into_inner) {
        orders.again(order);
    }
    drop(broker);
    if matches!(ended, Ok(Then::Silence)) {
        let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await; // until it gives up
    }
}

async fn requests(
    client: ReadHalf<'_>,
    mut broker: WriteHalf<'_>,
    address: &str,
    orders: &Orders,
    awaited: &Awaited,
) -> io::Result<Then> {
    let mut client = BufReader::new(client);
    while let Some(size) = size(&mut client).await? {
        let mut bytes = vec![0; 4 + size.min(HEAD)];
        bytes[..4].copy_from_slice(&length(size)?);
        client.read_exact(&mut bytes[4..]).await?;
        let rest = size - size.min(HEAD);
        let request = Request::read(&bytes[4..]);
        let verdict = request.as_ref().map_or(Verdict::Pass, |request| orders.judge(request));
        match (verdict, request) {
            (Verdict::Hold(hold), Some(request)) => {
                if size > MOST_HELD {
                    return Err(io::Error::other(format!("an EndTxn of {size} bytes")));
                }
                let head = bytes.len();
                bytes.resize(head + rest, 0);
                client.read_exact(&mut bytes[head..]).await?;
                let then = hold.keep(Kept { request, bytes, broker: address.to_owned() });
                orders.held(&hold);
                return Ok(then);
            }
            (Verdict::Await(order), Some(request)) => {
                let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
                awaited.insert(request.correlation, order);
            }
            (_, _) => {}
        }
        broker.write_all(&bytes).await?;
        pass(&mut client, rest, &mut broker).await?;
    }
    Ok(Then::Cut)
}

async fn answers(
    broker: ReadHalf<'_>,
    mut client: WriteHalf<'_>,
    awaited: &Awaited,
) -> io::Result<Then> {
    let mut broker = BufReader::new(broker);
    while let Some(size) = size(&mut broker).await? {
        let Some(rest) = size.checked_sub(4) else {
            return Err(io::Error::other("an answer without a correlation id"));
        };
        let mut head = [0; 8];
        head[..4].copy_from_slice(&length(size)?);
        broker.read_exact(&mut head[4..]).await?;
        let [_, _, _, _, correlation @ ..] = head;
        let correlation = i32::from_be_bytes(correlation);
        let order = awaited.lock().unwrap_or_else(PoisonError::into_inner).remove(&correlation);
        if let Some(OnAnswer::Lose(loss)) = &order {
            return Ok(loss.strike());
        }
        client.write_all(&head).await?;
        pass(&mut broker, rest, &mut client).await?;
        if let Some(OnAnswer::LetGo(hold)) = order {
            // Who asks the hold is told what came of it.
            tokio::spawn(async move { hold.let_go().await.map(drop) });
        }
    }
    Ok(Then::Cut)
}

/// `None`: the other side has ended, between two.
async fn size(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<usize>> {
    if from.fill_buf().await?.is_empty() {
        return Ok(None);
    }
    usize::try_from(from.read_i32().await?).map(Some).map_err(io::Error::other)
}

fn length(size: usize) -> io::Result<[u8; 4]> {
    u32::try_from(size).map(u32::to_be_bytes).map_err(io::Error::other)
}

async fn pass(
    from: &mut (impl AsyncBufRead + Unpin),
    bytes: usize,
    to: &mut WriteHalf<'_>,
) -> io::Result<()> {
    let bytes = u64::try_from(bytes).map_err(io::Error::other)?;
    match copy_buf(&mut from.take(bytes), to).await? {
        passed if passed == bytes => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
