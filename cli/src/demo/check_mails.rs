//! The proof's third part: the mails that were sent, held against the statuses that ask for one.

use std::collections::{HashMap, HashSet};

use notifications::{Mailbox, Mailed};
use orderly_schemas::DeliveryOutcome;
use orderly_stores::StoreError;

use super::{
    findings::{Findings, Kind},
    intake::Taken,
    kept::Whose,
    ledger::Ledger,
};

/// Each status that is mailed was mailed once, with its text, to its customer; to whom is no more to be
/// seen where the order's contact was deleted since. Answers how many mails were sent.
pub(super) async fn check_mails(
    ledger: &Ledger,
    taken: &Taken,
    deleted: &HashSet<String>,
    whose: &Whose<'_>,
    mailbox: &Mailbox,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let mut owed = owed(ledger, taken, deleted);
    let mut sent = 0;
    let each = |mail: &Mailed| {
        sent += u64::from(mail.outcome == DeliveryOutcome::Sent);
        check_mail(owed.remove(&mail.event_id).as_ref(), mail, findings);
    };
    whose.each_mail(mailbox, each).await?;
    for (event_id, Owed { order_id, address, .. }) in owed {
        if address.is_some() {
            findings.add(Kind::Lost, order_id, format!("the mail for event {event_id}"));
        }
    }
    Ok(sent)
}

/// A mail that is to be sent.
#[derive(Clone, Copy)]
struct Owed<'a> {
    order_id: &'a str,
    template: &'static str,
    /// `None` where the order's sender can't know whether it was placed: then none need be sent.
    address: Option<&'a str>,
    /// The order's contact was deleted, with the addresses of the mails sent before: an attempt at
    /// the order failed, and a later one gave the contact again.
    is_deleted: bool,
}

/// By event id.
fn owed<'a>(
    ledger: &'a Ledger,
    taken: &'a Taken,
    deleted: &HashSet<String>,
) -> HashMap<String, Owed<'a>> {
    let mut owed = HashMap::new();
    for (order_id, trail) in ledger.orders.iter().filter(|(_, trail)| !trail.historic) {
        let accepted = taken.accepted.get(order_id);
        let address = accepted.and_then(|accepted| accepted.mail_to.as_deref());
        if accepted.is_some() && address.is_none() {
            continue;
        }
        let is_deleted = deleted.contains(order_id);
        owed.extend(trail.told.iter().filter_map(|told| {
            let template = told.step.template()?;
            Some((told.id.to_string(), Owed { order_id, template, address, is_deleted }))
        }));
    }
    owed
}

/// A mail, held against what was owed. No address is quoted: findings are shown around.
fn check_mail(owed: Option<&Owed<'_>>, mail: &Mailed, findings: &mut Findings) {
    let Some(Owed { order_id, template, address, is_deleted }) = owed else {
        let what = format!("a mail `{}` that nothing, or another mail, told", mail.template);
        return findings.add(Kind::Duplicated, &mail.order_id, what);
    };
    let mut lost = |what: String| findings.add(Kind::Lost, order_id, what);
    if mail.outcome != DeliveryOutcome::Sent {
        lost(format!("its mail failed: `{template}`"));
    }
    if mail.order_id != *order_id {
        lost(format!("its mail `{template}` was sent for order {}", mail.order_id));
    }
    if mail.template != *template {
        lost(format!("its mail `{template}` was sent as `{}`", mail.template));
    }
    let Some(address) = *address else { return };
    match mail.address.as_deref() {
        Some(sent_to) if sent_to == address => {}
        Some(_) => lost(format!("its mail `{template}` went to another address than was given")),
        None if *is_deleted => {}
        None => lost(format!("its mail `{template}` has no address; no contact was deleted")),
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
            event_id: "E1".into(),
            order_id: "A1".into(),
            template: "confirmed".into(),
            address: Some("ada@example.com".into()),
            outcome: DeliveryOutcome::Sent,
        }
    }

    fn lost(owed: &Owed<'_>, mail: &Mailed) -> u64 {
        let mut findings = Findings::default();
        check_mail(Some(owed), mail, &mut findings);
        assert!(findings.shown.iter().all(|finding| finding.order_id == "A1"));
        findings.lost
    }

    #[test]
    fn a_mail_is_sent_for_its_order_with_its_text_to_its_customer() {
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
        check_mail(None, &mail(), &mut findings);
        assert_eq!((findings.lost, findings.duplicated), (0, 1));
    }

    /// A contact whose outcome was unknown had been written; the mail went there before its tombstone
    /// was read.
    #[test]
    fn a_mail_has_no_address_only_where_the_contact_was_deleted() {
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
