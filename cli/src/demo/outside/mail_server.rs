//! A mail server that hangs up while it is down, and keeps the `Message-ID` of each mail that it takes.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Bytes of a line.
const LONGEST: u64 = 64 * 1024;

/// The server. Cheap to clone.
#[derive(Clone)]
pub(in crate::demo) struct MailServer {
    at: SocketAddr,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    is_up: AtomicBool,
    /// Connections while it was down.
    turned_away: AtomicU64,
    /// How often each came, by its `Message-ID`.
    mails: Mutex<HashMap<String, u64>>,
}

impl MailServer {
    pub(super) async fn listen_down() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = Self { at: listener.local_addr()?, kept: Arc::default() };
        let kept = Arc::clone(&server.kept);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if kept.is_up.load(Ordering::SeqCst) {
                    let kept = Arc::clone(&kept);
                    // Who sends may hang up whenever it likes.
                    tokio::spawn(async move { drop(session(stream, &kept).await) });
                } else {
                    kept.turned_away.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.at)
    }

    /// From here on it takes mails.
    pub(in crate::demo) fn come_up(&self) {
        self.kept.is_up.store(true, Ordering::SeqCst);
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.kept.turned_away.load(Ordering::SeqCst)
    }

    /// How many mails came, and how many of them a second time.
    pub(super) fn taken(&self) -> (u64, u64) {
        let mails = self.kept.mails.lock().unwrap_or_else(PoisonError::into_inner);
        (mails.len() as u64, mails.values().map(|times| times - 1).sum())
    }
}

async fn session(stream: TcpStream, kept: &Kept) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 demo ESMTP\r\n").await?;
    loop {
        let line = line(&mut stream).await?;
        let answer: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "" => return Ok(()),
            "EHLO" => b"250-demo\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let id = read_mail(&mut stream).await?;
                let mut mails = kept.mails.lock().unwrap_or_else(PoisonError::into_inner);
                *mails.entry(id).or_default() += 1;
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// Its `Message-ID`.
async fn read_mail(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut id = String::new();
    loop {
        let line = line(stream).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(id);
        }
        if let Some(said) = line.strip_prefix("Message-ID: ").filter(|_| id.is_empty()) {
            id = said.trim().to_owned();
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(LONGEST).read_line(&mut line).await?;
    Ok(line)
}
