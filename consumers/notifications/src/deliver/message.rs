//! A mail as mail programs expect it: plain text, and the same as HTML for those that show it.

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};

use crate::deliveries::Delivery;

/// The same bytes for the same delivery, whenever it is sent; a repeat is known by its `Message-ID`.
pub(super) fn message(
    delivery: &Delivery,
    sender: &Mailbox,
    to: Address,
) -> Result<Message, lettre::error::Error> {
    let id = format!("<{}@{}>", delivery.delivery_id, sender.email.domain());
    let message = Message::builder()
        .from(sender.clone())
        .to(Mailbox::new(None, to))
        .subject(delivery.subject.as_str())
        .date(delivery.at.into())
        .message_id(Some(id))
        .header(AutoSubmitted);
    let text = delivery.body.clone();
    match delivery.html.clone() {
        None => message.header(ContentType::TEXT_PLAIN).body(text),
        Some(html) => {
            let parts = MultiPart::alternative().boundary(boundary(delivery));
            let parts =
                parts.singlepart(SinglePart::plain(text)).singlepart(SinglePart::html(html));
            message.multipart(parts)
        }
    }
}

/// Of the delivery, so that its bytes are the same at every attempt. Nobody who says anything in a
/// mail knows it: it is hashed of where the mail goes, too.
fn boundary(delivery: &Delivery) -> String {
    format!("part-{}", delivery.delivery_id)
}

/// Keeps absence notes and the like from answering (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
