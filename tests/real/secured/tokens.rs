//! An issuer of tokens, as OpenID Connect has it: who names its client and secret is given one.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

pub(super) const CLIENT: &str = "tests";
pub(super) const SECRET: &str = "of-the-client";
/// Both, as HTTP's Basic scheme wants them.
const LOGIN: &str = "Basic dGVzdHM6b2YtdGhlLWNsaWVudA==";
/// Unsigned, which the broker of these tests takes: {"alg":"none"}, {"sub":"tests",
/// "iat":1700000000,"exp":4102444800}.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.\
                     eyJzdWIiOiJ0ZXN0cyIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.";

pub(super) struct Tokens {
    port: u16,
    given: Arc<AtomicUsize>,
}

impl Tokens {
    pub(super) async fn issuer() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let given = Arc::<AtomicUsize>::default();
        let giving = Arc::clone(&given);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let given = Arc::clone(&giving);
                // The client may hang up whenever it likes.
                tokio::spawn(async move { answer(stream, &given).await.ok() });
            }
        });
        Self { port, given }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// Tokens given so far.
    pub(super) fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }
}

/// One request of a connection.
async fn answer(stream: TcpStream, given: &AtomicUsize) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut is_known) = (0, false);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or_default(),
            "authorization" => is_known = value == LOGIN,
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    let (status, body) = if is_known {
        given.fetch_add(1, Ordering::Relaxed);
        let body =
            format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}"#);
        ("200 OK", body)
    } else {
        ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned())
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes()).await
}
