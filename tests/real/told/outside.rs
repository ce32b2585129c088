//! A receiver of webhooks, a provider of text messages and a mail server, with one log each. While a log is
//! told to hold, nobody is answered: who is killed then has lost the answer, and the log says so.

use std::{collections::HashMap, io, net::SocketAddr};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What came of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    pub(super) came: u64,
    /// How often it was answered as taken.
    pub(super) taken: u64,
    /// How often whoever sent it was gone before it was answered.
    pub(super) lost: u64,
}

#[derive(Default)]
pub(super) struct Book {
    is_holding: bool,
    /// Messages that came and aren't answered.
    pub(super) open: u64,
    /// By the id that the sender gave.
    pub(super) messages: HashMap<String, Tries>,
}

impl Book {
    pub(super) fn taken(&self) -> u64 {
        self.messages.values().map(|tries| tries.taken).sum()
    }

    pub(super) fn lost(&self) -> u64 {
        self.messages.values().map(|tries| tries.lost).sum()
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Log(watch::Sender<Book>);

impl Log {
    fn new() -> Self {
        Self(watch::Sender::new(Book::default()))
    }

    pub(super) fn hold(&self, is_holding: bool) {
        self.0.send_modify(|book| book.is_holding = is_holding);
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&Book) -> T) -> T {
        at(&self.0.borrow())
    }

    /// Answers, unless whoever waits is gone before that may be.
    async fn answer(
        &self,
        id: &str,
        stream: &mut BufReader<TcpStream>,
        answer: &[u8],
    ) -> io::Result<()> {
        self.0.send_modify(|book| {
            book.open += 1;
            book.messages.entry(id.to_owned()).or_default().came += 1;
        });
        let mut book = self.0.subscribe();
        let may = tokio::select! {
            biased;
            may = book.wait_for(|book| !book.is_holding) => may.is_ok(),
            // Nobody says anything more before the answer: that is the connection's end.
            _ = stream.fill_buf() => false,
        };
        let written = match may {
            true => stream.write_all(answer).await,
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.0.send_modify(|book| {
            book.open -= 1;
            let tries = book.messages.entry(id.to_owned()).or_default();
            let is_taken = u64::from(written.is_ok());
            (tries.taken, tries.lost) = (tries.taken + is_taken, tries.lost + 1 - is_taken);
        });
        written
    }
}

/// Takes webhooks; its address and its log.
pub(super) async fn receiver() -> (String, Log) {
    http_server("hooks", "webhook-id", "HTTP/1.1 204 No Content\r\n\r\n").await
}

/// Takes text messages; its address and its log.
pub(super) async fn provider() -> (String, Log) {
    let answer = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n\
                  {\"sid\":\"SM1\"}";
    http_server("messages", "idempotency-key", answer).await
}

/// `id` is the header that tells messages apart.
async fn http_server(path: &str, id: &'static str, answer: &'static str) -> (String, Log) {
    let take = move |stream, log| async move { take_posts(stream, &log, id, answer).await };
    let (at, log) = serve(take).await;
    (format!("http://{at}/{path}"), log)
}

/// Has each connection taken; where it listens, and the log that they share.
async fn serve<F>(
    take: impl Fn(BufReader<TcpStream>, Log) -> F + Send + 'static,
) -> (SocketAddr, Log)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (listener, log) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Log::new());
    let at = listener.local_addr().unwrap();
    let kept = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(BufReader::new(stream), kept.clone()));
        }
    });
    (at, log)
}

async fn take_posts(
    mut stream: BufReader<TcpStream>,
    log: &Log,
    id_header: &str,
    answer: &str,
) -> io::Result<()> {
    loop {
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let line = line(&mut stream).await?;
            let Some((name, value)) = line.split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                name if name == id_header => value.trim().clone_into(&mut id),
                "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
                _ => {}
            }
        }
        stream.read_exact(&mut vec![0; length]).await?;
        log.answer(&id, &mut stream, answer.as_bytes()).await?;
    }
}

/// Takes mails by SMTP; its url and its log.
pub(super) async fn mail_server() -> (String, Log) {
    let (at, log) = serve(|stream, log| async move { take_mails(stream, &log).await }).await;
    (format!("smtp://{at}?tls=none"), log)
}

async fn take_mails(mut stream: BufReader<TcpStream>, log: &Log) -> io::Result<()> {
    stream.write_all(b"220 test ESMTP\r\n").await?;
    loop {
        let said = line(&mut stream).await?;
        match said.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => stream.write_all(b"250-test\r\n250 8BITMIME\r\n").await?,
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut id = String::new();
                loop {
                    let line = line(&mut stream).await?;
                    if line == ".\r\n" {
                        break;
                    }
                    if let Some(said) = line.strip_prefix("Message-ID: ") {
                        said.trim().clone_into(&mut id);
                    }
                }
                log.answer(&id, &mut stream, b"250 taken\r\n").await?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(b"250 fine\r\n").await?,
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}
