//! The mailbox as a page. Whatever comes from outside goes through [`escape`].

use std::fmt::Write as _;

use orderly_schemas::DeliveryOutcome;

use super::Shown;
use crate::{escape::escape, templates::moment};

pub(super) const STYLE: &str = include_str!("page.css");

/// The page with these mails; `sent` is how many there are in all.
pub(super) fn write(mails: &[Shown], sent: u64, order_id: Option<&str>) -> String {
    let order_id = escape(order_id.unwrap_or_default());
    let mut page = String::with_capacity(2_048 + mails.len() * 1_024);
    page.push_str(HEAD);
    let _ = write!(
        page,
        "<header><h1>Mailbox</h1>\
         <p>{sent} sent. The newest 100 are shown; no mail leaves this process.</p>\
         <form action=\"/mailbox\"><label for=\"order_id\">Order</label>\
         <input id=\"order_id\" name=\"order_id\" value=\"{order_id}\" maxlength=\"64\" \
         autocomplete=\"off\" autocapitalize=\"off\" placeholder=\"order id\">\
         <button>Show</button></form></header>\n<main>\n"
    );
    if mails.is_empty() {
        page.push_str("<p class=\"empty\">No mail here yet.</p>\n");
    }
    for mail in mails {
        article(&mut page, mail);
    }
    page.push_str("</main>\n</html>\n");
    page
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <title>Mailbox</title>\n<link rel=\"stylesheet\" href=\"/mailbox.css\">\n";

fn article(page: &mut String, mail: &Shown) {
    let address = match &mail.address {
        Some(address) => escape(address),
        None => "(address deleted)".to_owned(),
    };
    let outcome = match mail.outcome {
        DeliveryOutcome::Sent => "<span class=\"sent\">sent</span>",
        DeliveryOutcome::Failed => "<span class=\"failed\">not sent</span>",
        DeliveryOutcome::Unknown => "<span class=\"failed\">unknown</span>",
    };
    let detail = match &mail.detail {
        Some(detail) => format!("<p class=\"detail\">{}</p>\n", escape(detail)),
        None => String::new(),
    };
    let _ = write!(
        page,
        "<article>\n<h2>{subject}</h2>\n\
         <p class=\"meta\">{outcome} <span>to {address}</span> <time datetime=\"{at}\">{moment}</time></p>\n\
         {detail}<div class=\"body\">{body}</div>\n\
         <p class=\"event\">{template} · event {event_id}</p>\n</article>\n",
        subject = escape(&mail.subject),
        at = mail.at.to_rfc3339(),
        moment = moment(mail.at),
        body = escape(&mail.body),
        template = escape(&mail.template),
        event_id = escape(&mail.event_id),
    );
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let hostile = "</div><script>alert('1')</script>\"onload=\"x&amp;";
        let mail = Shown {
            event_id: hostile.into(),
            order_id: hostile.into(),
            template: hostile.into(),
            address: Some(hostile.into()),
            subject: hostile.into(),
            body: hostile.into(),
            outcome: DeliveryOutcome::Failed,
            detail: Some(hostile.into()),
            at: DateTime::default(),
        };
        let page = write(&[mail], 1, Some(hostile));
        assert!(!page.contains("<script") && !page.contains("\"onload") && !page.contains("('1')"));
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;1&#39;)").count(), 7);
        assert!(page.contains("x&amp;amp;"));
    }
}
