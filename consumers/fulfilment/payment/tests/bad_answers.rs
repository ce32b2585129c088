//! A provider that answers badly, late or not at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fulfilment_payment::{PaymentError, Provider as _, Reply};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::parts::{authorise, capture, http};

const PATIENT: Duration = Duration::from_secs(20);

/// A server that reads a request to its end, writes `answer` and closes; how often it was asked.
async fn server(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The body is one object.
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (base, asked)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn asked(text: String) -> Result<Reply, PaymentError> {
    let (base, asked) = server(text).await;
    let answer = http(&base, PATIENT).perform(&authorise("a", "tok_ok")).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    answer
}

#[tokio::test]
async fn each_status_is_taken_for_what_it_says() {
    let detail = r#"{"title": "no", "detail": "the amount\n is wrong"}"#;
    let unknown = |text: &str| PaymentError::Unknown(text.into());
    let unavailable = |text: &str| PaymentError::Unavailable(text.into());
    let refused = |text: &str| PaymentError::Refused(text.into());
    let declined = |text: &str| PaymentError::Declined { reason: text.into() };
    for (status, body, error) in [
        ("402 Payment Required", r#"{"reason": "expired"}"#, declined("expired")),
        ("402 Payment Required", "<html>", declined("no reason was given")),
        ("409 Conflict", "{}", unknown("it answers 409 Conflict")),
        ("408 Request Timeout", "", unknown("it answers 408 Request Timeout")),
        ("429 Too Many Requests", "", unavailable("it answers 429 Too Many Requests")),
        ("503 Service Unavailable", "", unavailable("it answers 503 Service Unavailable")),
        (
            "500 Internal Server Error",
            detail,
            unknown("it answers 500 Internal Server Error: the amount is wrong"),
        ),
        ("504 Gateway Timeout", "x", unknown("it answers 504 Gateway Timeout")),
        ("400 Bad Request", detail, refused("it answers 400 Bad Request: the amount is wrong")),
        (
            "401 Unauthorized",
            r#"{"title": "who?"}"#,
            unavailable("it answers 401 Unauthorized: who?; look at its address and API key"),
        ),
        (
            "403 Forbidden",
            "",
            unavailable("it answers 403 Forbidden; look at its address and API key"),
        ),
        (
            "404 Not Found",
            "",
            unavailable("it answers 404 Not Found; look at its address and API key"),
        ),
        ("422 Unprocessable Entity", "[1]", refused("it answers 422 Unprocessable Entity")),
    ] {
        assert_eq!(asked(answer(status, body)).await, Err(error), "{status} {body}");
    }
    let done = asked(answer("201 Created", r#"{"reference": "p-1", "more": 1}"#)).await;
    assert_eq!(done, Ok(Reply { reference: "p-1".into() }));
}

#[tokio::test]
async fn success_that_cannot_be_understood_is_unknown() {
    let long = format!(r#"{{"reference": "{}"}}"#, "x".repeat(129));
    for body in ["", "garbage", "{}", r#"{"reference": 5}"#, r#"{"reference": "../.."}"#, &long] {
        let error = asked(answer("200 OK", body)).await.unwrap_err();
        assert!(
            matches!(&error, PaymentError::Unknown(why) if why.contains("understood")),
            "{error}"
        );
    }
    let error = asked("no HTTP at all\r\n\r\n".into()).await.unwrap_err();
    assert!(matches!(error, PaymentError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_unknown() {
    let error = asked(answer("200 OK", &" ".repeat(64 * 1024 + 1))).await.unwrap_err();
    assert!(matches!(&error, PaymentError::Unknown(why) if why.contains("65536 bytes")), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_lost_is_unknown() {
    for half in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"ref"] {
        let error = asked(half.into()).await.unwrap_err();
        assert!(matches!(&error, PaymentError::Unknown(why) if why.contains("lost")), "{error}");
    }
}

#[tokio::test]
async fn a_decline_whose_body_is_lost_is_still_a_decline() {
    let half = "HTTP/1.1 402 Payment Required\r\ncontent-length: 50\r\n\r\n{";
    let reason = "no reason was given".into();
    assert_eq!(asked(half.into()).await, Err(PaymentError::Declined { reason }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, followed) = server(answer("200 OK", r#"{"reference": "p"}"#)).await;
    for status in ["301 Moved Permanently", "303 See Other", "307 Temporary Redirect"] {
        let text =
            format!("HTTP/1.1 {status}\r\nlocation: {elsewhere}/x\r\ncontent-length: 0\r\n\r\n");
        let error = asked(text).await.unwrap_err();
        assert!(matches!(error, PaymentError::Unknown(_)), "{error}");
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_never_answers_is_unknown_when_the_time_is_over() {
    // Connections wait to be accepted.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let provider = http(&base, Duration::from_millis(200));
    let error = provider.perform(&authorise("a", "tok_ok")).await.unwrap_err();
    assert_eq!(error, PaymentError::Unknown("it didn't answer within 200 ms".into()));
}

#[tokio::test]
async fn without_a_connection_nothing_was_done() {
    // Nobody listens on a port that was just given back.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = http(&base, PATIENT).perform(&capture("c", "p", "1.00")).await.unwrap_err();
    assert!(matches!(error, PaymentError::Unavailable(_)), "{error}");
}
