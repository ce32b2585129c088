use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use notifications::{Allowed, Mail, Secrets, Settings, Trust, Webhooks};
use orderly_schemas::{ContactGiven, OrderCancelled, OrderCompleted, OrderRefunded};
use sha2::Sha256;

use crate::{
    parts::{Parts, Running, contact, ready, rejected, until},
    receiver::{Got, Receiver, Reply},
};

const OURS: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub fn webhooks(secrets: Secrets, retries: &str) -> Webhooks {
    Webhooks {
        retries: retries.parse().unwrap(),
        allowed: vec!["127.0.0.1".parse::<Allowed>().unwrap()],
        patience: Duration::from_secs(2),
        ..Webhooks::new(secrets, Trust::with(None).unwrap())
    }
}

fn settings(parts: &Parts, retries: &str) -> Settings {
    let secrets = Secrets::of(&format!("web-shop {OURS}\nanonymous {NEXT}\n")).unwrap();
    Settings { webhooks: Some(webhooks(secrets, retries)), ..parts.settings(Mail::Mailbox) }
}

pub fn called_back(order_id: &str, url: &str) -> ContactGiven {
    let callback_url = Some(url.to_owned());
    ContactGiven {
        phone: None,
        callback_url,
        caller: Some("web-shop".into()),
        ..contact(order_id, None)
    }
}

/// As a receiver does it.
fn is_signed_by(got: &Got, secret: &str) -> bool {
    let key = STANDARD.decode(&secret["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.{}", got.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callback_address_hears_the_orders_result_signed() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    parts.emitter.emit(&called_back("o-1", &receiver.url("hook"))).await.unwrap();
    let running = Running::start(settings(&parts, "0s,1s"), None);
    let (order_id, caused_by) = ("o-1".to_owned(), "cause".to_owned());
    parts.confirmed("o-1").await;
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    let done =
        OrderCompleted { order_id: order_id.clone(), sequence: 7, caused_by: caused_by.clone() };
    parts.emitter.emit(&done).await.unwrap();
    let amount = "7.50".parse().unwrap();
    let back = OrderRefunded { order_id, sequence: 8, caused_by, amount, currency: "EUR".into() };
    parts.emitter.emit(&back).await.unwrap();
    let got = receiver.until("hook", 4).await;
    running.stop().await;

    let mut kinds = Vec::new();
    for got in &got {
        assert!(is_signed_by(got, OURS) && !is_signed_by(got, NEXT));
        assert_eq!(got.header("content-type"), "application/json");
        assert!(got.body.len() < 20_000);
        let age = chrono::Utc::now().timestamp()
            - got.header("webhook-timestamp").parse::<i64>().unwrap();
        assert!((0..120).contains(&age), "{age}");
        let body: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(body["data"]["order_id"], "o-1");
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        kinds.push(body["type"].as_str().unwrap().to_owned());
        if body["type"] == "order.refunded" {
            assert_eq!(
                (&body["data"]["amount"], &body["data"]["currency"]),
                (&"7.50".into(), &"EUR".into())
            );
        }
    }
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["order.completed", "order.confirmed", "order.ready_for_pickup", "order.refunded"]
    );
    let mut ids: Vec<_> = got.iter().map(|got| got.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_and_a_cancelled_order_say_why() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    for order_id in ["o-1", "o-2"] {
        parts.emitter.emit(&called_back(order_id, &receiver.url(order_id))).await.unwrap();
    }
    parts.emitter.emit(&rejected("o-1", "sold out")).await.unwrap();
    let cancelled = OrderCancelled {
        order_id: "o-2".into(),
        sequence: 2,
        caused_by: "cause".into(),
        reason: "asked for".into(),
    };
    parts.emitter.emit(&cancelled).await.unwrap();
    let running = Running::start(settings(&parts, "0s"), None);
    let rejected = receiver.until("o-1", 1).await;
    let cancelled = receiver.until("o-2", 1).await;
    running.stop().await;
    assert!(rejected[0].body.contains(r#""reason":"sold out""#), "{rejected:?}");
    assert!(cancelled[0].body.contains(r#""type":"order.cancelled""#), "{cancelled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_by_the_schedule_under_one_id_until_it_is_taken() {
    let parts = Parts::start(1, 1).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    receiver.replies(
        "hook",
        &[
            Reply::Status(500),
            Reply::Status(404),
            // Not followed: a failure as others.
            Reply::RedirectTo(elsewhere.at),
            Reply::Silence,
            Reply::Status(204),
        ],
    );
    parts.emitter.emit(&called_back("o-1", &receiver.url("hook"))).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings(&parts, "0s,400ms,800ms,400ms,400ms,1s"), None);
    let got = receiver.until("hook", 5).await;
    ended(&parts, "o-1", "SENT").await;
    running.stop().await;
    assert_eq!(receiver.got("hook").len(), 5);
    assert!(elsewhere.got("elsewhere").is_empty());
    for again in &got[1..] {
        assert_eq!(again.header("webhook-id"), got[0].header("webhook-id"));
        assert_eq!(again.body, got[0].body);
        assert!(is_signed_by(again, OURS));
    }
    let gaps: Vec<_> = got.windows(2).map(|two| (two[1].at - two[0].at).as_millis()).collect();
    assert!(gaps[0] >= 320 && gaps[1] >= 640 && gaps[2] >= 320, "{gaps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_given_up_at_the_end_of_the_schedule() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    receiver.replies("hook", &[Reply::Status(500)]);
    parts.emitter.emit(&called_back("o-1", &receiver.url("hook"))).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings(&parts, "0s,50ms,50ms"), None);
    let answer = ended(&parts, "o-1", "FAILED").await;
    running.stop().await;
    assert_eq!(receiver.got("hook").len(), 3);
    assert_eq!(answer, "given up after 3 attempts: the receiver answers 500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_is_kept() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    receiver.replies("hook", &[Reply::After(2), Reply::Status(200)]);
    parts.emitter.emit(&called_back("o-1", &receiver.url("hook"))).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings(&parts, "0s,1ms"), None);
    let got = receiver.until("hook", 2).await;
    running.stop().await;
    assert!(got[1].at - got[0].at >= Duration::from_millis(1_950), "{:?}", got[1].at - got[0].at);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_410_nothing_goes_there_until_it_is_given_again() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    receiver.replies("hook", &[Reply::Status(410), Reply::Status(200)]);
    let url = receiver.url("hook");
    for order_id in ["o-1", "o-2"] {
        parts.emitter.emit(&called_back(order_id, &url)).await.unwrap();
    }
    parts.confirmed("o-1").await;
    let running = Running::start(settings(&parts, "0s,50ms,50ms"), None);
    assert_eq!(ended(&parts, "o-1", "FAILED").await, "the receiver answers 410");
    // Another order that named it before.
    parts.confirmed("o-2").await;
    let answer = ended(&parts, "o-2", "FAILED").await;
    assert!(answer.contains("wants nothing more"), "{answer}");
    assert_eq!(receiver.got("hook").len(), 1);

    parts.emitter.emit(&called_back("o-3", &url)).await.unwrap();
    parts.confirmed("o-3").await;
    ended(&parts, "o-3", "SENT").await;
    running.stop().await;
    assert_eq!(receiver.got("hook").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_changed_both_sign_and_the_file_is_read_again() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    let file = parts.file("secrets");
    std::fs::write(&file, format!("web-shop {OURS}\n")).unwrap();
    let secrets = Secrets::load(&file).unwrap();
    let hooks = webhooks(secrets, "0s");
    let with = Settings { webhooks: Some(hooks), ..parts.settings(Mail::Mailbox) };
    let running = Running::start(with, None);
    let mut number = 0;
    let mut next = async || {
        number += 1;
        let order_id = format!("o-{number}");
        parts.emitter.emit(&called_back(&order_id, &receiver.url(&order_id))).await.unwrap();
        parts.confirmed(&order_id).await;
        receiver.until(&order_id, 1).await.remove(0)
    };
    let before = next().await;
    assert!(is_signed_by(&before, OURS) && !is_signed_by(&before, NEXT));
    std::fs::write(&file, format!("web-shop {NEXT} {OURS}\n")).unwrap();
    let both = loop {
        let got = next().await;
        if is_signed_by(&got, NEXT) {
            break got;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(is_signed_by(&both, OURS));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_nothing_goes_out_unsigned() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    let stranger = ContactGiven {
        caller: Some("stranger".into()),
        ..called_back("o-1", &receiver.url("hook"))
    };
    let guest = ContactGiven { caller: None, ..called_back("o-2", &receiver.url("guest")) };
    for contact in [&stranger, &guest] {
        parts.emitter.emit(contact).await.unwrap();
        parts.confirmed(&contact.order_id).await;
    }
    let running = Running::start(settings(&parts, "0s,1ms"), None);
    let answer = ended(&parts, "o-1", "FAILED").await;
    assert!(answer.contains("there is no secret"), "{answer}");
    assert!(is_signed_by(&receiver.until("guest", 1).await[0], NEXT));
    running.stop().await;
    assert!(receiver.got("hook").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_inside_is_never_asked() {
    let parts = Parts::start(1, 1).await;
    let receiver = Receiver::start().await;
    let mut with = settings(&parts, "0s,1ms");
    with.webhooks.as_mut().unwrap().allowed.clear();
    let inside = [
        receiver.url("hook"),
        format!("https://{}/hook", receiver.at),
        format!("https://localhost:{}/hook", receiver.at.port()),
        format!("https://2130706433:{}/hook", receiver.at.port()),
        format!("https://[::ffff:127.0.0.1]:{}/hook", receiver.at.port()),
        format!("https://u@{}/hook", receiver.at),
        "no address".to_owned(),
    ];
    let running = Running::start(with, None);
    for (number, url) in inside.iter().enumerate() {
        let order_id = format!("o-{number}");
        parts.emitter.emit(&called_back(&order_id, url)).await.unwrap();
        parts.confirmed(&order_id).await;
        let answer = ended(&parts, &order_id, "FAILED").await;
        assert!(answer.starts_with("the address is refused"), "{url}: {answer}");
        assert!(!answer.contains("127.0.0.1"), "{answer}");
    }
    running.stop().await;
    assert!(receiver.got("hook").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_receiver_delays_no_other() {
    let parts = Parts::start(4, 4).await;
    let (dead, alive) = (Receiver::start().await, Receiver::start().await);
    dead.replies("hook", &[Reply::Silence]);
    let running = Running::start(settings(&parts, "0s,20ms,20ms,20ms,20ms,20ms"), None);
    for number in 0..100 {
        let to = if number % 2 == 0 { dead.url("hook") } else { alive.url("hook") };
        parts.emitter.emit(&called_back(&format!("o-{number}"), &to)).await.unwrap();
        parts.confirmed(&format!("o-{number}")).await;
    }
    // All of the living one's, while the dead one had no more than its few turns of 2 s.
    alive.until("hook", 50).await;
    assert!(dead.got("hook").len() < 50, "{}", dead.got("hook").len());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_receivers_under_many_names_delay_none_that_answered() {
    const NAMES: u8 = 200;
    let parts = Parts::start(4, 4).await;
    let (silent, good) = (Receiver::start_at("0.0.0.0:0").await, Receiver::start().await);
    silent.replies("hook", &[Reply::Silence]);
    let mut with = settings(&parts, "0s,1s");
    let hooks = with.webhooks.as_mut().unwrap();
    hooks.allowed = vec!["127.0.0.0/8".parse::<Allowed>().unwrap()];
    hooks.patience = Duration::from_secs(60);
    let running = Running::start(with, None);
    parts.emitter.emit(&called_back("good", &good.url("hook"))).await.unwrap();
    parts.confirmed("good").await;
    ended(&parts, "good", "SENT").await;
    for number in 1..=NAMES {
        let url = format!("http://127.0.1.{number}:{}/hook", silent.at.port());
        parts.emitter.emit(&called_back(&format!("o-{number}"), &url)).await.unwrap();
        parts.confirmed(&format!("o-{number}")).await;
    }
    let mailbox = parts.mailbox().await;
    until("all are due", || async {
        (mailbox.due().await.unwrap() == u64::from(NAMES)).then_some(())
    })
    .await;
    silent.until("hook", 64).await;
    parts.emitter.emit(&ready("good")).await.unwrap();
    good.until("hook", 2).await;
    // Half of the turns, and none of them was over.
    assert_eq!(silent.got("hook").len(), 64);
    running.kill().await;
}

/// The answer of the order's only webhook, once it ended so.
async fn ended(parts: &Parts, order_id: &str, state: &str) -> String {
    // Makes the tables, where the service has yet to begin.
    parts.mailbox().await;
    until(&format!("{order_id} is {state}"), || async {
        let sql = "SELECT answer FROM notifications_deliveries
                   WHERE order_id = $1 AND state = $2 AND channel = 'webhook'";
        let rows = parts.database.query(sql, &[order_id.into(), state.into()]).await.unwrap();
        rows.first().map(|row| row.get::<Option<String>>(0).unwrap().unwrap_or_default())
    })
    .await
}
