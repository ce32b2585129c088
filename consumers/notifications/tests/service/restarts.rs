use notifications::Secrets;

use crate::{
    channels::{HOOK, Outside, SECRET, ended},
    parts::{Parts, Running, until},
    receiver::Reply,
    webhooks::{called_back, webhooks},
};

async fn restarts_in_the_middle_resume_and_send_nothing_twice(parts: Parts) {
    const ORDERS: usize = 60;
    let outside = Outside::start().await;
    outside.smtp.change(|s| s.is_down = true);
    outside.receiver.replies("hook", &[Reply::Status(500)]);
    let with = || {
        let mut settings = outside.settings(&parts);
        let secrets = Secrets::of(SECRET).unwrap();
        settings.webhooks = Some(webhooks(secrets, "200ms,".repeat(40).trim_end_matches(',')));
        settings
    };
    let mut running = Running::start(with(), None);
    for number in 0..ORDERS {
        let order_id = format!("o-{number}");
        parts.emitter.emit(&outside.contact(&order_id)).await.unwrap();
        parts.confirmed(&order_id).await;
        if number % 25 == 24 {
            running.stop().await;
            running = Running::start(with(), None);
        }
    }
    until("all are due", || async {
        let due = parts.mailbox().await.due().await.unwrap();
        let texts = outside.provider.got("messages").len();
        (due == 2 * ORDERS as u64 && texts == ORDERS).then_some(())
    })
    .await;
    running.stop().await;
    outside.smtp.change(|s| s.is_down = false);
    outside.receiver.replies("hook", &[Reply::Status(200)]);
    let failed = outside.receiver.got("hook").len();
    let running = Running::start(with(), None);
    ended(&parts, 3 * ORDERS).await;
    running.stop().await;
    assert_eq!(outside.smtp.seen().mails.len(), ORDERS);
    assert_eq!(outside.provider.got("messages").len(), ORDERS);
    assert_eq!(outside.receiver.got("hook").len(), failed + ORDERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_in_the_middle_resume_and_send_nothing_twice_on_sqlite() {
    restarts_in_the_middle_resume_and_send_nothing_twice(Parts::start(4, 4).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_in_the_middle_resume_and_send_nothing_twice_on_postgres() {
    let test = "restarts_in_the_middle_resume_and_send_nothing_twice_on_postgres";
    let Some(parts) = Parts::start_on_postgres(test, 4, 4).await else { return };
    restarts_in_the_middle_resume_and_send_nothing_twice(parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_hand_of_a_process_that_was_killed_is_taken_up_after_its_lease() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    outside.receiver.replies("hook", &[Reply::Silence, Reply::Status(200)]);
    parts.emitter.emit(&called_back("o-1", &outside.receiver.url("hook"))).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(outside.settings(&parts), None);
    outside.receiver.until("hook", 1).await;
    running.kill().await;
    let running = Running::start(outside.settings(&parts), None);
    assert_eq!(ended(&parts, 1).await, [HOOK]);
    running.stop().await;
    let got = outside.receiver.got("hook");
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
}
