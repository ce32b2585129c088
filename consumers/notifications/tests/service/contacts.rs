use notifications::{Mail, Mailbox, Settings};
use orderly_schemas::{Channel, ContactGiven, DeliveryOutcome};
use orderly_sdk::{Meta, OutRecord};

use crate::parts::{Parts, Running, confirmed, contact, contacts_position, ready, told, until};

const SENT: DeliveryOutcome = DeliveryOutcome::Sent;

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_acknowledged_earlier_and_seen_later_still_gets_its_mail() {
    let parts = Parts::start(1, 1).await;
    // The contact is the last of many, the status the first of its topic.
    for number in 0..1_500 {
        let other = contact(&format!("other-{number}"), Some("bob@example.com"));
        let meta = Meta::new(&"test".into());
        drop(parts.emitter.send(&other, &meta).await.unwrap());
    }
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    let running = parts.run(Mail::Mailbox);
    assert_eq!(told(&parts.mails(1).await), [("o-1", "confirmed", SENT)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_mails_are_sent_and_their_addresses_deleted_with_the_contact() {
    let test = "on_postgres_mails_are_sent_and_their_addresses_deleted_with_the_contact";
    let Some(parts) = Parts::start_on_postgres(test, 2, 3).await else { return };
    let running = parts.run(Mail::Mailbox);
    for number in 0..20 {
        parts.contact(&format!("o-{number}"), "ada@example.com").await;
        parts.confirmed(&format!("o-{number}")).await;
    }
    parts.mails(20).await;

    for number in 0..20 {
        parts.emitter.delete::<ContactGiven>(&format!("o-{number}")).await.unwrap();
    }

    until("the addresses are deleted", || async {
        parts.column("address").await.iter().all(Option::is_none).then_some(())
    })
    .await;
    running.stop().await;
    assert_eq!(parts.mails(20).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_without_a_contact_get_no_mail_and_stall_nobody() {
    let parts = Parts::start(4, 3).await;
    let running = parts.run(Mail::Mailbox);
    // First with nothing in `contacts` at all, then among others.
    for number in 0..10 {
        parts.confirmed(&format!("guest-{number}")).await;
    }
    for number in 0..60 {
        if number % 3 == 0 {
            parts.contact(&format!("o-{number}"), "ada@example.com").await;
        }
        parts.confirmed(&format!("o-{number}")).await;
    }
    let mails = parts.mails(20).await;
    // A contact that comes after its status was told is for the statuses to come.
    parts.contact("guest-1", "ada@example.com").await;
    parts.emitter.emit(&ready("guest-1")).await.unwrap();
    let all = parts.mails(21).await;
    running.stop().await;
    assert!(mails.iter().all(|mail| mail.order_id[2..].parse::<u32>().unwrap() % 3 == 0));
    assert_eq!(told(&all[20..]), [("guest-1", "ready", SENT)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_without_a_mail_address_sends_nothing() {
    let parts = Parts::start(1, 1).await;
    parts.emitter.emit(&contact("o-1", None)).await.unwrap();
    parts.contact("o-2", "ada@example.com").await;
    parts.confirmed("o-1").await;
    parts.confirmed("o-2").await;
    let running = parts.run(Mail::Mailbox);
    assert_eq!(told(&parts.mails(1).await), [("o-2", "confirmed", SENT)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_contact_is_where_later_mails_go() {
    let parts = Parts::start(1, 1).await;
    let running = parts.run(Mail::Mailbox);
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    parts.mails(1).await;
    let receipt = parts.contact("o-1", "lovelace@example.com").await;
    at_position(&parts, receipt.at.offset + 1).await;
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    parts.mails(2).await;
    running.stop().await;
    let addresses: Vec<String> = parts.column("address").await.into_iter().flatten().collect();
    assert_eq!(addresses, ["ada@example.com", "lovelace@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_removes_every_address_and_later_statuses_send_nothing() {
    let parts = Parts::start(1, 1).await;
    let running = parts.run(Mail::Mailbox);
    parts.contact("o-1", "ada@example.com").await;
    parts.contact("o-2", "bob@example.com").await;
    parts.confirmed("o-1").await;
    parts.mails(1).await;
    let receipt = parts.emitter.delete::<ContactGiven>("o-1").await.unwrap();
    at_position(&parts, receipt.at.offset + 1).await;
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    parts.confirmed("o-2").await;
    let mails = parts.mails(2).await;
    running.stop().await;
    assert_eq!(told(&mails), [("o-1", "confirmed", SENT), ("o-2", "confirmed", SENT)]);
    assert_eq!(parts.column("address").await, [None, Some("bob@example.com".to_owned())]);
    let left = "SELECT order_id FROM notifications_contacts";
    let left = parts.database.query(left, &[]).await.unwrap();
    assert_eq!(left.len(), 1);
}

/// Statuses meet every state that a contact goes through where an order was tried again and again.
async fn no_mail_is_left_out_while_contacts_go_and_come(parts: Parts) {
    const ORDERS: usize = 120;
    for number in 0..ORDERS {
        let order_id = format!("o-{number}");
        for _ in 0..4 {
            parts.contact(&order_id, "ada@example.com").await;
            parts.emitter.delete::<ContactGiven>(&order_id).await.unwrap();
        }
        parts.contact(&order_id, "ada@example.com").await;
    }
    for number in 0..ORDERS {
        parts.confirmed(&format!("o-{number}")).await;
    }
    let running = parts.run(Mail::Mailbox);
    let mails = parts.mails(ORDERS).await;
    running.stop().await;
    assert_eq!(mails.len(), ORDERS);
    assert!(mails.iter().all(|mail| mail.outcome == SENT), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_left_out_while_contacts_go_and_come_on_sqlite() {
    no_mail_is_left_out_while_contacts_go_and_come(Parts::start(4, 4).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_left_out_while_contacts_go_and_come_on_postgres() {
    let test = "no_mail_is_left_out_while_contacts_go_and_come_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 4, 4).await else { return };
    no_mail_is_left_out_while_contacts_go_and_come(parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_or_a_dead_letter_at_the_end_of_contacts_stalls_nobody() {
    let parts = Parts::start(1, 1).await;
    let running = parts.run(Mail::Mailbox);
    let meta = Meta::new(&"test".into());
    for _ in 0..2 {
        parts.emitter.emit_as(&contact("o-1", Some("ada@example.com")), &meta).await.unwrap();
    }
    parts.confirmed("guest-1").await;
    parts.confirmed("o-1").await;
    parts.mails(1).await;

    let good = parts.emitter.encoders().record(&contact("o-2", None), &meta).unwrap();
    let bad = OutRecord { payload: Some(b"no contact".to_vec()), ..good };
    parts.emitter.send_encoded(bad).await.unwrap().await.unwrap();
    parts.confirmed("guest-2").await;
    parts.emitter.emit(&ready("o-1")).await.unwrap();
    let mails = parts.mails(2).await;
    running.stop().await;
    assert_eq!(told(&mails), [("o-1", "confirmed", SENT), ("o-1", "ready", SENT)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_reads_the_contacts_again_though_the_group_had_committed() {
    let parts = Parts::start(2, 2).await;
    let running = parts.run(Mail::Mailbox);
    for number in 0..10 {
        parts.contact(&format!("o-{number}"), "ada@example.com").await;
        parts.confirmed(&format!("o-{number}")).await;
    }
    parts.mails(10).await;
    running.stop().await;

    let database = parts.another_database();
    let settings = Settings { database: database.clone(), ..parts.settings(Mail::Mailbox) };
    let running = Running::start(settings, None);
    for number in 0..10 {
        parts.emitter.emit(&ready(&format!("o-{number}"))).await.unwrap();
    }
    let mailbox = Mailbox::open(&database).await.unwrap();
    let mails = until("ten mails", || async {
        let mut mails = mailbox.page(0, 100).await.unwrap();
        mails.retain(|mail| mail.channel == Channel::Email);
        (mails.len() == 10).then_some(mails)
    })
    .await;
    running.stop().await;
    assert!(mails.iter().all(|mail| mail.template == "ready"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_address_is_recorded_as_failed_and_kept_from_everything_else() {
    let parts = Parts::start(1, 1).await;
    parts.contact("o-1", "ada@example.com\r\nBcc: eve@example.com").await;
    parts.contact("o-2", "ada@example.com").await;
    parts.emitter.emit(&confirmed("o-1")).await.unwrap();
    parts.emitter.emit(&confirmed("o-2")).await.unwrap();
    let running = parts.run(Mail::Mailbox);
    let mails = parts.mails(2).await;
    running.stop().await;
    let failed = DeliveryOutcome::Failed;
    assert_eq!(told(&mails), [("o-1", "confirmed", failed), ("o-2", "confirmed", SENT)]);
    let why = parts.column("detail").await;
    assert_eq!(why, [Some("address refused: holds a control character".to_owned()), None]);
}

async fn at_position(parts: &Parts, position: i64) {
    until("the contact is read", || async {
        (contacts_position(&parts.database, 0).await >= Some(position)).then_some(())
    })
    .await;
}
