//! A mail server that takes every mail and remembers it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Their subjects: how often each arrived. A subject names the order and what is told of it.
type Subjects = Arc<Mutex<BTreeMap<String, usize>>>;

pub(super) struct Mails {
    port: u16,
    subjects: Subjects,
}

impl Mails {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let subjects = Subjects::default();
        let taking = Arc::clone(&subjects);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let subjects = Arc::clone(&taking);
                // The client may hang up whenever it likes, or be killed.
                tokio::spawn(async move { take(stream, &subjects).await.ok() });
            }
        });
        Self { port, subjects }
    }

    /// For `SMTP_URL`.
    pub(super) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// How often the mail with that subject arrived.
    pub(super) fn arrived(&self, subject: &str) -> usize {
        self.subjects.lock().unwrap().get(subject).copied().unwrap_or_default()
    }

    /// Mails that arrived more than once.
    pub(super) fn more_than_once(&self) -> usize {
        self.subjects.lock().unwrap().values().filter(|times| **times > 1).count()
    }
}

async fn take(stream: TcpStream, subjects: &Subjects) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test ESMTP\r\n").await?;
    let mut is_mail = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match (is_mail, line) {
            (true, ".") => {
                is_mail = false;
                "250 taken"
            }
            (true, line) => {
                if let Some(subject) = line.strip_prefix("Subject: ") {
                    *subjects.lock().unwrap().entry(subject.to_owned()).or_default() += 1;
                }
                continue;
            }
            (false, "DATA") => {
                is_mail = true;
                "354 go on"
            }
            (false, "QUIT") => "221 bye",
            (false, _) => "250 fine",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}
