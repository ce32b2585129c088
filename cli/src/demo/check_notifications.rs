//! The messages that were sent, held against the statuses that ask for one, and the webhooks also against
//! what their receivers saw.

use std::collections::{HashMap, HashSet};

use notifications::{Mailbox, Mailed};
use orderly_schemas::{Channel, DeliveryOutcome};
use orderly_stores::StoreError;

use super::{
    findings::{Findings, Kind},
    intake::{CHANNELS, Taken},
    kept::Whose,
    ledger::Ledger,
    outside::Outside,
    report::NotificationFigures,
};

/// What messages are held against.
pub(super) struct Sent<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) taken: &'a Taken,
    /// Orders whose contact was deleted.
    pub(super) deleted: &'a HashSet<String>,
    pub(super) whose: &'a Whose<'a>,
    pub(super) mailbox: &'a Mailbox,
    /// Where it was started for the run.
    pub(super) outside: Option<&'a Outside>,
}

/// Each status that is told by a channel was told once, with its text, to its customer; to whom is no
/// more to be seen where the order's contact was deleted since. Answers how many messages were sent.
pub(super) async fn check_notifications(
    sent: Sent<'_>,
    findings: &mut Findings,
) -> Result<NotificationFigures, StoreError> {
    let mut owed = owed(sent.ledger, sent.taken, sent.deleted);
    let mut figures = NotificationFigures { mail: 0, sms: 0, webhook: 0 };
    let outside = sent.outside;
    let each = |message: &Mailed| {
        let count = u64::from(message.outcome == DeliveryOutcome::Sent);
        match message.channel {
            Channel::Email => figures.mail += count,
            Channel::Sms => figures.sms += count,
            Channel::Webhook | Channel::Unknown => figures.webhook += count,
        }
        let owed = owed.remove(&(message.event_id.clone(), message.channel));
        let is_dead = |owed: &Owed<'_>| {
            owed.address.zip(outside).is_some_and(|(hook, outside)| outside.is_dead(hook))
        };
        let expected = match owed.as_ref().is_some_and(is_dead) {
            true => DeliveryOutcome::Failed,
            false => DeliveryOutcome::Sent,
        };
        check_message(owed.as_ref(), message, expected, findings);
        if let Some(outside) = outside
            && message.channel == Channel::Webhook
            && message.outcome == DeliveryOutcome::Sent
        {
            check_received(outside, message, findings);
        }
    };
    sent.whose.each_mail(sent.mailbox, each).await?;
    for ((event_id, channel), Owed { order_id, address, .. }) in owed {
        if address.is_some() {
            let what = format!("the {} for event {event_id}", word(channel));
            findings.add(Kind::Lost, order_id, what);
        }
    }
    Ok(figures)
}

/// A message that is to be sent.
#[derive(Clone, Copy)]
struct Owed<'a> {
    order_id: &'a str,
    template: &'static str,
    /// `None` where the order's sender can't know whether it was placed: then none need be sent.
    address: Option<&'a str>,
    /// The order's contact was deleted, with the addresses of what was sent before: an attempt at
    /// the order failed, and a later one gave the contact again.
    is_deleted: bool,
}

/// By event id and channel.
fn owed<'a>(
    ledger: &'a Ledger,
    taken: &'a Taken,
    deleted: &HashSet<String>,
) -> HashMap<(String, Channel), Owed<'a>> {
    let mut owed = HashMap::new();
    for (order_id, trail) in ledger.orders.iter().filter(|(_, trail)| !trail.historic) {
        let accepted = taken.accepted.get(order_id);
        let is_deleted = deleted.contains(order_id);
        for channel in CHANNELS {
            let address = accepted.and_then(|accepted| accepted.to.by(channel));
            if accepted.is_some() && address.is_none() {
                continue;
            }
            owed.extend(trail.told.iter().filter_map(|told| {
                let template = told.step.template_for(channel)?;
                let key = (told.id.to_string(), channel);
                Some((key, Owed { order_id, template, address, is_deleted }))
            }));
        }
    }
    owed
}

/// A message, held against what was owed. No address is quoted: findings are shown around.
fn check_message(
    owed: Option<&Owed<'_>>,
    message: &Mailed,
    expected: DeliveryOutcome,
    findings: &mut Findings,
) {
    let word = word(message.channel);
    let Some(Owed { order_id, template, address, is_deleted }) = owed else {
        let what = format!("a {word} `{}` that nothing, or another {word}, told", message.template);
        return findings.add(Kind::Duplicated, &message.order_id, what);
    };
    let mut lost = |what: String| findings.add(Kind::Lost, order_id, what);
    if message.outcome != expected {
        match expected {
            DeliveryOutcome::Sent => lost(format!("its {word} failed: `{template}`")),
            _ => lost(format!("its {word} `{template}` was sent to where nobody is")),
        }
    }
    if message.order_id != *order_id {
        lost(format!("its {word} `{template}` was sent for order {}", message.order_id));
    }
    if message.template != *template {
        lost(format!("its {word} `{template}` was sent as `{}`", message.template));
    }
    let Some(address) = *address else { return };
    match message.address.as_deref() {
        Some(sent_to) if sent_to == address => {}
        Some(_) => lost(format!("its {word} `{template}` went to another address than was given")),
        None if *is_deleted => {}
        None => lost(format!("its {word} `{template}` has no address; no contact was deleted")),
    }
}

/// A webhook that was sent, held against what its receiver saw.
fn check_received(outside: &Outside, message: &Mailed, findings: &mut Findings) {
    let template = &message.template;
    let mut add = |kind, what| findings.add(kind, &message.order_id, what);
    match outside.seen(&message.delivery_id) {
        None => add(Kind::Lost, format!("its webhook `{template}` never came")),
        Some(seen) => {
            if seen.unsigned > 0 {
                add(Kind::Lost, format!("its webhook `{template}` came without its signature"));
            }
            match seen.taken {
                0 => add(Kind::Lost, format!("its webhook `{template}` was never taken")),
                1 => {}
                _ => add(Kind::Duplicated, format!("its webhook `{template}` was taken twice")),
            }
        }
    }
}

fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mail",
        Channel::Sms => "text message",
        Channel::Webhook | Channel::Unknown => "webhook",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWED: Owed<'_> = Owed {
        order_id: "A1",
        template: "confirmed",
        address: Some("ada@example.com"),
        is_deleted: false,
    };

    fn mail() -> Mailed {
        Mailed {
            place: 1,
            channel: Channel::Email,
            delivery_id: "D1".into(),
            attempts: 1,
            event_id: "E1".into(),
            order_id: "A1".into(),
            template: "confirmed".into(),
            address: Some("ada@example.com".into()),
            outcome: DeliveryOutcome::Sent,
        }
    }

    fn lost(owed: &Owed<'_>, mail: &Mailed) -> u64 {
        let mut findings = Findings::default();
        check_message(Some(owed), mail, DeliveryOutcome::Sent, &mut findings);
        assert!(findings.shown.iter().all(|finding| finding.order_id == "A1"));
        findings.lost
    }

    #[test]
    fn a_message_is_sent_for_its_order_with_its_text_to_its_customer() {
        assert_eq!(lost(&OWED, &mail()), 0);
        for wrong in [
            Mailed { outcome: DeliveryOutcome::Failed, ..mail() },
            Mailed { order_id: "A2".into(), ..mail() },
            Mailed { template: "ready".into(), ..mail() },
            Mailed { address: Some("bob@example.com".into()), ..mail() },
            Mailed { address: None, ..mail() },
        ] {
            assert_eq!(lost(&OWED, &wrong), 1, "{wrong:?}");
        }
        let mut findings = Findings::default();
        check_message(None, &mail(), DeliveryOutcome::Sent, &mut findings);
        assert_eq!((findings.lost, findings.duplicated), (0, 1));
    }

    #[test]
    fn where_nobody_is_nothing_is_sent() {
        let mut findings = Findings::default();
        let failed = Mailed { outcome: DeliveryOutcome::Failed, ..mail() };
        check_message(Some(&OWED), &failed, DeliveryOutcome::Failed, &mut findings);
        assert_eq!(findings.lost, 0);
        check_message(Some(&OWED), &mail(), DeliveryOutcome::Failed, &mut findings);
        assert_eq!(findings.lost, 1);
    }

    /// A contact whose outcome was unknown had been written; the mail went there before its tombstone
    /// was read.
    #[test]
    fn a_message_has_no_address_only_where_the_contact_was_deleted() {
        let deleted = Owed { is_deleted: true, ..OWED };
        assert_eq!(lost(&deleted, &mail()), 0);
        assert_eq!(lost(&deleted, &Mailed { address: None, ..mail() }), 0);
        for wrong in [
            Mailed { outcome: DeliveryOutcome::Failed, address: None, ..mail() },
            Mailed { address: Some("bob@example.com".into()), ..mail() },
        ] {
            assert_eq!(lost(&deleted, &wrong), 1, "{wrong:?}");
        }
    }
}
