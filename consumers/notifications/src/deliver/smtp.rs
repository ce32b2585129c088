//! A delivery → a message for a mail server, and what its answers mean.

use std::time::Duration;

use lettre::{Address, message::Mailbox};

use super::{
    connections::{Connections, NotTaken},
    message::message,
};
use crate::{
    Smtp,
    deliveries::{Again, Delivery, Outcome, Wait},
};

/// Sends through one mail server.
pub(crate) struct SmtpPost {
    connections: Connections,
    sender: Mailbox,
    most: usize,
    patience: Duration,
    recipient_patience: Duration,
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
        let Smtp { server, sender, connections: most, patience, recipient_patience } = smtp;
        if sender.chars().any(char::is_control) {
            return Err(SmtpError::Sender(sender.escape_debug().to_string()));
        }
        Ok(Self {
            connections: Connections::new(server, most, patience).map_err(SmtpError::Tls)?,
            sender: sender.parse().map_err(|_| SmtpError::Sender(sender))?,
            most,
            patience,
            recipient_patience,
        })
    }

    pub(crate) async fn send(&self, delivery: &Delivery, to: Address) -> Outcome {
        let message = match message(delivery, &self.sender, to.clone()) {
            Ok(message) => message.formatted(),
            Err(why) => return Outcome::failed(format!("it makes no message: {why}")),
        };
        match self.connections.send(&self.sender.email, &to, &message).await {
            Ok(()) => Outcome::Sent(None),
            Err(NotTaken::Never(answer)) => Outcome::Failed {
                answer,
                detail: "the mail server refuses it".to_owned(),
                is_gone: false,
            },
            Err(NotTaken::Away(answer)) => {
                Outcome::Again(Again { answer, wait: Wait::UntilBack, is_away: true })
            }
            Err(NotTaken::Later(answer)) => {
                let wait = Wait::PutOff(None, self.recipient_patience);
                Outcome::Again(Again { answer, wait, is_away: false })
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.most.max(1)
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }
}
