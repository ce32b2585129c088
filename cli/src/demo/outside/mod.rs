//! Whoever the platform tells, played by the run itself: receivers of webhooks, and where a scenario is
//! about it a mail server.

mod mail_server;
mod messages;
mod receivers;

use std::{io, sync::Arc, time::Duration};

use notifications::{Allowed, Mail, Secrets, Smtp, Trust, Webhooks};

use super::{DemoError, Load, ShopScenario};
use crate::platform::Ways;
pub(super) use mail_server::MailServer;
pub use messages::MessageFigures;
pub(super) use messages::{broken_webhook, smtp_down};
pub(super) use receivers::{Manner, Receiver, Seen};

/// Requests that a receiver which is broken at first doesn't take.
const AT_FIRST: u64 = 10;
/// Longest that a receiver may take to answer, where some never do.
const PATIENCE: Duration = Duration::from_secs(1);
/// So that a dead receiver is given up while the run lasts.
const QUICK: &str = "0s,500ms,1s,2s,4s,8s,12s";

/// Who is told. Cheap to clone.
#[derive(Clone)]
pub(super) struct Outside {
    receivers: Arc<[Receiver]>,
    mail_server: Option<MailServer>,
    secret: Arc<str>,
    is_broken: bool,
}

impl Outside {
    /// Listens.
    pub(super) async fn stand(load: &Load) -> Result<Self, DemoError> {
        let manners: &[Manner] = match load {
            Load::Scenario(ShopScenario::BrokenWebhook) => &[
                Manner::Fine,
                Manner::RefusesFirst(AT_FIRST),
                Manner::Fine,
                Manner::SilentFirst(AT_FIRST),
                Manner::Fine,
                Manner::Dead,
                Manner::Fine,
                Manner::RefusesFirst(AT_FIRST),
                Manner::Fine,
            ],
            _ => &[Manner::Fine],
        };
        let secret = receivers::new_secret().map_err(DemoError::Ended)?;
        let mut receivers = Vec::new();
        for manner in manners {
            let receiver = Receiver::listen(*manner, &secret).await;
            receivers.push(receiver.map_err(|error| no_place(&error))?);
        }
        let mail_server = match load {
            Load::Scenario(ShopScenario::SmtpDown) => {
                Some(MailServer::listen_down().await.map_err(|error| no_place(&error))?)
            }
            _ => None,
        };
        let is_broken = manners.len() > 1;
        Ok(Self { receivers: receivers.into(), mail_server, secret: secret.into(), is_broken })
    }

    /// How the platform gets there.
    pub(super) fn ways(&self) -> Result<Ways, DemoError> {
        let ended = |error: &dyn std::error::Error| DemoError::Ended(error.to_string());
        let secrets = Secrets::of(&format!("anonymous {}\n", self.secret));
        let trust = Trust::with(None).map_err(|error| ended(&error))?;
        let mut webhooks = Webhooks::new(secrets.map_err(|error| ended(&error))?, trust);
        let here: Allowed = "127.0.0.1".parse().map_err(|error| ended(&error))?;
        webhooks.allowed = vec![here];
        if self.is_broken {
            webhooks.patience = PATIENCE;
            webhooks.retries = QUICK.parse().map_err(|error| ended(&error))?;
        }
        let mut ways = Ways { webhooks: Some(webhooks), ..Ways::default() };
        if let Some(server) = &self.mail_server {
            let smtp = Smtp::new(&server.url(), "The Shop <orders@shop.example>");
            ways.mail = Mail::Smtp(smtp.map_err(|error| ended(&error))?);
            ways.pauses.1 = Duration::from_secs(1);
        }
        Ok(ways)
    }

    /// The callback address of the customer with that number.
    pub(super) fn hook(&self, number: u64) -> String {
        let count = self.receivers.len() as u64;
        let nth = usize::try_from(number % count.max(1)).unwrap_or_default();
        self.receivers.get(nth).map(Receiver::url).unwrap_or_default()
    }

    /// Whether whoever answers there never will take anything.
    pub(super) fn is_dead(&self, hook: &str) -> bool {
        self.receivers.iter().any(|receiver| receiver.is(Manner::Dead) && receiver.url() == hook)
    }

    /// What came of a webhook, by its `webhook-id`.
    pub(super) fn seen(&self, id: &str) -> Option<Seen> {
        self.receivers.iter().find_map(|receiver| receiver.seen(id))
    }

    pub(super) fn mail_server(&self) -> Option<&MailServer> {
        self.mail_server.as_ref()
    }
}

fn no_place(error: &io::Error) -> DemoError {
    DemoError::Ended(format!("the demo's receivers can't listen on 127.0.0.1: {error}"))
}
