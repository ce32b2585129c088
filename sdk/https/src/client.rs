//! One request and its answer. What went wrong says whether anything was sent: only then must whoever
//! asked something to be done doubt whether it was.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    Trust,
    connect::Connect,
    outward::{Allowed, Destination, Guarded, RefusedAddress},
};

/// Bytes that the head of a stranger's answer may have.
const MOST_HEAD: usize = 16 * 1024;
/// Connections to one stranger that are kept for the next question, and how long.
const MOST_KEPT: usize = 2;
const KEPT_FOR: Duration = Duration::from_secs(10);

/// What one question may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// All of it: connecting, asking, and reading the answer.
    pub whole: Duration,
    /// Bytes of an answer.
    pub bytes: usize,
}

/// Asks over HTTP/1.1, and keeps connections for the next question. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<Connect, Full<Bytes>>,
    bounds: Bounds,
    /// Where strangers say whom to ask: what may be asked though it isn't public.
    guarded: Option<Arc<[Allowed]>>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, which was read whatever became of the rest.
    pub status: StatusCode,
    /// What came with it.
    pub headers: HeaderMap,
    /// The rest.
    pub body: Result<Vec<u8>, AskError>,
}

/// Why there is no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The address isn't one that may be asked, or its name leads to one that isn't. Nothing was sent,
    /// and the address isn't quoted.
    #[error("the address is refused: {0}")]
    Refused(String),
    /// There was no connection, and so nothing was sent: nobody is there, or isn't who they should be.
    #[error("it can't be reached: {0}")]
    NotReached(String),
    /// The time is over. What was asked may have arrived.
    #[error("it didn't answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The connection broke. What was asked may have arrived.
    #[error("its answer was lost: {0}")]
    Lost(String),
    /// There is more of the answer than so many bytes.
    #[error("its answer has more than {0} bytes")]
    TooLong(usize),
}

impl Client {
    /// A client for servers that `trust` vouches for, where they are asked by `https`. Makes no call
    /// yet.
    pub fn new(trust: &Trust, bounds: Bounds) -> Self {
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Connect::new(trust, bounds.connect));
        Self { inner, bounds, guarded: None }
    }

    /// A client for addresses that strangers gave. It asks by https only, and only what is on the public
    /// Internet, whatever name leads there: each address is checked when it is connected to. What is
    /// `allowed` may be asked wherever it is, by http too.
    pub fn outward(
        trust: &Trust,
        bounds: Bounds,
        allowed: impl IntoIterator<Item = Allowed>,
    ) -> Self {
        Self::guarded(trust, bounds, Guarded::new(allowed.into_iter().collect()))
    }

    pub(crate) fn guarded(trust: &Trust, bounds: Bounds, guarded: Guarded) -> Self {
        let allowed = Arc::clone(&guarded.allowed);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(MOST_KEPT)
            .http1_max_buf_size(MOST_HEAD)
            .build(Connect::guarded(trust, bounds.connect, guarded));
        Self { inner, bounds, guarded: Some(allowed) }
    }

    /// Whether this client would ask there, as far as the text says; what a name leads to is looked at
    /// when it is asked.
    ///
    /// # Errors
    /// [`AskError::Refused`], if it never would.
    pub fn check(&self, address: &Uri) -> Result<(), AskError> {
        let Some(allowed) = &self.guarded else { return Ok(()) };
        Destination::of(address, allowed)
            .map(drop)
            .map_err(|RefusedAddress(why)| AskError::Refused(why))
    }

    /// The answer to `request`, whose address is a whole one.
    ///
    /// # Errors
    /// If not even a status was read.
    pub async fn ask(&self, request: Request<Vec<u8>>) -> Result<Answer, AskError> {
        self.check(request.uri())?;
        let deadline = Instant::now() + self.bounds.whole;
        let late = || AskError::Late(self.bounds.whole);
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let asked = timeout_at(deadline, self.inner.request(request)).await;
        let response = asked.map_err(|_| late())?.map_err(|error| match refusal(&error) {
            Some(why) => AskError::Refused(why),
            None if error.is_connect() => AskError::NotReached(why(&error)),
            None => AskError::Lost(why(&error)),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let read = timeout_at(deadline, self.read(response.into_body())).await;
        Ok(Answer { status, headers, body: read.unwrap_or_else(|_| Err(late())) })
    }

    async fn read<B>(&self, mut from: B) -> Result<Vec<u8>, AskError>
    where
        B: BodyExt<Data = Bytes, Error: Error> + Unpin,
    {
        let mut body = Vec::new();
        while let Some(frame) = from.frame().await {
            let frame = frame.map_err(|error| AskError::Lost(why(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            if body.len() + data.len() > self.bounds.bytes {
                return Err(AskError::TooLong(self.bounds.bytes));
            }
            body.extend_from_slice(&data);
        }
        Ok(body)
    }
}

/// That the address which a name leads to isn't one to be asked.
fn refusal(error: &dyn Error) -> Option<String> {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.find_map(|cause| Some(cause.downcast_ref::<RefusedAddress>()?.0.clone()))
}

/// The causes: what is on top of them only says that there was an error.
fn why(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
