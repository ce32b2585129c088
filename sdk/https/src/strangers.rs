//! What receivers may do to whoever asks them, and what names may lead to.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, StatusCode};
use rcgen::{CertificateParams, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

use crate::{AskError, Bounds, Client, Trust, outward::Guarded};

const QUICK: Bounds = Bounds {
    connect: Duration::from_millis(500),
    whole: Duration::from_millis(1_500),
    bytes: 8 * 1024,
};

/// One that answers each connection's first bytes by `answer`, and how often it was connected to.
async fn receiver<F, A>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> A + Send + 'static,
    A: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head).await;
            tokio::spawn(answer(stream));
        }
    });
    (at, count)
}

fn client(bounds: Bounds, allowed: &[&str]) -> Client {
    let allowed: Vec<_> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    Client::outward(&Trust::with(None).unwrap(), bounds, allowed)
}

fn post(to: &str) -> Request<Vec<u8>> {
    Request::post(to).body(b"{}".to_vec()).unwrap()
}

#[tokio::test]
async fn what_leads_inside_is_never_connected_to() {
    let (at, count) = receiver(|_| async { Ok(()) }).await;
    let client = client(QUICK, &[]);
    for to in [format!("https://{at}/"), format!("https://localhost:{}/", at.port())] {
        let refused = client.ask(post(&to)).await;
        assert!(matches!(refused, Err(AskError::Refused(_))), "{to}: {refused:?}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (inside, count) = receiver(|_| async { Ok(()) }).await;
    let (at, _) = receiver(move |mut stream| async move {
        let head = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{inside}/\r\n\
             content-length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await
    })
    .await;
    let client = client(QUICK, &["127.0.0.1"]);
    let answer = client.ask(post(&format!("http://{at}/"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let (at, _) = receiver(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        loop {
            stream.write_all(b"x-more: and more of it, and more of it\r\n").await?;
        }
    })
    .await;
    let bounds = Bounds { whole: Duration::from_secs(60), ..QUICK };
    let cut = client(bounds, &["127.0.0.1"]).ask(post(&format!("http://{at}/"))).await;
    assert!(matches!(cut, Err(AskError::Lost(_))), "{cut:?}");
}

#[tokio::test]
async fn a_gigabyte_is_cut_off_after_what_an_answer_may_have() {
    let (at, _) = receiver(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'x'; 65_536]).await?;
        }
    })
    .await;
    let bounds = Bounds { whole: Duration::from_secs(60), ..QUICK };
    let answer = client(bounds, &["127.0.0.1"]).ask(post(&format!("http://{at}/"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, Err(AskError::TooLong(QUICK.bytes)));
}

#[tokio::test]
async fn an_answer_a_byte_at_a_time_is_late() {
    let (at, _) = receiver(|mut stream| async move {
        loop {
            stream.write_all(b"H").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let bounds = Bounds { whole: Duration::from_millis(400), ..QUICK };
    let client = client(bounds, &["127.0.0.1"]);
    // Not even its first line is one.
    let failed = client.ask(post(&format!("http://{at}/"))).await;
    assert!(matches!(failed, Err(AskError::Lost(_) | AskError::Late(_))), "{failed:?}");

    let (at, _) = receiver(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
        loop {
            stream.write_all(b".").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let answer = client.ask(post(&format!("http://{at}/"))).await.unwrap();
    assert_eq!(answer.body, Err(AskError::Late(bounds.whole)));
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_late() {
    let (at, _) = receiver(|stream| async move {
        let _kept = stream;
        std::future::pending().await
    })
    .await;
    let bounds = Bounds { whole: Duration::from_millis(300), ..QUICK };
    let late = client(bounds, &["127.0.0.1"]).ask(post(&format!("http://{at}/"))).await;
    assert_eq!(late, Err(AskError::Late(bounds.whole)));
}

#[tokio::test]
async fn a_certificate_of_nobody_known_or_of_another_name_is_no_connection() {
    let signed = |name: &str| {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        (pem, TlsAcceptor::from(Arc::new(config)))
    };
    let serve = async |acceptor: TlsAcceptor| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
        format!("https://localhost:{port}/")
    };
    let allowed = ["localhost".parse().unwrap()];
    let (ours, acceptor) = signed("localhost");
    let to = serve(acceptor).await;
    let trust = Trust::with(Some(&ours)).unwrap();
    let believing = Client::outward(&trust, QUICK, allowed.clone());
    assert_eq!(believing.ask(post(&to)).await.unwrap().status, StatusCode::NO_CONTENT);
    let stranger = Client::outward(&Trust::with(None).unwrap(), QUICK, allowed.clone());
    assert!(matches!(stranger.ask(post(&to)).await, Err(AskError::NotReached(_))));

    let (other, acceptor) = signed("other.example");
    let to = serve(acceptor).await;
    let trust = Trust::with(Some(&other)).unwrap();
    let misled = Client::outward(&trust, QUICK, allowed).ask(post(&to)).await;
    assert!(matches!(misled, Err(AskError::NotReached(_))), "{misled:?}");
}

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

fn leads_to(addresses: &'static [&'static str], port: u16) -> Found {
    let found = addresses.iter().map(|at| SocketAddr::new(at.parse().unwrap(), port)).collect();
    Box::pin(async move { Ok(found) })
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_also_beside_a_public_address() {
    for resolve in [
        (|_, port| leads_to(&["127.0.0.1"], port)) as fn(String, u16) -> Found,
        |_, port| leads_to(&["10.0.0.7"], port),
        |_, port| leads_to(&["93.184.216.34", "169.254.169.254"], port),
        |_, port| leads_to(&["::ffff:127.0.0.1"], port),
    ] {
        let guarded = Guarded::resolving(&[], resolve);
        let client = Client::guarded(&Trust::with(None).unwrap(), QUICK, guarded);
        let refused = client.ask(post("https://hooks.example.com/")).await;
        assert!(
            matches!(&refused, Err(AskError::Refused(why)) if why.contains("it leads to")),
            "{refused:?}"
        );
    }
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// To a place that is allowed at first, then to one that isn't.
fn rebinding(_: String, port: u16) -> Found {
    match ASKED.fetch_add(1, Ordering::SeqCst) {
        0 => leads_to(&["127.0.0.1"], port),
        _ => leads_to(&["127.0.0.2"], port),
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection_and_what_was_checked_is_connected_to() {
    let (at, count) = receiver(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await
    })
    .await;
    let (name, place) = (format!("http://hooks.example.com:{}/", at.port()), at.to_string());
    // By address alone: http is for names that are allowed.
    let https = name.replace("http:", "https:");
    let guarded = Guarded::resolving(&[&place], rebinding);
    let client = Client::guarded(&Trust::with(None).unwrap(), QUICK, guarded);
    assert!(matches!(client.ask(post(&name)).await, Err(AskError::Refused(_))));
    // It speaks no TLS, but was connected to.
    let reached = client.ask(post(&https)).await;
    assert!(matches!(reached, Err(AskError::NotReached(_))), "{reached:?}");
    assert_eq!((ASKED.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
    let refused = client.ask(post(&https)).await;
    assert!(matches!(refused, Err(AskError::Refused(_))), "{refused:?}");
    assert_eq!((ASKED.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn an_allowed_place_is_asked_by_http() {
    let (at, count) = receiver(|mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno")
            .await
    })
    .await;
    let client = client(QUICK, &[&at.to_string()]);
    let answer = client.ask(post(&format!("http://{at}/orders"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.body.unwrap(), b"no");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
