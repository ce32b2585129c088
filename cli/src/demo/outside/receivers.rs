//! Receivers of webhooks. They verify each signature and keep what came.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;

/// How long a silent one keeps who asks waiting.
const SILENCE: Duration = Duration::from_secs(60);
/// Seconds that a signature may be old.
const TOLERANCE: u64 = 300;

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Manner {
    Fine,
    /// 500 to the first so many requests.
    RefusesFirst(u64),
    /// Nothing to the first so many.
    SilentFirst(u64),
    /// Nobody listens there.
    Dead,
}

/// What came of one webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::demo) struct Seen {
    /// How often it came.
    pub(in crate::demo) tries: u64,
    /// How often it was answered 2xx.
    pub(in crate::demo) taken: u64,
    /// How often its signature didn't hold.
    pub(in crate::demo) unsigned: u64,
    /// From the event to the first time, milliseconds.
    pub(in crate::demo) first_after: i64,
}

/// One receiver. Cheap to clone.
#[derive(Clone)]
pub(in crate::demo) struct Receiver {
    at: SocketAddr,
    manner: Manner,
    secret: Arc<[u8]>,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    requests: u64,
    seen: HashMap<String, Seen>,
}

/// A secret of 32 random bytes, as it is written.
pub(super) fn new_secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

impl Receiver {
    pub(super) async fn listen(manner: Manner, secret: &str) -> io::Result<Self> {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let receiver = Self { at, manner, secret: key.into(), log: Arc::default() };
        if manner != Manner::Dead {
            let routes = Router::new().route("/hooks", post(receive)).with_state(receiver.clone());
            tokio::spawn(async move { axum::serve(listener, routes).await });
        }
        Ok(receiver)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks", self.at)
    }

    pub(super) fn is(&self, manner: Manner) -> bool {
        self.manner == manner
    }

    pub(super) fn seen(&self, id: &str) -> Option<Seen> {
        self.log().seen.get(id).copied()
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.log().seen.values().copied().collect()
    }

    /// By the specification, and not by the code that signed it.
    fn is_signed(&self, headers: &HeaderMap, body: &str, now: DateTime<Utc>) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let all = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
        let (Some(id), Some(at), Some(signatures)) = all else { return false };
        let is_old = |at: i64| now.timestamp().abs_diff(at) > TOLERANCE;
        if at.parse().ok().is_none_or(is_old) {
            return false;
        }
        signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|signature| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return false };
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            STANDARD.decode(signature).is_ok_and(|bytes| mac.verify_slice(&bytes).is_ok())
        })
    }

    /// Notes it; says how it is answered. `None`: not at all.
    fn note(&self, headers: &HeaderMap, body: &str) -> Option<StatusCode> {
        let now = Utc::now();
        let is_signed = self.is_signed(headers, body, now);
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let at = serde_json::from_str::<Value>(body).ok();
        let at = at.and_then(|body| body["timestamp"].as_str()?.parse::<DateTime<Utc>>().ok());
        let mut log = self.log();
        log.requests += 1;
        let answer = match self.manner {
            Manner::SilentFirst(first) if log.requests <= first => None,
            Manner::RefusesFirst(first) if log.requests <= first => {
                Some(StatusCode::INTERNAL_SERVER_ERROR)
            }
            _ if !is_signed => Some(StatusCode::UNAUTHORIZED),
            _ => Some(StatusCode::NO_CONTENT),
        };
        let seen = log.seen.entry(id.to_owned()).or_default();
        if seen.tries == 0 {
            seen.first_after = at.map_or(0, |at| (now - at).num_milliseconds());
        }
        seen.tries += 1;
        seen.unsigned += u64::from(!is_signed);
        seen.taken += u64::from(answer == Some(StatusCode::NO_CONTENT));
        answer
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    match receiver.note(&headers, &body) {
        Some(status) => status,
        None => {
            tokio::time::sleep(SILENCE).await;
            StatusCode::GATEWAY_TIMEOUT
        }
    }
}
