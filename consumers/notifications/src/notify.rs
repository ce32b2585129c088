//! One status → one mail, or a reason why there is none. The outcome is recorded in the
//! transaction that marks the event as done.

use metrics::counter;
use orderly_schemas::DeliveryOutcome;
use orderly_sdk::consume::{Context, Failure};

use crate::{
    deliver::{Deliver, Verdict},
    find_contact::Contacts,
    scope::ShortTransactions,
    tables,
    write_mail::{Letter, Template},
};

/// What all handlers share.
pub(crate) struct Notifier {
    contacts: Contacts,
    deliver: Deliver,
}

impl Notifier {
    pub(crate) fn new(contacts: Contacts, deliver: Deliver) -> Self {
        Self { contacts, deliver }
    }

    /// Tells the order's customer what `template` says, filled with `values` and the order's id.
    pub(crate) async fn notify(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order_id: &str,
        template: &Template,
        values: &[(&str, &str)],
    ) -> Result<(), Failure> {
        // It goes into a subject line.
        if !is_order_id(order_id) {
            return Err(Failure::reject(
                "its order id is not 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen",
            ));
        }
        if cx.meta().historic {
            count(template, "historic");
            return Ok(());
        }
        let (event_id, at) = (cx.meta().id, cx.meta().time);
        let Some(contact) = self.contacts.of(order_id, event_id).await? else {
            count(template, "no_contact");
            return Ok(());
        };
        let Some(address) = contact.email else {
            count(template, "no_address");
            return Ok(());
        };
        let letter = Letter::write(template, event_id, order_id, address, values, at);
        let (outcome, detail) = match self.deliver.send(&letter).await? {
            Verdict::Sent => (DeliveryOutcome::Sent, None),
            Verdict::Failed(why) => (DeliveryOutcome::Failed, Some(why)),
        };
        count(template, if outcome == DeliveryOutcome::Sent { "sent" } else { "failed" });
        tables::record(cx.tx(), &letter, outcome, detail);
        Ok(())
    }
}

/// Counted when it is decided: a commit that then fails makes it be decided again.
fn count(template: &Template, outcome: &'static str) {
    let labels = [("channel", "mail"), ("template", template.name), ("outcome", outcome)];
    counter!("orderly_notifications_total", &labels).increment(1);
}

fn is_order_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
