//! An engine by script: it answers as Docker's does, and in place of a container it runs a thread that
//! answers PING at the published port. Real containers need a real engine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

#[derive(Clone, Default)]
struct State {
    images: bool,
    changes: Arc<Mutex<Vec<String>>>,
    made: Arc<Mutex<String>>,
    runs: Arc<Mutex<bool>>,
    published: Arc<Mutex<Option<Published>>>,
}

struct Published {
    address: String,
    answering: JoinHandle<()>,
}

pub struct ScriptedEngine {
    /// `DOCKER_HOST`.
    pub address: String,
    state: State,
}

impl ScriptedEngine {
    /// Without images it has none, and a pull takes for ever.
    pub fn start(images: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let state = State { images, ..State::default() };
        let answering = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = answering.clone();
                thread::spawn(move || serve(client, &state));
            }
        });
        Self { address, state }
    }

    /// What was asked of containers, in order.
    pub fn changes(&self) -> Vec<String> {
        self.state.changes.lock().unwrap().clone()
    }

    /// The body of the request that made the container.
    pub fn made(&self) -> String {
        self.state.made.lock().unwrap().clone()
    }
}

fn serve(client: TcpStream, state: &State) {
    let mut lines = BufReader::new(client.try_clone().unwrap());
    let mut client = client;
    let mut asked = String::new();
    while lines.read_line(&mut asked).is_ok_and(|read| read > 0) {
        let mut length = 0;
        let mut header = String::new();
        while lines.read_line(&mut header).is_ok_and(|read| read > 2) {
            if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            header.clear();
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        if asked.contains("/images/create") {
            let _ = lines.read(&mut [0]); // until the client gives up
            return;
        }
        let (status, answer) = state.answer(&asked, &String::from_utf8(body).unwrap());
        let length = if status == 204 {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", answer.len())
        };
        let head =
            format!("HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{length}\r\n");
        if client.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
        asked.clear();
    }
}

impl State {
    fn answer(&self, asked: &str, body: &str) -> (u16, String) {
        let method = asked.split(' ').next().unwrap();
        let path = asked.split([' ', '?']).nth(1).unwrap();
        let last = path.rsplit('/').next().unwrap();
        match (method, last) {
            (_, "_ping") => (200, "OK".to_owned()),
            ("GET", "json") if path.contains("/images/") && self.images => (200, "{}".to_owned()),
            ("GET", "json") if path.contains("/containers/") => {
                let runs = *self.runs.lock().unwrap();
                (
                    200,
                    format!(
                        r#"{{"Id":"c1","State":{{"Running":{runs}}},"NetworkSettings":{{"Ports":{{}}}}}}"#
                    ),
                )
            }
            ("POST", "create") if path.contains("/containers/") => {
                body.clone_into(&mut self.made.lock().unwrap());
                self.changed(last, false);
                (201, r#"{"Id":"c1","Warnings":[]}"#.to_owned())
            }
            ("POST", "start") => {
                self.changed(last, true);
                self.publish();
                (204, String::new())
            }
            ("POST", "pause" | "unpause") => {
                self.changed(last, true);
                (204, String::new())
            }
            ("POST", "kill" | "stop") => {
                self.changed(last, false);
                self.close();
                (204, String::new())
            }
            ("DELETE", _) if path.contains("/containers/") => {
                self.changed(method, false);
                self.close();
                (204, String::new())
            }
            _ => (404, r#"{"message":"not in the script"}"#.to_owned()),
        }
    }

    fn changed(&self, what: &str, runs: bool) {
        self.changes.lock().unwrap().push(what.to_owned());
        *self.runs.lock().unwrap() = runs;
    }

    /// Answers at the host's port while the container runs.
    fn publish(&self) {
        let made = self.made.lock().unwrap().clone();
        let port =
            made.split(r#""HostPort":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let address = format!("127.0.0.1:{port}");
        let listener = TcpListener::bind(&address).unwrap();
        let runs = Arc::clone(&self.runs);
        let answering = thread::spawn(move || {
            for client in listener.incoming() {
                if !*runs.lock().unwrap() {
                    return;
                }
                let _ = client.and_then(|mut client| client.write_all(b"+PONG\r\n"));
            }
        });
        *self.published.lock().unwrap() = Some(Published { address, answering });
    }

    /// The last one who asks closes the port.
    fn close(&self) {
        if let Some(Published { address, answering }) = self.published.lock().unwrap().take() {
            drop(TcpStream::connect(address));
            answering.join().unwrap();
        }
    }
}
