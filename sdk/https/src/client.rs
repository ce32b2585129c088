//! One request and its answer. What went wrong says whether anything was sent: only then must whoever
//! asked something to be done doubt whether it was.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};

use crate::{Trust, connect::Connect};

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
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, which was read whatever became of the rest.
    pub status: StatusCode,
    /// The rest.
    pub body: Result<Vec<u8>, AskError>,
}

/// Why there is no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
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
        Self { inner, bounds }
    }

    /// The answer to `request`, whose address is a whole one.
    ///
    /// # Errors
    /// If not even a status was read.
    pub async fn ask(&self, request: Request<Vec<u8>>) -> Result<Answer, AskError> {
        let deadline = Instant::now() + self.bounds.whole;
        let late = || AskError::Late(self.bounds.whole);
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let asked = timeout_at(deadline, self.inner.request(request)).await;
        let response = asked.map_err(|_| late())?.map_err(|error| match error.is_connect() {
            true => AskError::NotReached(why(&error)),
            false => AskError::Lost(why(&error)),
        })?;
        let status = response.status();
        let read = timeout_at(deadline, self.read(response.into_body())).await;
        Ok(Answer { status, body: read.unwrap_or_else(|_| Err(late())) })
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
