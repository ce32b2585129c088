//! The service: its members and its page, until shutdown.

use std::{io, sync::Arc};

use orderly_schemas::{ContactGiven, OrderConfirmed, OrderRejected, ReadyForPickup};
use orderly_sdk::{
    Event,
    consume::{ConsumeError, Consumer},
    kafka::{KafkaError, Probe},
};
use orderly_stores::{Inbox, Positions, StoreError};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    GROUP, Mail, Mailbox, Settings,
    deliver::{Deliver, SmtpError},
    find_contact::Contacts,
    mailbox,
    notify::Notifier,
    scope::ShortTransactions,
};

/// Works until `shutdown`, then drains, commits and leaves the group. A part that fails takes the
/// others along.
///
/// Serves HTTP on `listener`, where there is one: `/healthz`, and the mailbox's page if mails go
/// there.
pub async fn run(
    settings: Settings,
    listener: Option<TcpListener>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    if settings.members == 0 {
        return Err(Error::NoMembers);
    }
    let stop = shutdown.child_token();
    let mut parts = JoinSet::new();
    let mailbox = Mailbox::open(&settings.database).await?;
    if let Some(listener) = listener {
        let shown = matches!(settings.mail, Mail::Mailbox).then(|| mailbox.clone());
        let serving = mailbox::serve(listener, shown, stop.clone());
        parts.spawn(async move { serving.await.map_err(Error::Http) });
    }
    for consumer in members(settings).await? {
        let stop = stop.clone();
        parts.spawn(async move { Ok(consumer.run_until(stop.cancelled()).await?) });
    }
    let mut result = Ok(());
    while let Some(ended) = parts.join_next().await {
        stop.cancel();
        let ended = ended.unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())));
        if result.is_ok() {
            result = ended;
        }
    }
    result
}

async fn members(settings: Settings) -> Result<Vec<Consumer<ShortTransactions>>, Error> {
    let Settings { config, database, mail, members, private_topics, retry, limits } = settings;
    let probe = Probe::new(&config)?;
    let positions = Positions::new(database.clone(), &probe.cluster_id().await?);
    positions.prepare().await?;
    let inbox = Inbox::new(database.clone());
    inbox.prepare().await?;
    let scope = ShortTransactions::new(positions, inbox, probe.clone());
    let partitions = probe.partitions(ContactGiven::TOPIC).await?;
    let contacts = Contacts::new(database, probe, partitions);
    let notifier = Arc::new(Notifier::new(contacts, Deliver::by(mail)?));
    let member = || {
        Consumer::new(GROUP, &config)
            .within(scope.clone())
            .keeping_private(private_topics.clone())
            .retrying(retry.clone())
            .limited(limits.clone())
            .on::<ContactGiven>(Arc::clone(&notifier))
            .on_deletion::<ContactGiven>(Arc::clone(&notifier))
            .on::<OrderConfirmed>(Arc::clone(&notifier))
            .on::<ReadyForPickup>(Arc::clone(&notifier))
            .on::<OrderRejected>(Arc::clone(&notifier))
    };
    Ok((0..members).map(|_| member()).collect())
}

/// Why the service couldn't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody would read anything.
    #[error("notifications was to run with 0 members: give it at least 1")]
    NoMembers,
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A member of the group.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// How mails are to be sent.
    #[error("mail can't be sent: {0}")]
    Smtp(#[from] SmtpError),
    /// The page.
    #[error("notifications can't serve HTTP: {0}")]
    Http(#[source] io::Error),
    /// A part panicked.
    #[error("a part of notifications panicked: {0}")]
    Panicked(String),
}
