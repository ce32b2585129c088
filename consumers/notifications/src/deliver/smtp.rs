//! A letter → a message for a mail server, and what its answers mean.

use std::time::{Duration, Instant};

use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};
use orderly_sdk::{
    EventId,
    consume::{Failure, Remembered},
};

use super::{
    Verdict,
    connections::{Connections, NotTaken},
};
use crate::{Smtp, write_mail::Letter};

/// Mails put off at once: one for each partition that this process owns, far less than this.
const MOST_PUT_OFF: usize = 8_192;
const PART: &str = "mail server";

/// Sends through one mail server.
pub(crate) struct SmtpPost {
    connections: Connections,
    sender: Mailbox,
    recipient_patience: Duration,
    /// When a mail was put off first.
    put_off: Remembered<EventId, Instant>,
}

/// The settings don't make a sender.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// Whom mails are from.
    #[error("`{0}` is no sender: give orders@example.com, or The Shop <orders@example.com>")]
    Sender(String),
    /// What the server's certificate is checked with.
    #[error("TLS can't be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

impl SmtpPost {
    pub(crate) fn new(smtp: Smtp) -> Result<Self, SmtpError> {
        let Smtp { server, sender, connections, patience, recipient_patience } = smtp;
        if sender.chars().any(char::is_control) {
            return Err(SmtpError::Sender(sender.escape_debug().to_string()));
        }
        Ok(Self {
            connections: Connections::new(server, connections, patience).map_err(SmtpError::Tls)?,
            sender: sender.parse().map_err(|_| SmtpError::Sender(sender))?,
            recipient_patience,
            put_off: Remembered::at_most(MOST_PUT_OFF),
        })
    }

    pub(crate) async fn send(&self, letter: &Letter, to: Address) -> Result<Verdict, Failure> {
        let message = match self.message(letter, to.clone()) {
            Ok(message) => message.formatted(),
            Err(why) => return Ok(Verdict::Failed(format!("it makes no message: {why}"))),
        };
        let verdict = match self.connections.send(&self.sender.email, &to, &message).await {
            Ok(()) => Verdict::Sent,
            Err(NotTaken::Never(answer)) => Verdict::Failed(answer),
            Err(NotTaken::Away(why)) => return Err(Failure::unavailable(PART, why)),
            Err(NotTaken::Later(why)) => {
                let since = self.put_off.keep(letter.event_id, Instant::now());
                if since.elapsed() < self.recipient_patience {
                    return Err(Failure::unavailable(PART, why));
                }
                Verdict::Failed(format!("put off for too long: {why}"))
            }
        };
        self.put_off.forget(letter.event_id);
        Ok(verdict)
    }

    /// The same bytes for the same letter, whenever it is sent.
    fn message(&self, letter: &Letter, to: Address) -> Result<Message, lettre::error::Error> {
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.as_str())
            .date(letter.at.into())
            .message_id(Some(letter.message_id(self.sender.email.domain())))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())
    }
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
