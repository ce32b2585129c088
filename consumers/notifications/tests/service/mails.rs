use chrono::{TimeZone as _, Utc};
use notifications::Mail;
use orderly_schemas::{Channel, DeliveryOutcome, OrderConfirmed, StageStarted};
use orderly_sdk::{
    Meta,
    kafka::{Probe, Tail},
};

use crate::parts::{Parts, confirmed, ready, rejected, told};

const SENT: DeliveryOutcome = DeliveryOutcome::Sent;

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_a_ready_and_a_rejected_order_get_a_mail_each() {
    let parts = Parts::start(1, 1).await;
    let running = parts.run(Mail::Mailbox);
    parts.contact("o-1", "ada@example.com").await;
    parts.contact("o-2", "bob@example.com").await;
    let ready_at = Utc.with_ymd_and_hms(2026, 11, 21, 18, 5, 0).unwrap();
    let order = OrderConfirmed { ready_at: Some(ready_at), ..confirmed("o-1") };
    parts.emitter.emit(&order).await.unwrap();
    let stage = StageStarted {
        order_id: "o-1".into(),
        sequence: 2,
        caused_by: "cause".into(),
        stage: "prep".into(),
        station: None,
        ends_at: ready_at,
    };
    parts.emitter.emit(&stage).await.unwrap();
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    // Orders are told of side by side; each in its own order.
    parts.mails(2).await;
    parts.rejected("o-2", "sold out:\r\nBcc: eve@example.com").await;
    let mails = parts.mails(3).await;
    running.stop().await;

    assert_eq!(
        told(&mails),
        [("o-1", "confirmed", SENT), ("o-1", "ready", SENT), ("o-2", "rejected", SENT)]
    );
    assert_eq!(
        parts.column("address").await.into_iter().flatten().collect::<Vec<_>>(),
        ["ada@example.com", "ada@example.com", "bob@example.com"]
    );
    let bodies: Vec<String> = parts.column("body").await.into_iter().flatten().collect();
    assert!(bodies[0].contains("Expected to be ready: 21 November 2026, 18:05 UTC"), "{bodies:?}");
    assert!(bodies[2].contains("\nReason: sold out: Bcc: eve@example.com\n"), "{bodies:?}");
    let subjects: Vec<String> = parts.column("subject").await.into_iter().flatten().collect();
    assert_eq!(subjects[1], "Your order o-1 is ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_twice_is_one_mail() {
    let parts = Parts::start(1, 1).await;
    parts.contact("o-1", "ada@example.com").await;
    let meta = Meta::new(&"test".into());
    for _ in 0..3 {
        parts.emitter.emit_as(&confirmed("o-1"), &meta).await.unwrap();
    }
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    let running = parts.run(Mail::Mailbox);
    let mails = parts.mails(2).await;
    running.stop().await;
    assert_eq!(told(&mails), [("o-1", "confirmed", SENT), ("o-1", "ready", SENT)]);
    assert_eq!(mails[0].event_id, meta.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn historic_events_send_nothing() {
    let parts = Parts::start(1, 1).await;
    parts.contact("o-1", "ada@example.com").await;
    parts.historic(&confirmed("o-1")).await;
    parts.historic(&ready("o-1")).await;
    parts.historic(&rejected("o-1", "long ago")).await;
    // Without a contact, too: there is nothing to wait for.
    parts.historic(&confirmed("o-0")).await;
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    let running = parts.run(Mail::Mailbox);
    let mails = parts.mails(1).await;
    running.stop().await;
    assert_eq!(told(&mails), [("o-1", "ready", SENT)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_send_each_mail_once_and_in_order_through_restarts() {
    const ORDERS: usize = 120;
    let parts = Parts::start(5, 3).await;
    let mut settings = parts.settings(Mail::Mailbox);
    settings.members = 2;
    let mut running = crate::parts::Running::start(settings, None);
    for number in 0..ORDERS {
        let order_id = format!("o-{number}");
        parts.contact(&order_id, "ada@example.com").await;
        parts.confirmed(&order_id).await;
        parts.emitter.emit(&ready(&order_id)).await.unwrap();
        if number % 50 == 49 {
            running.stop().await;
            running = parts.run(Mail::Mailbox);
        }
    }
    let mails = parts.mails(2 * ORDERS).await;
    running.stop().await;
    for number in 0..ORDERS {
        let order_id = format!("o-{number}");
        let of_order: Vec<&str> = mails
            .iter()
            .filter(|mail| mail.order_id == order_id)
            .map(|mail| mail.template.as_str())
            .collect();
        assert_eq!(of_order, ["confirmed", "ready"], "{order_id}");
    }
    let mailbox = parts.mailbox().await;
    assert_eq!(mailbox.count(Channel::Email, SENT).await.unwrap(), 2 * ORDERS as u64);
    assert_eq!(mailbox.count(Channel::Email, DeliveryOutcome::Failed).await.unwrap(), 0);
    let paged = mailbox.page(mails[99].place, 20).await.unwrap();
    assert_eq!(paged, mails[100..120]);
    let lag = Probe::of_group(&parts.config, "notifications").unwrap();
    let lag = lag.lag(&["order-status", "contacts"]).await.unwrap();
    assert!(lag.iter().all(|partition| partition.records() == 0), "{lag:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_id_that_would_add_a_header_goes_to_the_dead_letters() {
    let parts = Parts::start(1, 1).await;
    parts.contact("o-1\r\nBcc: eve@example.com", "ada@example.com").await;
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1\r\nBcc: eve@example.com").await;
    parts.confirmed("o-1").await;
    let running = parts.run(Mail::Mailbox);
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", SENT)]);
    let mut letters =
        Tail::from_start(&parts.config, &["notifications.dead-letters"]).await.unwrap();
    let letter = letters.next().await.unwrap().unwrap();
    assert!(letter.header_str("dead-letter.error").unwrap().contains("its order id is not"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_to_do_the_work_is_refused() {
    let parts = Parts::start(1, 1).await;
    let mut settings = parts.settings(Mail::Mailbox);
    settings.members = 0;
    let refused = notifications::run(settings, None, Default::default()).await;
    assert!(refused.unwrap_err().to_string().contains("at least 1"));
}
