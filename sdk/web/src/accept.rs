//! Connections: bounded in number, and none may hang. The server that we use has no time limit of
//! its own for a client that never sends the rest of its request.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

/// A listener with bounds.
pub(crate) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    silence: Duration,
}

impl Bounded {
    /// At most `most` connections at once; one that neither sends nor takes anything for
    /// `silence` is closed.
    pub(crate) fn new(listener: TcpListener, most: usize, silence: Duration) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(most)), silence }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // It is never closed: there is always a permit, in time.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers on a connection may be held back for a moment");
        }
        let silence = Silence { longest: self.silence, timer: None };
        (
            Connection { stream, reading: silence.clone(), writing: silence, _permit: permit },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when it is silent for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    reading: Silence,
    writing: Silence,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Who takes an answer that goes on and on has nothing to send meanwhile, and isn't silent.
    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.reading.begin_anew();
        }
        self.writing.check(written, cx)
    }
}

/// How long one direction has been waiting.
struct Silence {
    longest: Duration,
    timer: Option<Waiting>,
}

struct Waiting {
    timer: Pin<Box<Sleep>>,
    is_running: bool,
}

impl Clone for Silence {
    fn clone(&self) -> Self {
        Self { longest: self.longest, timer: None }
    }
}

impl Silence {
    /// It counts from the next time that there is nothing.
    fn begin_anew(&mut self) {
        if let Some(waiting) = &mut self.timer {
            waiting.is_running = false;
        }
    }

    fn check<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.begin_anew();
            return polled;
        }
        let longest = self.longest;
        let waiting = self
            .timer
            .get_or_insert_with(|| Waiting { timer: Box::pin(sleep(longest)), is_running: true });
        if !waiting.is_running {
            waiting.timer.as_mut().reset(Instant::now() + longest);
            waiting.is_running = true;
        }
        match waiting.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.reading.check(read, cx)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn bounded(most: usize, silence: Duration) -> (Bounded, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (Bounded::new(listener, most, silence), address)
    }

    #[tokio::test]
    async fn a_silent_connection_fails_and_one_that_speaks_does_not() {
        let (mut listener, address) = bounded(1, Duration::from_millis(50)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;

        let mut byte = [0];
        for _ in 0..3 {
            client.write_all(b"x").await.unwrap();
            connection.read_exact(&mut byte).await.unwrap();
        }
        let error = connection.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_what_is_sent_may_say_nothing_for_any_time() {
        let (mut listener, address) = bounded(1, Duration::from_millis(200)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (connection, _) = listener.accept().await;
        let (mut reading, mut writing) = tokio::io::split(connection);
        let begun = Instant::now();
        let told = async {
            let mut byte = [0];
            while begun.elapsed() < Duration::from_millis(700) {
                writing.write_all(b"x").await.unwrap();
                client.read_exact(&mut byte).await.unwrap();
                sleep(Duration::from_millis(20)).await;
            }
        };
        let mut byte = [0];
        tokio::select! {
            biased;
            () = told => {}
            cut = reading.read(&mut byte) => panic!("{cut:?}"),
        }
        let error = reading.read(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_fails_too() {
        let (mut listener, address) = bounded(1, Duration::from_millis(50)).await;
        let _client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let error = connection.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn the_next_connection_waits_until_one_is_closed() {
        let (mut listener, address) = bounded(1, Duration::from_secs(60)).await;
        let _first_client = TcpStream::connect(address).await.unwrap();
        let _second_client = TcpStream::connect(address).await.unwrap();
        let (first, _) = listener.accept().await;

        let mut next = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
            drop(listener.accept().await);
        }));
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        drop(first);
        (&mut next).await.unwrap();
    }
}
