//! The service: its members and its page, until shutdown.

use std::{io, sync::Arc};

use orderly_schemas::{ContactGiven, OrderConfirmed, OrderRejected, ReadyForPickup};
use orderly_sdk::{
    Event,
    consume::{ConsumeError, Consumer, SideBySide},
    kafka::{KafkaError, Probe},
    wait_out,
};
use orderly_stores::{Inbox, Positions, StoreError};
use tokio::net::TcpListener;
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
/// others along; what it needs and is away is waited for, also at the start.
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
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let Ready { mailbox, scope, contacts } = ready?;
    let Settings { config, mail, members, private_topics, retry, limits, health, .. } = settings;
    let mut service = SideBySide::until(&shutdown, &health);
    if let Some(listener) = listener {
        let shown = matches!(mail, Mail::Mailbox).then_some(mailbox);
        service.also(|stop| async move {
            mailbox::serve(listener, shown, stop).await.map_err(Error::Http)
        });
    }
    let notifier = Arc::new(Notifier::new(contacts, Deliver::by(mail)?));
    for _ in 0..members {
        service.member(
            Consumer::new(GROUP, &config)
                .within(scope.clone())
                .keeping_private(private_topics.clone())
                .retrying(retry.clone())
                .limited(limits.clone())
                .on::<ContactGiven>(Arc::clone(&notifier))
                .on_deletion::<ContactGiven>(Arc::clone(&notifier))
                .on::<OrderConfirmed>(Arc::clone(&notifier))
                .on::<ReadyForPickup>(Arc::clone(&notifier))
                .on::<OrderRejected>(Arc::clone(&notifier)),
        );
    }
    service.ended().await
}

/// What the start brings.
struct Ready {
    mailbox: Mailbox,
    scope: ShortTransactions,
    contacts: Contacts,
}

async fn get_ready(settings: &Settings) -> Result<Ready, Error> {
    let Settings { config, database, .. } = settings;
    let mailbox = Mailbox::open(database).await?;
    let probe = Probe::new(config)?;
    let positions = Positions::new(database.clone(), &probe.cluster_id().await?)
        .telling_topics_apart(probe.clone());
    positions.prepare().await?;
    let inbox = Inbox::new(database.clone());
    inbox.prepare().await?;
    let scope = ShortTransactions::new(positions, inbox, probe.clone());
    let partitions = probe.partitions(ContactGiven::TOPIC).await?;
    let contacts = Contacts::new(database.clone(), probe, partitions);
    Ok(Ready { mailbox, scope, contacts })
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
}
