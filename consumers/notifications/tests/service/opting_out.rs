use orderly_schemas::{Channel, ContactGiven, DeliveryOutcome, UserChanged};

use crate::{
    channels::{HOOK, Outside, ended},
    parts::{Parts, Running},
    receiver::Reply,
};

async fn who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message(parts: Parts) {
    let outside = Outside::start().await;
    outside.smtp.change(|s| {
        s.answers.insert("ada@example.com".into(), "451 4.3.2 come back later");
    });
    outside.provider.replies("messages", &[Reply::Status(503)]);
    let user_id = Some("u-1".to_owned());
    parts.emitter.emit(&ContactGiven { user_id, ..outside.contact("o-1") }).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(outside.settings(&parts), None);
    outside.provider.until("messages", 1).await;
    outside.smtp.until("a try", |s| s.connections > 0).await;
    let user = UserChanged {
        user_id: "u-1".into(),
        name: None,
        email: None,
        phone: None,
        customer_group: None,
        notify_by: Vec::new(),
    };
    parts.emitter.emit(&user).await.unwrap();
    let failed = DeliveryOutcome::Failed;
    assert_eq!(ended(&parts, 3).await, [(Channel::Email, failed), (Channel::Sms, failed), HOOK]);
    running.stop().await;
    let sql = "SELECT answer FROM notifications_deliveries WHERE channel <> 'webhook'";
    for row in parts.database.query(sql, &[]).await.unwrap() {
        assert_eq!(row.get::<String>(0).unwrap(), "opted out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message_on_sqlite() {
    let parts = Parts::start(1, 1).await;
    who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message(parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message_on_postgres() {
    let test = "who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 1, 1).await else { return };
    who_opts_out_before_it_is_sent_gets_no_mail_and_no_text_message(parts).await;
}
