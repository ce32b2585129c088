//! Customers are told by every channel, whoever of those outside is broken.

use orderly::demo::{Load, MessageFigures, Report, ShopScenario};
use orderly_tests::{demo, prove};

async fn ran(load: Load) -> Report {
    prove(demo(load).await).await
}

fn messages(report: &Report) -> MessageFigures {
    let scenario = report.scenario.unwrap();
    assert!(report.is_proven() && scenario.holds, "{report:?}");
    scenario.messages.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_told_by_mail_text_message_and_signed_webhook() {
    let report = ran(Load::Generated { orders: 20, rate: None }).await;
    assert_eq!(report.findings, []);
    // Confirmed and ready; the callback address hears of completed, too.
    let told = report.notifications;
    assert_eq!((told.mail, told.sms, told.webhook), (40, 40, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_receivers_get_their_webhooks_at_last_and_delay_no_other() {
    let report = ran(Load::Scenario(ShopScenario::BrokenWebhook)).await;
    let figures = messages(&report);
    assert!(figures.fine >= 5 * 20 * 3 && figures.fine_again == 0, "{figures:?}");
    // Of nine receivers one is dead.
    let dead = (0..200).filter(|number| number % 9 == 5).count() as u64;
    assert_eq!(report.notifications.webhook, 3 * (200 - dead), "{figures:?}");
    assert_eq!((report.notifications.mail, report.notifications.sms), (400, 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_mail_server_the_rest_goes_on_and_then_every_mail_comes_once() {
    let report = ran(Load::Scenario(ShopScenario::SmtpDown)).await;
    let figures = messages(&report);
    assert_eq!((figures.meanwhile, figures.mails, figures.mails_again), (200 * 5, 400, 0));
    assert!(figures.in_vain > 0, "{figures:?}");
    let told = report.notifications;
    assert_eq!((told.mail, told.sms, told.webhook), (400, 400, 600));
}
