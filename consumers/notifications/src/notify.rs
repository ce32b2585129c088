//! One status → a delivery for each channel that its customer is told by, or a reason why there is none.
//! They are written in the transaction that marks the event as done, and carried out from there.

use std::{sync::Arc, time::Duration};

use chrono::Utc;

use metrics::counter;
use orderly_schemas::Channel;
use orderly_sdk::{
    EventId, Meta,
    consume::{Context, Failure},
    faults,
};
use serde_json::{Value, json};

use crate::{
    deliveries::{self, Delivery, channel_word, jittered, place_of},
    find_contact::Contacts,
    preferences::Preferences,
    scope::ShortTransactions,
    tables::Contact,
    templates::Template,
};

/// Bytes of a webhook's body: receivers may refuse longer ones.
const LONGEST_HOOK: usize = 20_000;

/// What all handlers share.
pub(crate) struct Notifier {
    pub(crate) contacts: Arc<Contacts>,
    pub(crate) preferences: Arc<Preferences>,
    /// Whether there is anybody to send text messages.
    pub(crate) sends_texts: bool,
    /// After how long a webhook is tried first; `None`: there are no secrets to sign it with.
    pub(crate) calls_back: Option<Duration>,
}

/// What is to be told.
pub(crate) struct Notice<'a> {
    pub(crate) template: &'static Template,
    /// For its places; the order's id comes by itself.
    pub(crate) values: &'a [(&'a str, &'a str)],
    /// For a webhook; the order's id comes by itself.
    pub(crate) data: Value,
}

impl Notifier {
    pub(crate) async fn notify(
        &self,
        cx: &mut Context<'_, ShortTransactions>,
        order_id: &str,
        notice: Notice<'_>,
    ) -> Result<(), Failure> {
        // It goes into a subject line.
        if !is_order_id(order_id) {
            return Err(Failure::reject(
                "its order id is not 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen",
            ));
        }
        let template = notice.template;
        if cx.meta().historic {
            count_all(template, "historic");
            return Ok(());
        }
        let event_id = cx.meta().id;
        let Some(contact) = self.contacts.of(order_id, event_id).await? else {
            count_all(template, "no_contact");
            return Ok(());
        };
        let wanted = match &contact.user_id {
            Some(user_id) => self.preferences.of(user_id, event_id).await?,
            None => None,
        };
        let meta = cx.meta().clone();
        let mut due = Vec::new();
        for channel in [Channel::Email, Channel::Sms, Channel::Webhook] {
            // A callback address is a caller's, not a user's: what users want says nothing of it.
            let is_wanted = channel == Channel::Webhook
                || wanted.as_ref().is_none_or(|wanted| wanted.contains(&channel));
            match self.delivery(channel, order_id, &notice, &contact, &meta) {
                Ok(_) if !is_wanted => count(channel, template, "opted_out"),
                Ok(delivery) => due.push(delivery),
                Err(Some(why)) => count(channel, template, why),
                Err(None) => {}
            }
        }
        deliveries::insert(cx.tx(), order_id, due);
        Ok(())
    }

    /// `Err(None)`: the channel doesn't tell of such.
    fn delivery(
        &self,
        channel: Channel,
        order_id: &str,
        notice: &Notice<'_>,
        contact: &Contact,
        meta: &Meta,
    ) -> Result<Delivery, Option<&'static str>> {
        let mut values = notice.values.to_vec();
        values.push(("order_id", order_id));
        let (subject, body, html) = match channel {
            Channel::Email => {
                let letter = notice.template.letter(&values).ok_or(None)?;
                (letter.subject, letter.text, Some(letter.html))
            }
            Channel::Sms if !self.sends_texts => return Err(None),
            Channel::Sms => (String::new(), notice.template.text(&values).ok_or(None)?, None),
            _ if self.calls_back.is_none() => return Err(None),
            _ => (String::new(), hook(order_id, notice, meta), None),
        };
        let destination = contact.by(channel).ok_or(Some("no_address"))?;
        let event_id = meta.id.to_string();
        // A second net under the inbox: where that is taken away on purpose, so is this.
        let id = match faults::is_planted(faults::INBOX_OFF) {
            true => EventId::new(),
            false => {
                EventId::derived(&["notification", &event_id, channel_word(channel), destination])
            }
        };
        let place = match channel {
            Channel::Webhook => place_of(destination),
            channel => channel_word(channel).to_owned(),
        };
        let mut delivery = Delivery {
            delivery_id: id.to_string(),
            event_id,
            order_id: order_id.to_owned(),
            channel,
            template: notice.template.name.to_owned(),
            destination: Some(destination.to_owned()),
            place,
            caller: contact.caller.clone(),
            user_id: contact.user_id.clone(),
            subject,
            body,
            html,
            at: meta.time,
            ..Delivery::default()
        };
        match channel {
            // What users want says nothing of a caller's address.
            Channel::Webhook => {
                delivery.user_id = None;
                let first = jittered(self.calls_back.unwrap_or_default(), &delivery.delivery_id, 0);
                delivery.due_at = (!first.is_zero()).then(|| Utc::now() + first);
            }
            _ => delivery.caller = None,
        }
        Ok(delivery)
    }
}

/// The same at every attempt: it is what is signed.
fn hook(order_id: &str, notice: &Notice<'_>, meta: &Meta) -> String {
    let mut data = notice.data.clone();
    if let Value::Object(fields) = &mut data {
        fields.insert("order_id".to_owned(), order_id.into());
        fields.insert("event_id".to_owned(), meta.id.to_string().into());
    }
    let whole = |data: Value| {
        let at = meta.time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        json!({ "type": notice.template.hook, "timestamp": at, "data": data }).to_string()
    };
    let body = whole(data);
    match body.len() < LONGEST_HOOK {
        true => body,
        false => whole(json!({ "order_id": order_id, "event_id": meta.id.to_string() })),
    }
}

fn count_all(template: &Template, outcome: &'static str) {
    for channel in [Channel::Email, Channel::Sms, Channel::Webhook] {
        count(channel, template, outcome);
    }
}

/// Counted when it is decided: a commit that then fails makes it be decided again.
fn count(channel: Channel, template: &Template, outcome: &'static str) {
    let labels =
        [("channel", channel_word(channel)), ("template", template.name), ("outcome", outcome)];
    counter!("orderly_notifications_total", &labels).increment(1);
}

fn is_order_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
