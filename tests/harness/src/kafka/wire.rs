//! Two requests of Kafka's protocol, by hand.
//!
//! Which brokers does this one know of? A port that is open says nothing yet; an answer that names
//! the brokers says that they are registered and not fenced. And: a topic whose replicas are chosen.

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

/// CreateTopics version 2. `replicas` are each partition's brokers, its leader first.
pub(super) async fn create_topic(
    address: &str,
    name: &str,
    replicas: &[Vec<i32>],
) -> io::Result<()> {
    let limit = 10 * LIMIT; // of all replicas made
    tokio::time::timeout(limit, create(address, name, replicas)).await?
}

async fn create(address: &str, name: &str, replicas: &[Vec<i32>]) -> io::Result<()> {
    let count = |length: usize| i32::try_from(length).map_err(io::Error::other);
    // api key 19, version 2; correlation id 7; a null client id; an array of one topic
    let mut request: Vec<u8> = vec![0, 19, 0, 2, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 1];
    request.extend(u16::try_from(name.len()).map_err(io::Error::other)?.to_be_bytes());
    request.extend(name.as_bytes());
    request.extend([0xff; 6]); // partitions and replication factor: as the replicas say
    request.extend(count(replicas.len())?.to_be_bytes());
    for (partition, brokers) in (0_i32..).zip(replicas) {
        request.extend(partition.to_be_bytes());
        request.extend(count(brokers.len())?.to_be_bytes());
        brokers.iter().for_each(|broker| request.extend(broker.to_be_bytes()));
    }
    request.extend([0; 4]); // no settings
    request.extend(10_000_i32.to_be_bytes()); // within ten seconds
    request.push(0); // not only to validate
    let mut broker = TcpStream::connect(address).await?;
    broker.write_i32(count(request.len())?).await?;
    broker.write_all(&request).await?;
    for _ in 0..4 {
        broker.read_i32().await?; // size, correlation id, throttled for, topics
    }
    skip(&mut broker).await?; // its name
    match broker.read_i16().await? {
        0 => Ok(()),
        code => Err(io::Error::other(format!("topic {name}: error {code} of the broker"))),
    }
}
