//! A mail server that speaks enough SMTP, and misbehaves when told to.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use notifications::{Mail, Smtp};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: String,
    pub text: String,
}

impl Received {
    /// The value of a header that stands on one line.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let begins = format!("{name}: ");
        head.split("\r\n").filter_map(|line| line.strip_prefix(&begins)).collect()
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

/// What the server does, and what it has seen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Hangs up at once.
    pub is_down: bool,
    /// Accepts and says nothing.
    pub is_silent: bool,
    /// Hangs up instead of answering the next so many mails, which it has taken.
    pub lost_answers: usize,
    /// Answers to `MAIL FROM` or `RCPT TO` of an address, instead of 250.
    pub answers: HashMap<String, &'static str>,

    pub mails: Vec<Received>,
    pub logins: Vec<String>,
    pub connections: usize,
    pub open: usize,
    pub most_open: usize,
}

#[derive(Clone)]
pub struct SmtpServer {
    port: u16,
    state: watch::Sender<State>,
    /// Ends with the last clone.
    _sessions: Arc<Mutex<JoinSet<()>>>,
}

impl SmtpServer {
    pub async fn start(state: State) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = watch::Sender::new(state);
        let mut sessions = JoinSet::new();
        sessions.spawn(accept(listener, state.clone()));
        Self { port, state, _sessions: Arc::new(Mutex::new(sessions)) }
    }

    /// Settings that lead to it.
    pub fn smtp(&self) -> Smtp {
        let mut smtp =
            Smtp::new(&format!("smtp://127.0.0.1:{}", self.port), "The Shop <orders@shop.example>")
                .unwrap();
        smtp.patience = Duration::from_secs(10);
        smtp
    }

    pub fn mail(&self) -> Mail {
        Mail::Smtp(self.smtp())
    }

    /// The same with a login.
    pub fn mail_with_login(&self, option: &str) -> Mail {
        let url = format!("smtp://me:hunter2@127.0.0.1:{}{option}", self.port);
        Mail::Smtp(Smtp::new(&url, "orders@shop.example").unwrap())
    }

    pub fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }

    pub fn seen(&self) -> State {
        self.state.borrow().clone()
    }

    pub async fn until(&self, what: &str, is_so: impl FnMut(&State) -> bool) -> State {
        let mut states = self.state.subscribe();
        let waiting = tokio::time::timeout(Duration::from_secs(90), states.wait_for(is_so));
        waiting.await.unwrap_or_else(|_| panic!("{what}: {:?}", self.seen())).unwrap().clone()
    }
}

async fn accept(listener: TcpListener, state: watch::Sender<State>) {
    let mut sessions = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        sessions.spawn(async move {
            state.send_modify(|s| {
                s.connections += 1;
                s.open += 1;
                s.most_open = s.most_open.max(s.open);
            });
            // The client may hang up whenever it likes.
            let _ = session(stream, &state).await;
            state.send_modify(|s| s.open -= 1);
        });
    }
}

async fn session(stream: TcpStream, state: &watch::Sender<State>) -> io::Result<()> {
    let now = state.borrow().clone();
    if now.is_down {
        return Ok(());
    }
    let mut stream = BufReader::new(stream);
    if now.is_silent {
        let mut nothing = String::new();
        stream.read_line(&mut nothing).await?;
        return Ok(());
    }
    say(&mut stream, "220 test ESMTP").await?;
    let (mut from, mut to) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => {
                state.send_modify(|s| s.logins.push(line.to_owned()));
                "235 welcome"
            }
            "MAIL" => {
                from = address(line);
                answer_to(state, &from)
            }
            "RCPT" => {
                to = address(line);
                answer_to(state, &to)
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let text = read_mail(&mut stream).await?;
                let mail = Received { from: from.clone(), to: to.clone(), text };
                let mut is_lost = false;
                state.send_modify(|s| {
                    s.mails.push(mail);
                    is_lost = s.lost_answers > 0;
                    s.lost_answers = s.lost_answers.saturating_sub(1);
                });
                if is_lost {
                    return Ok(());
                }
                "250 taken"
            }
            "QUIT" => {
                say(&mut stream, "221 bye").await?;
                return Ok(());
            }
            _ => "250 fine",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}

async fn read_mail(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let begin = text.len();
        if stream.read_line(&mut text).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &text[begin..] == ".\r\n" {
            text.truncate(begin);
            return Ok(text);
        }
        if text[begin..].starts_with('.') {
            text.remove(begin);
        }
    }
}

fn address(line: &str) -> String {
    let from = line.find('<').map_or(0, |at| at + 1);
    line[from..line.rfind('>').unwrap_or(line.len())].to_owned()
}

fn answer_to(state: &watch::Sender<State>, address: &str) -> &'static str {
    state.borrow().answers.get(address).copied().unwrap_or("250 fine")
}
