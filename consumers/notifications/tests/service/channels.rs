use std::time::Duration;

use notifications::{Secrets, Settings, Sms, Texts, Trust};
use orderly_schemas::{Channel, ContactGiven, DeliveryOutcome, NotificationSent, UserChanged};
use orderly_stores::Outbox;
use tokio::net::TcpListener;

use crate::{
    parts::{Parts, Running, confirmed, contact, contacts_position, ready, until},
    receiver::{Receiver, Reply},
    smtp_server::{SmtpServer, State},
    webhooks::{called_back, webhooks},
};

pub const SECRET: &str = "anonymous whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n\
                      web-shop whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

fn sms(receiver: &Receiver) -> Sms {
    let trust = Trust::with(None).unwrap();
    let sms = Sms::new(receiver.url("messages"), "AC1:hunter2", "+15550100", trust);
    Sms { patience: Duration::from_secs(2), ..sms }
}

/// A mail server, a provider of text messages, a receiver.
pub struct Outside {
    pub smtp: SmtpServer,
    pub provider: Receiver,
    pub receiver: Receiver,
}

impl Outside {
    pub async fn start() -> Self {
        let smtp = SmtpServer::start(State::default()).await;
        let (provider, receiver) = (Receiver::start().await, Receiver::start().await);
        provider.says(r#"{"sid":"SM42","status":"queued"}"#);
        Self { smtp, provider, receiver }
    }

    pub fn settings(&self, parts: &Parts) -> Settings {
        let secrets = Secrets::of(SECRET).unwrap();
        Settings {
            texts: Texts::Gateway(sms(&self.provider)),
            webhooks: Some(webhooks(secrets, "0s,200ms,200ms")),
            ..parts.settings(self.smtp.mail())
        }
    }

    /// By every channel.
    pub fn contact(&self, order_id: &str) -> ContactGiven {
        let url = self.receiver.url("hook");
        let all = contact(order_id, Some("ada@example.com"));
        ContactGiven { email: all.email, phone: all.phone, ..called_back(order_id, &url) }
    }
}

/// Channel and outcome of everything that ended, in order of the channels.
pub async fn ended(parts: &Parts, count: usize) -> Vec<(Channel, DeliveryOutcome)> {
    let mailbox = parts.mailbox().await;
    let all = until(&format!("{count} deliveries ended"), || async {
        let all = mailbox.page(0, 10_000).await.unwrap();
        (all.len() >= count).then_some(all)
    })
    .await;
    let mut all: Vec<_> = all.into_iter().map(|one| (one.channel, one.outcome)).collect();
    all.sort_by_key(|(channel, _)| *channel as u8);
    all
}

const MAIL: (Channel, DeliveryOutcome) = (Channel::Email, DeliveryOutcome::Sent);
const SMS: (Channel, DeliveryOutcome) = (Channel::Sms, DeliveryOutcome::Sent);
pub const HOOK: (Channel, DeliveryOutcome) = (Channel::Webhook, DeliveryOutcome::Sent);

#[tokio::test(flavor = "multi_thread")]
async fn a_status_goes_out_on_every_channel_that_was_given() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(outside.settings(&parts), None);
    assert_eq!(ended(&parts, 3).await, [MAIL, SMS, HOOK]);
    running.stop().await;

    let text = outside.provider.got("messages").remove(0);
    assert_eq!(text.header("authorization"), "Basic QUMxOmh1bnRlcjI=");
    assert_eq!(text.header("content-type"), "application/x-www-form-urlencoded");
    let form: Vec<_> = url::form_urlencoded::parse(text.body.as_bytes()).into_owned().collect();
    assert_eq!(form[0], ("To".to_owned(), "+442079460000".to_owned()));
    assert_eq!(form[1], ("From".to_owned(), "+15550100".to_owned()));
    assert_eq!(form[2].0, "Body");
    assert!(form[2].1.starts_with("Order o-1 is confirmed."), "{form:?}");
    let sql = "SELECT answer FROM notifications_deliveries WHERE channel = 'sms'";
    let answer = parts.database.query_opt(sql, &[]).await.unwrap().unwrap();
    assert_eq!(answer.get::<String>(0).unwrap(), "SM42");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_delays_and_repeats_nothing_else() {
    let parts = Parts::start(2, 2).await;
    let outside = Outside::start().await;
    outside.smtp.change(|s| s.is_down = true);
    let settings = outside.settings(&parts);
    let health = settings.health.clone();
    let running = Running::start(settings, None);
    for number in 0..20 {
        parts.emitter.emit(&outside.contact(&format!("o-{number}"))).await.unwrap();
        parts.confirmed(&format!("o-{number}")).await;
    }
    let all = ended(&parts, 40).await;
    assert!(all.iter().all(|one| *one == SMS || *one == HOOK), "{all:?}");
    until("readiness names it", || async { health.absence("mail server") }).await;

    outside.smtp.change(|s| s.is_down = false);
    ended(&parts, 60).await;
    until("it is back", || async { health.absence("mail server").is_none().then_some(()) }).await;
    running.stop().await;
    assert_eq!(outside.smtp.seen().mails.len(), 20);
    assert_eq!(outside.provider.got("messages").len(), 20);
    assert_eq!(outside.receiver.got("hook").len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mail_that_is_put_off_repeats_no_other() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    outside.smtp.change(|s| {
        s.answers.insert("slow@example.com".into(), "451 4.7.1 come back later");
    });
    parts.contact("o-0", "slow@example.com").await;
    parts.confirmed("o-0").await;
    for number in 1..=20 {
        parts.contact(&format!("o-{number}"), "ada@example.com").await;
        parts.confirmed(&format!("o-{number}")).await;
    }
    let settings = Settings { texts: Texts::None, ..outside.settings(&parts) };
    let running = Running::start(settings, None);
    assert_eq!(ended(&parts, 20).await, [MAIL; 20]);
    outside.smtp.until("tries of the slow one", |s| s.connections >= 3).await;
    outside.smtp.change(|s| s.answers.clear());
    ended(&parts, 21).await;
    running.stop().await;
    assert_eq!(outside.smtp.seen().mails.len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_provider_that_is_busy_or_silent_is_asked_again_and_a_refusal_is_final() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    outside.provider.replies(
        "messages",
        &[
            Reply::Status(503),
            Reply::Silence,
            Reply::Status(429),
            Reply::Status(201),
            Reply::Status(400),
        ],
    );
    let settings = outside.settings(&parts);
    let health = settings.health.clone();
    let running = Running::start(settings, None);
    parts.emitter.emit(&contact("o-1", None)).await.unwrap();
    parts.confirmed("o-1").await;
    until("readiness names it", || async { health.absence("SMS provider") }).await;
    assert_eq!(ended(&parts, 1).await, [SMS]);
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    let failed = (Channel::Sms, DeliveryOutcome::Failed);
    assert_eq!(ended(&parts, 2).await, [SMS, failed]);
    running.stop().await;
    let got = outside.provider.got("messages");
    assert_eq!(got.len(), 5);
    let keys: Vec<_> = got.iter().map(|got| got.header("idempotency-key")).collect();
    assert!(keys[..4].iter().all(|key| *key == keys[0]) && keys[4] != keys[0], "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_hear_by_the_channels_they_want_and_callback_addresses_always() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    for (user_id, notify_by) in [("by-sms", vec![Channel::Sms]), ("by-none", vec![])] {
        let user_id = user_id.to_owned();
        let user = UserChanged {
            user_id,
            name: None,
            email: Some("profile@example.com".into()),
            phone: None,
            customer_group: None,
            notify_by,
        };
        parts.emitter.emit(&user).await.unwrap();
    }
    for (order_id, user_id) in [("o-1", "by-sms"), ("o-2", "by-none"), ("o-3", "unknown")] {
        let user_id = Some(user_id.to_owned());
        parts.emitter.emit(&ContactGiven { user_id, ..outside.contact(order_id) }).await.unwrap();
        parts.confirmed(order_id).await;
    }
    let running = Running::start(outside.settings(&parts), None);
    // One by SMS; none; both, as nobody knows what they want.
    assert_eq!(ended(&parts, 6).await, [MAIL, SMS, SMS, HOOK, HOOK, HOOK]);
    running.stop().await;
    assert_eq!(outside.smtp.seen().mails[0].to, "ada@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn historic_and_repeated_events_go_out_on_no_channel_a_second_time() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.historic(&confirmed("o-1")).await;
    parts.historic(&ready("o-1")).await;
    let meta = orderly_sdk::Meta::new(&"test".into());
    for _ in 0..3 {
        parts.emitter.emit_as(&confirmed("o-1"), &meta).await.unwrap();
    }
    parts.emitter.emit(&outside.contact("o-2")).await.unwrap();
    parts.confirmed("o-2").await;
    let running = Running::start(outside.settings(&parts), None);
    assert_eq!(ended(&parts, 6).await, [MAIL, MAIL, SMS, SMS, HOOK, HOOK]);
    running.stop().await;
    assert_eq!(outside.provider.got("messages").len(), 2);
}

async fn a_deletion_leaves_no_destination_and_stops_what_is_due(parts: Parts) {
    let outside = Outside::start().await;
    outside.smtp.change(|s| s.is_down = true);
    outside.receiver.replies("hook", &[Reply::Status(500)]);
    let mut settings = outside.settings(&parts);
    let slow = webhooks(Secrets::of(SECRET).unwrap(), "0s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s");
    settings.webhooks = Some(slow);
    let user_id = Some("u-1".to_owned());
    parts.emitter.emit(&ContactGiven { user_id, ..outside.contact("o-1") }).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings, None);
    assert_eq!(ended(&parts, 1).await, [SMS]);
    outside.receiver.until("hook", 1).await;
    parts.emitter.delete::<ContactGiven>("o-1").await.unwrap();
    ended(&parts, 3).await;
    outside.smtp.change(|s| s.is_down = false);
    running.stop().await;
    let sql = "SELECT channel, destination, place, state, answer, user_id
               FROM notifications_deliveries ORDER BY channel";
    let rows = parts.database.query(sql, &[]).await.unwrap();
    let gone = Some("the order's contact was deleted".to_owned());
    for (row, (channel, state, answer)) in rows.iter().zip([
        ("mail", "FAILED", gone.clone()),
        ("sms", "SENT", None),
        ("webhook", "FAILED", gone),
    ]) {
        assert_eq!(row.get::<String>(0).unwrap(), channel);
        assert_eq!(row.get::<Option<String>>(1).unwrap(), None, "{channel}");
        assert_eq!(row.get::<String>(2).unwrap(), "", "{channel}");
        assert_eq!(row.get::<String>(3).unwrap(), state, "{channel}");
        assert_eq!(row.get::<Option<String>>(4).unwrap(), answer, "{channel}");
        assert_eq!(row.get::<Option<String>>(5).unwrap(), None, "{channel}");
    }
    assert!(outside.smtp.seen().mails.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_leaves_no_destination_and_stops_what_is_due_on_sqlite() {
    a_deletion_leaves_no_destination_and_stops_what_is_due(Parts::start(1, 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_leaves_no_destination_and_stops_what_is_due_on_postgres() {
    let test = "a_deletion_leaves_no_destination_and_stops_what_is_due_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 1, 1).await else { return };
    a_deletion_leaves_no_destination_and_stops_what_is_due(parts).await;
}

/// As an order's contact is where its first attempt failed: deleted, and given again with the second.
async fn what_is_due_waits_for_a_contact_that_is_given_again(parts: Parts) {
    let outside = Outside::start().await;
    outside.smtp.change(|s| s.is_down = true);
    outside.receiver.replies("hook", &[Reply::Status(500), Reply::Status(204)]);
    let mut settings = outside.settings(&parts);
    settings.webhooks = Some(webhooks(Secrets::of(SECRET).unwrap(), "0s,500ms,1s"));
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings, None);
    assert_eq!(ended(&parts, 1).await, [SMS]);
    outside.receiver.until("hook", 1).await;
    // What brings the contact to an end and the others to their next attempt come in any order.
    parts.emitter.delete::<ContactGiven>("o-1").await.unwrap();
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    outside.smtp.change(|s| s.is_down = false);
    assert_eq!(ended(&parts, 3).await, [MAIL, SMS, HOOK]);
    running.stop().await;
    assert_eq!(outside.smtp.seen().mails[0].to, "ada@example.com");
    let sql =
        "SELECT attempts, place, answer FROM notifications_deliveries WHERE channel = 'webhook'";
    let row = parts.database.query_opt(sql, &[]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 2, "that it was waited for was no attempt");
    assert!(
        row.get::<String>(1).unwrap().starts_with("127.0.0.1:"),
        "it is spared as its receiver is"
    );
    assert_eq!(row.get::<Option<String>>(2).unwrap().as_deref(), Some("the receiver answers 204"));
}

/// The first wait of a webhook's schedule is one, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_first_tried_when_its_schedule_says() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    let mut settings = outside.settings(&parts);
    settings.webhooks = Some(webhooks(Secrets::of(SECRET).unwrap(), "1s,200ms"));
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings, None);
    assert_eq!(ended(&parts, 3).await, [MAIL, SMS, HOOK]);
    running.stop().await;
    let sql = "SELECT made_at, ended_at FROM notifications_deliveries WHERE channel = 'webhook'";
    let row = parts.database.query_opt(sql, &[]).await.unwrap().unwrap();
    let at = |column| row.get::<chrono::DateTime<chrono::Utc>>(column).unwrap();
    assert!((at(1) - at(0)).num_milliseconds() >= 800, "{} to {}", at(0), at(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_waits_for_a_contact_that_is_given_again_on_sqlite() {
    what_is_due_waits_for_a_contact_that_is_given_again(Parts::start(1, 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_waits_for_a_contact_that_is_given_again_on_postgres() {
    let test = "what_is_due_waits_for_a_contact_that_is_given_again_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 1, 1).await else { return };
    what_is_due_waits_for_a_contact_that_is_given_again(parts).await;
}

async fn what_ended_is_told_once_each_and_names_no_address(parts: Parts) {
    let outside = Outside::start().await;
    outside.smtp.change(|s| {
        s.answers.insert("ada@example.com".into(), "550 5.1.1 <ada@example.com> unknown");
    });
    parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(outside.settings(&parts), None);
    ended(&parts, 3).await;
    running.stop().await;
    let outbox = Outbox::new(parts.database.clone());
    let told = outbox.look(10).await.unwrap();
    let schema =
        orderly_sdk::codec::Schema::parse(<NotificationSent as orderly_sdk::Event>::SCHEMA)
            .unwrap();
    let mut told: Vec<NotificationSent> = told
        .iter()
        .map(|(_, record)| {
            assert_eq!(
                (&*record.topic, record.key.as_deref()),
                ("notifications", Some(&b"o-1"[..]))
            );
            let payload = record.payload.as_ref().unwrap();
            assert!(!String::from_utf8_lossy(payload).contains("example.com"));
            schema.decode(&payload[5..]).unwrap()
        })
        .collect();
    told.sort_by_key(|told| told.channel as u8);
    let told: Vec<_> = told
        .iter()
        .map(|t| (t.channel, t.template.as_str(), t.outcome, t.detail.as_deref()))
        .collect();
    let refused = Some("the mail server refuses it");
    assert_eq!(
        told,
        [
            (Channel::Email, "confirmed", DeliveryOutcome::Failed, refused),
            (Channel::Sms, "confirmed", DeliveryOutcome::Sent, None),
            (Channel::Webhook, "confirmed", DeliveryOutcome::Sent, None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_told_once_each_and_names_no_address_on_sqlite() {
    what_ended_is_told_once_each_and_names_no_address(Parts::start(1, 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_told_once_each_and_names_no_address_on_postgres() {
    let test = "what_ended_is_told_once_each_and_names_no_address_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 1, 1).await else { return };
    what_ended_is_told_once_each_and_names_no_address(parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orders_deliveries_are_listed_with_their_answers_and_masked() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    outside.receiver.replies("hook", &[Reply::After(3_600)]);
    let receipt = parts.emitter.emit(&outside.contact("o-1")).await.unwrap();
    parts.confirmed("o-1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let running = Running::start(outside.settings(&parts), Some(listener));
    ended(&parts, 2).await;
    outside.receiver.until("hook", 1).await;
    let read = async |order: &str| -> serde_json::Value {
        let url = format!("{address}/orders/{order}/notifications");
        reqwest::get(url).await.unwrap().json().await.unwrap()
    };
    let listed = until("the webhook's answer", || async {
        let listed = read("o-1").await;
        listed["notifications"][2]["answer"].is_string().then_some(listed)
    })
    .await;
    let none = read("o-2").await;
    running.stop().await;
    assert!(contacts_position(&parts.database, 0).await > Some(receipt.at.offset));
    let [mail, sms, hook] = &listed["notifications"].as_array().unwrap()[..] else { panic!() };
    assert_eq!(
        (&mail["channel"], &mail["destination"]),
        (&"mail".into(), &"a…@example.com".into())
    );
    assert_eq!((&mail["state"], &mail["attempts"]), (&"sent".into(), &1.into()));
    assert_eq!((&sms["channel"], &sms["destination"]), (&"sms".into(), &"+44…00".into()));
    assert_eq!(sms["answer"], "SM42");
    assert_eq!((&hook["channel"], &hook["state"]), (&"webhook".into(), &"due".into()));
    assert_eq!(hook["destination"], "http://127.0.0.1/…");
    assert_eq!(hook["answer"], "the receiver answers 503");
    assert!(hook["next_try_at"].is_string() && mail["next_try_at"].is_null(), "{listed}");
    assert_eq!(none["notifications"].as_array().unwrap().len(), 0);
}
