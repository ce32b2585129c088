use notifications::Mail;
use tokio::net::TcpListener;

use crate::{
    parts::{Parts, Running},
    smtp_server::{SmtpServer, State},
};

async fn serve(parts: &Parts, mail: Mail) -> (Running, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (Running::start(parts.settings(mail), Some(listener)), address)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_mails_and_nothing_hostile_becomes_markup() {
    let parts = Parts::start(1, 1).await;
    let (running, address) = serve(&parts, Mail::Mailbox).await;
    let empty = reqwest::get(format!("{address}/mailbox")).await.unwrap().text().await.unwrap();
    assert!(empty.contains("No mail here yet"), "{empty}");

    parts.contact("o-1", "\"<script>alert(1)</script>\"@example.com").await;
    parts.contact("o-2", "ada@example.com").await;
    parts.rejected("o-1", "<script>alert(2)</script>").await;
    parts.rejected("o-2", "<img src=x onerror=alert(3)>").await;
    parts.mails(2).await;

    let page = reqwest::get(format!("{address}/mailbox")).await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(2)&lt;/script&gt;"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(3)&gt;"), "{page}");
    assert!(page.contains("ada@example.com"), "{page}");

    let asked = format!("{address}/mailbox?order_id=%22%3E%3Cscript%3E");
    let page = reqwest::get(asked).await.unwrap().text().await.unwrap();
    assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\""), "{page}");
    assert!(page.contains("No mail here yet"), "{page}");

    let style = reqwest::get(format!("{address}/mailbox.css")).await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_gives_an_orders_mails() {
    let parts = Parts::start(1, 1).await;
    let (running, address) = serve(&parts, Mail::Mailbox).await;
    for (count, order_id) in [(1, "o-1"), (2, "o-2")] {
        parts.contact(order_id, "ada@example.com").await;
        parts.confirmed(order_id).await;
        // Orders are told of side by side; here one after the other.
        parts.mails(count).await;
    }
    let mails = parts.mails(2).await;
    let read = async |query: &str| -> serde_json::Value {
        let answer = reqwest::get(format!("{address}/mailbox.json{query}")).await.unwrap();
        answer.json().await.unwrap()
    };
    let one = read("?order_id=o-2").await;
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["event_id"], mails[1].event_id);
    assert_eq!(one[0]["template"], "confirmed");
    assert_eq!(one[0]["address"], "ada@example.com");
    assert_eq!(one[0]["outcome"], "SENT");
    assert_eq!(read("").await[0]["order_id"], "o-2");
    assert_eq!(read("").await.as_array().unwrap().len(), 2);
    assert_eq!(read("?order_id=o-3").await.as_array().unwrap().len(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_went_to_a_server_are_not_shown() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    let (running, address) = serve(&parts, server.mail()).await;
    let status = async |path| reqwest::get(format!("{address}{path}")).await.unwrap().status();
    assert_eq!(status("/healthz").await, 200);
    assert_eq!(status("/mailbox").await, 404);
    assert_eq!(status("/mailbox.json?order_id=o-1").await, 404);
    running.stop().await;
}
