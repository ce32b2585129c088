use orderly_harness::{Redis, need, parts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn say(address: &str, command: &str) -> std::io::Result<String> {
    let mut redis = TcpStream::connect(address).await?;
    redis.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
    let mut answer = String::new();
    redis.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn redis_killed_and_started_again_has_what_was_set() {
    let redis = need!(Redis::start().await);
    assert!(say(&redis.address(), "SET kept 7").await.unwrap().starts_with("+OK"));
    redis.kill().await.unwrap();
    assert!(say(&redis.address(), "GET kept").await.is_err());
    redis.start_again().await.unwrap();
    assert!(say(&redis.address(), "GET kept").await.unwrap().starts_with("$1\r\n7"));
}

#[tokio::test]
async fn tests_on_the_shared_redis_are_given_prefixes_of_their_own() {
    let (one, other) = (need!(parts::redis().await), need!(parts::redis().await));
    assert_eq!(one.url, other.url);
    assert_ne!(one.prefix, other.prefix);
    let address = one.url.strip_prefix("redis://").unwrap();
    assert!(say(address, &format!("SET {}kept 7", one.prefix)).await.unwrap().starts_with("+OK"));
}
