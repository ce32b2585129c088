//! On its way, by the channel's own means.

mod connections;
mod message;
mod smtp;
mod smtp_url;

pub use smtp::SmtpError;
pub use smtp_url::{SmtpUrl, SmtpUrlError};

use std::time::Duration;

use orderly_schemas::Channel;

use crate::{
    Mail, Texts, Webhooks,
    check_address::check_address,
    check_phone::check_phone,
    deliveries::{Bounds, Delivery, Outcome},
    sms::{Gateway, GatewayError},
    webhook::Hooks,
};
use smtp::SmtpPost;

/// Rows that are marked at once, where the row is the message.
const MOST_KEPT: usize = 32;

/// The way that a channel's deliveries take.
pub(crate) enum Sender {
    /// The row is the mail, or the text message.
    Kept(Channel),
    Smtp(Box<SmtpPost>),
    Gateway(Box<Gateway>),
    Hooks(Box<Hooks>),
}

impl Sender {
    pub(crate) fn of_mail(mail: Mail) -> Result<Self, SmtpError> {
        Ok(match mail {
            Mail::Mailbox => Self::Kept(Channel::Email),
            Mail::Smtp(smtp) => Self::Smtp(Box::new(SmtpPost::new(smtp)?)),
        })
    }

    /// `None`: none are sent.
    pub(crate) fn of_texts(texts: Texts) -> Result<Option<Self>, GatewayError> {
        Ok(match texts {
            Texts::None => None,
            Texts::Kept => Some(Self::Kept(Channel::Sms)),
            Texts::Gateway(sms) => Some(Self::Gateway(Box::new(Gateway::new(sms)?))),
        })
    }

    pub(crate) fn of_hooks(webhooks: Webhooks) -> Self {
        Self::Hooks(Box::new(Hooks::new(webhooks)))
    }

    /// Sends it.
    pub(crate) async fn send(&self, delivery: &Delivery, destination: &str) -> Outcome {
        match self {
            Self::Kept(Channel::Sms) => match check_phone(destination) {
                Ok(()) => Outcome::Sent(None),
                Err(why) => Outcome::failed(why),
            },
            Self::Kept(_) => match check_address(destination) {
                Ok(_) => Outcome::Sent(None),
                Err(why) => Outcome::failed(why),
            },
            Self::Smtp(post) => match check_address(destination) {
                Ok(address) => post.send(delivery, address).await,
                Err(why) => Outcome::failed(why),
            },
            Self::Gateway(gateway) => match check_phone(destination) {
                Ok(()) => gateway.send(delivery, destination).await,
                Err(why) => Outcome::failed(why),
            },
            Self::Hooks(hooks) => hooks.send(delivery, destination).await,
        }
    }

    /// Deliveries on their way at once.
    pub(crate) fn bounds(&self) -> Bounds {
        // Of a channel with one other side: while that is away, one asks for all.
        let all = |most| Bounds { most, most_each: most, most_away: 1 };
        match self {
            Self::Kept(_) => all(MOST_KEPT),
            Self::Smtp(post) => all(post.connections()),
            Self::Gateway(gateway) => all(gateway.at_once()),
            Self::Hooks(hooks) => hooks.bounds(),
        }
    }

    /// Longest that one attempt takes.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Kept(_) => Duration::ZERO,
            Self::Smtp(post) => post.patience(),
            Self::Gateway(gateway) => gateway.patience(),
            Self::Hooks(hooks) => hooks.patience(),
        }
    }

    /// What readiness calls the other side, where all of the channel hangs on one.
    pub(crate) fn part(&self) -> Option<&'static str> {
        match self {
            Self::Smtp(_) => Some("mail server"),
            Self::Gateway(_) => Some("SMS provider"),
            Self::Kept(_) | Self::Hooks(_) => None,
        }
    }
}
