//! Requests that are wrong before their body is looked at, or whose body is no JSON.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Shop, Wishes, order};

impl Shop {
    /// Sends bytes as they are and reads until the service closes, or until `enough` was read.
    pub(crate) async fn raw(&self, request: &[u8], enough: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let read = stream.read_buf(&mut answer).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&answer).into_owned();
            if read == 0 || text.contains(enough) {
                return text;
            }
        }
    }

    fn post_text(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/orders", self.url)).body(body)
    }
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_its_place() {
    let shop = Shop::open().await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"nul",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"[1,]",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\xff\"}",
        b"\"\\ud800\"",
        b"NaN",
        b"{\"a\":\"\n\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let request = shop.post_text(body.to_vec()).header("Content-Type", "application/json");
        let problem = shop.send(request).await.problem(400, "malformed-json");
        assert!(
            problem.detail.contains("line 1") || problem.detail.contains("line 2"),
            "{problem:?}"
        );
    }
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn a_body_has_to_say_that_it_is_json() {
    let shop = Shop::open().await;
    let body = order().to_string();
    let bare = shop.send(shop.post_text(body.clone())).await;
    bare.problem(415, "unsupported-media-type");
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ""]
    {
        let request = shop.post_text(body.clone()).header("Content-Type", media_type);
        shop.send(request).await.problem(415, "unsupported-media-type");
    }
    let json = || shop.post_text(body.clone()).header("Content-Type", "application/json");
    let twice = json().header("Content-Type", "application/json");
    shop.send(twice).await.problem(415, "unsupported-media-type");
    let compressed = json().header("Content-Encoding", "gzip");
    shop.send(compressed).await.problem(415, "unsupported-media-type");
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let shop = Shop::open().await;
    let large = " ".repeat(256 * 1024) + &order().to_string();
    let request = shop.post_text(large.clone()).header("Content-Type", "application/json");
    shop.send(request).await.problem(413, "body-too-large");

    let chunked = format!(
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    let answer = shop.raw(chunked.as_bytes(), "body-too-large").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    let fits = " ".repeat(200 * 1024) + &order().to_string();
    let request = shop.post_text(fits).header("Content-Type", "application/json");
    shop.send(request).await.accepted();
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let deadline = Duration::from_millis(300);
    let shop = Shop::open_with(Wishes { deadline, ..Wishes::default() }).await;
    let request = "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                   Content-Length: 100\r\n\r\n{\"currency\"";
    let answer = shop.raw(request.as_bytes(), "body-too-slow").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn an_unusable_idempotency_key_is_refused() {
    let shop = Shop::open().await;
    let too_long = "k".repeat(256);
    for key in ["", "\"\"", "a b", "\"a", "\"a\";b=1", too_long.as_str()] {
        let problem = shop.post_with_key(key, &order()).await;
        let problem = problem.problem(400, "invalid-idempotency-key");
        assert_eq!(problem.errors[0].field, "Idempotency-Key", "{key}");
    }
    let twice = shop.request(&order()).header("Idempotency-Key", "a");
    let twice = shop.send(twice.header("Idempotency-Key", "a")).await;
    assert!(twice.problem(400, "invalid-idempotency-key").detail.contains("more than once"));
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn more_headers_than_anybody_needs_are_refused() {
    let shop = Shop::open().await;
    let many = (0..70).fold(shop.request(&order()), |r, n| r.header(format!("x-{n}"), "1"));
    shop.send(many).await.problem(431, "headers-too-large");
    let large = shop.request(&order()).header("x-large", "1".repeat(20_000));
    shop.send(large).await.problem(431, "headers-too-large");
    let more = (0..200).fold(String::new(), |headers, n| format!("{headers}x-{n}: 1\r\n"));
    let request = format!("GET /healthz HTTP/1.1\r\n{more}\r\n");
    let answer = shop.raw(request.as_bytes(), "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn what_is_not_served_is_a_problem_too() {
    let shop = Shop::open().await;
    for path in ["/index.html", "/order", "/orders/", "/orders/a/b", "/users/ada", "/orders%2Fa"] {
        shop.get(path).await.problem(404, "no-such-route");
    }
    let url = |path: &str| format!("{}{path}", shop.url);
    shop.get("/orders").await.problem(405, "method-not-allowed");
    for request in [
        shop.http.put(url("/orders")),
        shop.http.delete(url("/orders/a")),
        shop.http.post(url("/users/ada/orders")),
        shop.http.post(url("/healthz")),
    ] {
        shop.send(request).await.problem(405, "method-not-allowed");
    }
    let answer = shop.send(shop.http.put(url("/orders"))).await;
    assert_eq!(answer.header("allow"), Some("POST"));
}
