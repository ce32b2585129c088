//! What hostile or careless callers send: each is refused as a problem, nothing is written, and the
//! service goes on.

use serde_json::{Value, json};

use crate::harness::{Answer, Shop, order, order_with_contact};

/// One request, and the status that refuses it.
struct Case {
    why: String,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
}

fn case(why: &str, path: &str, body: impl Into<Vec<u8>>, status: u16) -> Case {
    Case {
        why: why.to_owned(),
        method: "POST",
        path: path.to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.into(),
        status,
    }
}

impl Case {
    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bare(mut self) -> Self {
        self.headers.clear();
        self
    }
}

/// Bodies that no route takes, whatever it is for.
fn broken_bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("blank", b" \n\t".to_vec(), 400),
        ("truncated object", b"{".to_vec(), 400),
        ("truncated string", b"{\"reason\":\"a".to_vec(), 400),
        ("truncated escape", b"{\"reason\":\"\\u00\"}".to_vec(), 400),
        ("trailing data", b"{}{}".to_vec(), 400),
        ("trailing comma", b"{\"a\":1,}".to_vec(), 400),
        ("single quotes", b"{'a':1}".to_vec(), 400),
        ("comment", b"{}/**/".to_vec(), 400),
        ("byte order mark", b"\xef\xbb\xbf{}".to_vec(), 400),
        ("UTF-16", utf16, 400),
        ("invalid UTF-8", b"{\"reason\":\"\xff\xfe\"}".to_vec(), 400),
        ("overlong UTF-8", b"{\"reason\":\"\xc0\xaf\"}".to_vec(), 400),
        ("lone surrogate", b"{\"reason\":\"\\ud800\"}".to_vec(), 400),
        ("reversed surrogates", b"{\"reason\":\"\\udc00\\ud800\"}".to_vec(), 400),
        ("NUL byte", b"{\"reason\":\"\0\"}".to_vec(), 400),
        ("NaN", b"NaN".to_vec(), 400),
        ("Infinity", b"{\"a\":-Infinity}".to_vec(), 400),
        ("leading zero", b"{\"a\":01}".to_vec(), 400),
        ("hexadecimal", b"{\"a\":0x10}".to_vec(), 400),
        ("leading plus", b"{\"a\":+1}".to_vec(), 400),
        ("number beyond all floats", b"{\"a\":1e400}".to_vec(), 400),
        ("lists ten thousand deep", "[".repeat(10_000).into(), 400),
        ("objects ten thousand deep", "{\"a\":".repeat(2_000).into(), 400),
        ("a list", b"[]".to_vec(), 422),
        ("null", b"null".to_vec(), 422),
        ("a number", b"1".to_vec(), 422),
        ("a string", b"\"{}\"".to_vec(), 422),
        ("a boolean", b"true".to_vec(), 422),
        ("a field that isn't known", b"{\"is_admin\":true}".to_vec(), 422),
        ("a field of JavaScript", b"{\"__proto__\":{}}".to_vec(), 422),
    ]
}

/// Ids that no order can have, as a path has them.
fn impossible_ids() -> Vec<(&'static str, String)> {
    vec![
        // Two dots alone are taken out of the path before it is sent.
        ("two dots and a slash", "%2e%2e%2f".into()),
        ("slashes", "..%2f..%2fetc%2fpasswd".into()),
        ("backslashes", "..%5c..%5c".into()),
        ("NUL", "a%00".into()),
        ("line break", "a%0d%0aX-Evil:%201".into()),
        ("emoji", "%F0%9F%8D%95".into()),
        ("decomposed accent", "e%CC%81".into()),
        ("composed accent", "%C3%A9".into()),
        ("invalid UTF-8", "%ff%fe".into()),
        ("overlong dot", "%c0%ae".into()),
        ("space", "%20".into()),
        ("quote", "'%20OR%201=1--".into()),
        ("template", "%7B%7B7*7%7D%7D".into()),
        ("65 characters", "x".repeat(65)),
        ("16 kilobytes", "x".repeat(16 * 1024)),
        ("percent", "%25".into()),
        ("semicolon", "a;b".into()),
    ]
}

fn changed(pointer: &str, value: Value) -> String {
    let mut order = order_with_contact();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    order.pointer_mut(parent).unwrap()[field] = value;
    order.to_string()
}

/// One text in a good order's stead: what `Value` can't hold.
fn with_raw(field: &str, raw: &str) -> String {
    let marked = changed(field, json!("@here@"));
    marked.replace("\"@here@\"", raw)
}

fn bad_values() -> Vec<(&'static str, String)> {
    let quantities = ["0", "-1", "-0", "1.5", "1e0", "2147483648", "9007199254740993", "1e-400"];
    let more = ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e308"];
    let quantities = quantities.into_iter().chain(more).chain(["\"1\"", "null", "true", "[1]"]);
    let prices = ["1.1", "1", "\"1e1\"", "\"-1\"", "\"-0\"", "\"NaN\"", "\"1.00000\"", "\"0x1\""];
    let prices = prices.into_iter().chain(["\"1,10\"", "\" 1\"", "\"١\"", "\"\"", "{}", "1e-400"]);
    let urls = [
        "http://a.example",
        "https://me:pw@a.example",
        "https://@a.example",
        "//a.example",
        "file:///etc/passwd",
        "gopher://a.example",
        "unix:/var/run/docker.sock",
        "https://",
        "https://a.example\\@b.example",
        "https://exämple.org",
        "https://a.example/\u{0}",
        "https://a.example:port",
        "javascript:alert(1)",
        "",
    ];
    let phones =
        ["", "00441632960961", "+0441632960961", "+44 1632 960961", "+44163", "+1234567890123456"];
    let tokens = ["", "a b", "tok\n", "é", "4111111111111111", "4111-1111-1111-1111"];
    let mut bad = vec![
        ("status set by the caller", changed("/status", json!("completed"))),
        ("id set by the caller", changed("/order_id", json!("mine"))),
        ("tenant set by the caller", changed("/tenant", json!("other"))),
        ("caller set by the caller", changed("/caller", json!("other"))),
        ("total set by the caller", changed("/total", json!("0.01"))),
        ("discount set by the caller", changed("/discounts", json!([]))),
        ("category set by the caller", changed("/lines/0/category", json!("free"))),
        ("price set beside the line's", changed("/lines/0/price", json!("0.01"))),
        ("no lines", changed("/lines", json!([]))),
        ("ten thousand lines", changed("/lines", json!(vec![json!({}); 10_000]))),
        ("501 lines", changed("/lines", json!(vec![order()["lines"][0].clone(); 501]))),
        ("lines as an object", changed("/lines", json!({ "0": {} }))),
        ("currency in small letters", changed("/currency", json!("gbp"))),
        ("currency of look-alikes", changed("/currency", json!("GВP"))),
        ("sku with a NUL", changed("/lines/0/sku", json!("a\u{0}"))),
        ("sku that is a path", changed("/lines/0/sku", json!("../a"))),
        ("name with a line break", changed("/lines/0/name", json!("a\r\nb"))),
        ("name of a megabyte's start", changed("/lines/0/name", json!("x".repeat(100_000)))),
        ("contact without any way", changed("/contact", json!({}))),
        ("contact with nulls only", changed("/contact", json!({ "email": null, "phone": null }))),
        ("mail with a header", changed("/contact/email", json!("a@b.co\r\nBcc: c@d.co"))),
        ("coupons as a string", changed("/coupons", json!("TEN"))),
        (
            "eleven coupons",
            changed("/coupons", json!((0..11).map(|n| format!("C{n}")).collect::<Vec<_>>())),
        ),
        ("a coupon twice", changed("/coupons", json!(["ten", "TEN"]))),
        ("an empty coupon", changed("/coupons", json!([""]))),
        ("a coupon too long", changed("/coupons", json!(["X".repeat(65)]))),
        ("a coupon with a space", changed("/coupons", json!(["A B"]))),
        ("a coupon that is no text", changed("/coupons", json!([1]))),
        ("a token too long", changed("/payment_token", json!("x".repeat(129)))),
        ("a token that is a number", with_raw("/payment_token", "4111111111111111")),
        ("the same key twice", order().to_string().replacen('{', "{\"currency\":\"EUR\",", 1)),
        (
            "the same key twice, escaped",
            order().to_string().replacen('{', "{\"curr\\u0065ncy\":\"EUR\",", 1),
        ),
    ];
    bad.extend(quantities.map(|raw| ("quantity", with_raw("/lines/0/quantity", raw))));
    bad.extend(prices.map(|raw| ("price", with_raw("/lines/0/unit_price", raw))));
    bad.extend(urls.map(|url| ("callback", changed("/contact/callback_url", json!(url)))));
    bad.extend(phones.map(|phone| ("phone", changed("/contact/phone", json!(phone)))));
    bad.extend(tokens.map(|token| ("token", changed("/payment_token", json!(token)))));
    bad
}

fn cases() -> Vec<Case> {
    let good = order().to_string();
    let mut cases = Vec::new();
    for (why, body, status) in broken_bodies() {
        for path in ["/orders", "/orders/o-1/cancellation", "/orders/o-1/returns"] {
            cases.push(case(why, path, body.clone(), status));
        }
    }
    cases.push(case("nothing", "/orders", "", 400));
    cases.push(case("nothing", "/orders/o-1/returns", "", 400));
    for (why, body) in bad_values() {
        // Without a contact that is meant: some of these go past the first check only.
        cases.push(case(why, "/orders", body, 422));
    }
    for (why, id) in impossible_ids() {
        cases.push(case(why, &format!("/orders/{id}"), "", 404).method("GET").bare());
        for what in ["cancellation", "collection"] {
            cases.push(case(why, &format!("/orders/{id}/{what}"), "", 404).bare());
        }
        let body = r#"{"lines":[{"sku":"a","quantity":1}]}"#;
        cases.push(case(why, &format!("/orders/{id}/returns"), body, 404));
    }
    for (why, body) in [
        ("a reason that is a number", r#"{"reason":1}"#.to_owned()),
        ("an empty reason", r#"{"reason":""}"#.to_owned()),
        ("a reason with an escape", r#"{"reason":"\u001b[2J"}"#.to_owned()),
        ("a reason with a NUL", r#"{"reason":"a\u0000"}"#.to_owned()),
        ("a reason too long", format!(r#"{{"reason":"{}"}}"#, "x".repeat(201))),
        ("a reason twice", r#"{"reason":"a","reason":"b"}"#.to_owned()),
        ("who asks, set by the caller", r#"{"requested_by":"OPERATOR"}"#.to_owned()),
    ] {
        cases.push(case(why, "/orders/o-1/cancellation", body, 422));
    }
    cases.push(case("something", "/orders/o-1/collection", r#"{"at":"now"}"#, 422));
    for (why, body) in [
        ("no lines", r#"{"lines":[]}"#),
        ("a quantity of none", r#"{"lines":[{"sku":"a","quantity":0}]}"#),
        ("a negative quantity", r#"{"lines":[{"sku":"a","quantity":-1}]}"#),
        ("a price set by the caller", r#"{"lines":[{"sku":"a","quantity":1,"unit_price":"9"}]}"#),
        ("a sku twice", r#"{"lines":[{"sku":"a","quantity":1},{"sku":"a","quantity":1}]}"#),
        ("a total set by the caller", r#"{"lines":[{"sku":"a","quantity":1}],"total":"9"}"#),
        ("a return id set by the caller", r#"{"order_id":"x","lines":[{"sku":"a","quantity":1}]}"#),
    ] {
        cases.push(case(why, "/orders/o-1/returns", body, 422));
    }
    let unknown = r#"{"lines":[{"sku":"a","quantity":1}]}"#;
    cases.push(case("an order that nobody knows", "/orders/o-1/returns", unknown, 404));
    for path in ["/orders", "/orders/o-1/cancellation", "/orders/o-1/returns"] {
        for media_type in
            ["text/plain", "application/xml", "application/jsonp", "multipart/form-data", "*/*"]
        {
            let case = case(media_type, path, good.clone(), 415).bare();
            cases.push(case.header("content-type", media_type));
        }
        for coding in ["gzip", "zstd", "br", "deflate", "gzip, gzip"] {
            cases.push(case(coding, path, good.clone(), 415).header("content-encoding", coding));
        }
        let twice = case("two types", path, good.clone(), 415);
        cases.push(twice.header("content-type", "application/json"));
        cases.push(case("no type", path, good.clone(), 415).bare());
        cases.push(case("a body of 300 kB", path, vec![b' '; 300_000], 413));
        for key in ["", "\"\"", "a b", "\"a", "\"a\";p=1", "é", "\"a\\b\"", &"k".repeat(256)] {
            cases.push(case("key", path, good.clone(), 400).header("idempotency-key", key));
        }
        let twice = case("two keys", path, good.clone(), 400).header("idempotency-key", "a");
        cases.push(twice.header("idempotency-key", "b"));
        let large = case("a large header", path, good.clone(), 431);
        cases.push(large.header("x-large", "x".repeat(64 * 1024)));
        for method in ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            cases.push(case(method, path, good.clone(), 405).method(method));
        }
    }
    for path in [
        "/index.html",
        "/orders/",
        "/orders//",
        "/orders/a/b/c",
        "/ORDERS",
        "/orders%00",
        "/.env",
        "/users/ada",
    ] {
        cases.push(case("path", path, "", 404).method("GET").bare());
    }
    for query in [
        "limit=0",
        "limit=-1",
        "limit=1e3",
        "limit=99999999999",
        "limit=a",
        "limit=1&limit=2",
        "unknown=1",
    ] {
        let path = format!("/users/ada/orders?{query}");
        cases.push(case("query", &path, "", 400).method("GET").bare());
    }
    cases
}

async fn send(shop: &Shop, case: &Case) -> Answer {
    let method = case.method.parse().unwrap();
    // As it stands: a URL would tidy dots and slashes away.
    let request = shop.http.request(method, format!("{}{}", shop.url, case.path));
    let request = case.headers.iter().fold(request, |r, (name, value)| {
        r.header(*name, reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    shop.send(request.body(case.body.clone())).await
}

#[tokio::test]
async fn each_bad_input_is_refused_as_a_problem_and_nothing_is_written() {
    let cases = cases();
    assert!(cases.len() >= 150, "{}", cases.len());
    let shop = Shop::open().await;
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = send(&shop, case).await;
        let is_problem = answer.header("content-type") == Some("application/problem+json");
        if answer.status != case.status || !is_problem {
            let path: String = case.path.chars().take(60).collect();
            let body: String = answer.body.chars().take(200).collect();
            let told = format!("{} {body}", answer.status);
            wrong.push(format!("{} {path}: {} ({}): {told}", case.method, case.why, case.status));
        } else {
            assert_eq!(answer.json()["status"], case.status, "{}", case.why);
            assert!(answer.body.len() < 20_000, "{}: {} bytes", case.why, answer.body.len());
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    for topic in ["orders", "contacts"] {
        assert!(shop.records(topic).await.is_empty(), "{topic}");
    }
    shop.post_with_key("k", &order_with_contact()).await.accepted();
}

/// Requests that no client library sends, and what the answers begin with: nothing where the connection
/// may be closed without one.
fn raw_requests() -> Vec<(&'static str, String, &'static [&'static str])> {
    let body = order().to_string();
    let json = "Host: x\r\nContent-Type: application/json\r\n";
    let post = |headers: &str, body: &str| {
        format!("POST /orders HTTP/1.1\r\n{json}{headers}Connection: close\r\n\r\n{body}")
    };
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    const BAD: &[&str] = &["HTTP/1.1 400"];
    vec![
        (
            "two lengths",
            post(&format!("Content-Length: {length}\r\nContent-Length: 1\r\n"), &body),
            BAD,
        ),
        ("two lengths in one", post(&format!("Content-Length: {length}, 1\r\n"), &body), BAD),
        ("a negative length", post("Content-Length: -1\r\n", &body), BAD),
        ("a length with a plus", post(&format!("Content-Length: +{length}\r\n"), &body), BAD),
        ("a length in hexadecimal", post("Content-Length: 0x10\r\n", &body), BAD),
        (
            "a length beyond 64 bits",
            post("Content-Length: 99999999999999999999999\r\n", &body),
            BAD,
        ),
        ("a short length", post("Content-Length: 10\r\n", &body), BAD),
        ("a length of gigabytes", post("Content-Length: 9000000000\r\n", &body), &["HTTP/1.1 413"]),
        ("an unknown coding of the transfer", post("Transfer-Encoding: gzip\r\n", &body), BAD),
        ("chunks not last", post("Transfer-Encoding: chunked, gzip\r\n", &chunked), BAD),
        (
            "a chunk without a size",
            post("Transfer-Encoding: chunked\r\n", &format!("\r\n{body}")),
            BAD,
        ),
        (
            "a chunk of a size that is none",
            post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n"),
            BAD,
        ),
        (
            "a chunk beyond 64 bits",
            post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}\r\n"),
            BAD,
        ),
        ("a NUL in a header", post("X-Bad: a\0b\r\n", ""), BAD),
        ("a line break in a header", post("X-Bad: a\rb\r\n", ""), BAD),
        ("a space before the colon", post("Content-Length : 3\r\n", "{}"), BAD),
        ("a folded header", post("X-Bad: a\r\n b\r\n", ""), BAD),
        ("a header without a name", post(": a\r\n", ""), BAD),
        ("a path with a NUL", format!("POST /orders\0 HTTP/1.1\r\n{json}\r\n"), BAD),
        ("no version", "GET /healthz\r\n\r\n".into(), BAD),
        ("another version", format!("POST /orders HTTP/3.0\r\n{json}\r\n"), BAD),
        ("no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".into(), BAD),
    ]
}

#[tokio::test]
async fn what_no_client_library_sends_is_refused_and_the_service_goes_on() {
    let shop = Shop::open().await;
    for (why, request, begins) in raw_requests() {
        let answer = shop.raw(request.as_bytes(), "\r\n\r\n").await;
        let is_expected = begins.iter().any(|begin| answer.starts_with(begin));
        // Closed without an answer is as good: nothing was taken.
        assert!(is_expected || answer.is_empty(), "{why}: {answer}");
    }
    assert!(shop.records("orders").await.is_empty());
    shop.post(&order()).await.accepted();
}

#[tokio::test]
async fn a_length_beside_chunks_is_never_a_second_request() {
    // Read by its length the rest would be a request of its own.
    let shop = Shop::open().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n{smuggled}"
    );
    let answer = shop.raw(request.as_bytes(), "never").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(shop.records("orders").await.is_empty());
}
