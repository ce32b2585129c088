use std::time::Duration;

use notifications::Mail;
use orderly_schemas::DeliveryOutcome;
use orderly_sdk::Meta;

use crate::{
    parts::{Parts, confirmed, ready, rejected, told},
    smtp_server::{SmtpServer, State},
};

const SENT: DeliveryOutcome = DeliveryOutcome::Sent;
const FAILED: DeliveryOutcome = DeliveryOutcome::Failed;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_out_as_mail_programs_expect_it() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    let running = parts.run(server.mail());
    parts.contact("o-1", "ada@example.com").await;
    let meta = Meta::new(&"test".into()).at("2026-11-21T08:09:10Z".parse().unwrap());
    let event = rejected("o-1", "sold out\r\n.\r\nMAIL FROM:<eve@example.com>");
    parts.emitter.emit_as(&event, &meta).await.unwrap();
    let seen = server.until("a mail", |s| s.mails.len() == 1).await;
    assert_eq!(told(&parts.mails(1).await), [("o-1", "rejected", SENT)]);
    running.stop().await;

    let mail = &seen.mails[0];
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("orders@shop.example", "ada@example.com"));
    assert_eq!(mail.header("From"), ["\"The Shop\" <orders@shop.example>"]);
    assert_eq!(mail.header("To"), ["ada@example.com"]);
    assert_eq!(mail.header("Subject"), ["Your order o-1 could not be accepted"]);
    assert_eq!(mail.header("Date"), ["Sat, 21 Nov 2026 08:09:10 +0000"]);
    assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
    let kind = mail.header("Content-Type");
    assert!(kind.len() == 1 && kind[0].starts_with("multipart/alternative;"), "{kind:?}");
    assert!(mail.body().contains("Content-Type: text/plain; charset=utf-8"), "{}", mail.body());
    assert!(mail.body().contains("Content-Type: text/html; charset=utf-8"), "{}", mail.body());
    let whole = mail.body().replace("=\r\n", "");
    assert!(whole.contains("&lt;eve@example.com&gt;"), "{whole}");
    let id = mail.header("Message-ID");
    assert!(id.len() == 1 && id[0].ends_with("@shop.example>"), "{id:?}");
    let said = "\r\nReason: sold out . MAIL FROM:<eve@example.com>\r\n";
    assert!(mail.body().contains(said), "{}", mail.body());
    assert_eq!(server.seen().mails.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_server_that_is_down_and_none_is_lost() {
    let parts = Parts::start(2, 2).await;
    let server = SmtpServer::start(State { is_down: true, ..State::default() }).await;
    let running = parts.run(server.mail());
    for number in 0..10 {
        parts.contact(&format!("o-{number}"), "ada@example.com").await;
        parts.confirmed(&format!("o-{number}")).await;
    }
    server.until("tries", |s| s.connections >= 12).await;
    assert!(parts.mailbox().await.page(0, 10).await.unwrap().is_empty());
    server.change(|s| s.is_down = false);
    let seen = server.until("ten mails", |s| s.mails.len() == 10).await;
    parts.mails(10).await;
    running.stop().await;
    let mut ids: Vec<_> = seen.mails.iter().flat_map(|mail| mail.header("Message-ID")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    assert_eq!(server.seen().mails.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_counts_as_down() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State { is_silent: true, ..State::default() }).await;
    let mut smtp = server.smtp();
    smtp.patience = Duration::from_secs(2);
    let running = parts.run(Mail::Smtp(smtp));
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    server.until("given up and tried again", |s| s.connections >= 3).await;
    server.change(|s| s.is_silent = false);
    parts.mails(1).await;
    running.stop().await;
    assert_eq!(server.seen().mails.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_answer_was_lost_is_sent_again_under_the_same_message_id_and_no_other() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State { lost_answers: 1, ..State::default() }).await;
    let running = parts.run(server.mail());
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", SENT)]);
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    assert_eq!(told(&parts.mails(2).await), [("o-1", "confirmed", SENT), ("o-1", "ready", SENT)]);
    running.stop().await;
    let mails = server.seen().mails;
    assert_eq!(mails.len(), 3);
    assert_eq!(mails[0], mails[1]);
    assert_eq!(mails[0].header("Message-ID").len(), 1);
    assert_ne!(mails[1].header("Message-ID"), mails[2].header("Message-ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_refused_for_good_is_recorded_and_the_next_one_goes_on() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    server.change(|s| {
        s.answers.insert("gone@example.com".into(), "550 5.1.1 nobody of that name");
    });
    let running = parts.run(server.mail());
    parts.contact("o-1", "gone@example.com").await;
    parts.contact("o-2", "ada@example.com").await;
    parts.confirmed("o-1").await;
    parts.confirmed("o-2").await;
    let mails = parts.mails(2).await;
    running.stop().await;
    assert_eq!(told(&mails), [("o-1", "confirmed", FAILED), ("o-2", "confirmed", SENT)]);
    let why = parts.column("detail").await;
    assert!(why[0].as_ref().unwrap().contains("550"), "{why:?}");
    assert!(why[0].as_ref().unwrap().contains("nobody of that name"), "{why:?}");
    assert_eq!(server.seen().mails.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_put_off_is_tried_until_it_goes() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    server.change(|s| {
        s.answers.insert("ada@example.com".into(), "451 4.7.1 come back later");
    });
    let running = parts.run(server.mail());
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    server.until("tries", |s| s.connections >= 3).await;
    server.change(|s| s.answers.clear());
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", SENT)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_put_off_for_too_long_is_given_up() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    server.change(|s| {
        s.answers.insert("full@example.com".into(), "452 4.2.2 mailbox full");
    });
    let mut smtp = server.smtp();
    smtp.recipient_patience = Duration::from_millis(100);
    let running = parts.run(Mail::Smtp(smtp));
    parts.contact("o-1", "full@example.com").await;
    parts.confirmed("o-1").await;
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", FAILED)]);
    running.stop().await;
    let why = parts.column("detail").await;
    assert!(why[0].as_ref().unwrap().contains("given up after"), "{why:?}");
    assert!(server.seen().connections >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_our_sender_fails_no_mail() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    server.change(|s| {
        s.answers.insert("orders@shop.example".into(), "550 5.7.1 not from you");
    });
    let running = parts.run(server.mail());
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    server.until("tries", |s| s.connections >= 3).await;
    server.change(|s| s.answers.clear());
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", SENT)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_in_the_clear_only_where_that_is_asked_for() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;

    let running = parts.run(server.mail_with_login(""));
    server.until("tries", |s| s.connections >= 3).await;
    running.stop().await;
    assert_eq!((server.seen().logins.len(), server.seen().mails.len()), (0, 0));

    let running = parts.run(server.mail_with_login("?tls=none"));
    server.until("a mail", |s| s.mails.len() == 1).await;
    running.stop().await;
    let plain = "AUTH PLAIN AG1lAGh1bnRlcjI=";
    assert_eq!(server.seen().logins, [plain]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_and_never_more_than_their_bound() {
    let parts = Parts::start(6, 6).await;
    for number in 0..60 {
        parts.contact(&format!("o-{number}"), "ada@example.com").await;
        parts.emitter.emit(&confirmed(&format!("o-{number}"))).await.unwrap();
    }
    let server = SmtpServer::start(State::default()).await;
    let mut smtp = server.smtp();
    smtp.connections = 2;
    let running = parts.run(Mail::Smtp(smtp));
    let seen = server.until("sixty mails", |s| s.mails.len() == 60).await;
    parts.mails(60).await;
    running.stop().await;
    assert!(
        seen.most_open <= 2 && seen.connections <= 2,
        "{} {}",
        seen.most_open,
        seen.connections
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_would_add_a_recipient_never_reaches_the_server() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    let hostile = [
        "ada@example.com>\r\nRCPT TO:<eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com, eve@example.com",
        "\"a\r\nb\"@example.com",
    ];
    for (number, address) in hostile.into_iter().enumerate() {
        parts.contact(&format!("o-{number}"), address).await;
        parts.confirmed(&format!("o-{number}")).await;
    }
    let running = parts.run(server.mail());
    let mails = parts.mails(hostile.len()).await;
    running.stop().await;
    assert!(mails.iter().all(|mail| mail.outcome == FAILED), "{mails:?}");
    assert_eq!(server.seen().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_none_is_refused_at_start() {
    let parts = Parts::start(1, 1).await;
    let server = SmtpServer::start(State::default()).await;
    for sender in ["nobody", "Shop\r\nBcc: eve@example.com <orders@shop.example>"] {
        let mut smtp = server.smtp();
        smtp.sender = sender.to_owned();
        let settings = parts.settings(Mail::Smtp(smtp));
        let error = notifications::run(settings, None, Default::default()).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains("is no sender") && !error.contains('\n'), "{error}");
    }
}
