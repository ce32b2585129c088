//! One request of Kafka's protocol, by hand: which brokers does this one know of? A port that is open
//! says nothing yet; an answer that names the brokers says that they are registered and not fenced.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(2);

/// Node ids out of the answer to Metadata version 1, asked for no topic.
pub(super) async fn brokers(address: &str) -> io::Result<Vec<i32>> {
    tokio::time::timeout(LIMIT, ask(address)).await?
}

async fn ask(address: &str) -> io::Result<Vec<i32>> {
    // size; api key 3, version 1; correlation id 7; a null client id; an array of no topics
    const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];
    let mut broker = TcpStream::connect(address).await?;
    broker.write_all(&REQUEST).await?;
    let _size = broker.read_i32().await?;
    let _correlation = broker.read_i32().await?;
    let mut nodes = Vec::new();
    for _ in 0..broker.read_i32().await? {
        nodes.push(broker.read_i32().await?);
        skip(&mut broker).await?; // host
        broker.read_i32().await?; // port
        skip(&mut broker).await?; // rack
    }
    Ok(nodes)
}

async fn skip(broker: &mut TcpStream) -> io::Result<()> {
    let length = usize::try_from(broker.read_i16().await?).unwrap_or(0); // -1 is null
    let mut text = vec![0; length];
    broker.read_exact(&mut text).await.map(drop)
}
