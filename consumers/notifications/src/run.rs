//! The service: its members, what carries out deliveries, and its pages, until shutdown.

use std::{io, sync::Arc, time::Duration};

use orderly_schemas::{
    Channel, ContactGiven, NotificationSent, OrderCancelled, OrderCompleted, OrderConfirmed,
    OrderRefunded, OrderRejected, ReadyForPickup,
};
use orderly_sdk::{
    Event,
    codec::{Declared, Encoders, RegisterError, Registry, RegistryError},
    consume::{ConsumeError, Consumer, SideBySide},
    kafka::{KafkaError, Probe},
    view::ViewError,
    wait_out,
};
use orderly_stores::{Inbox, Positions, StoreError};
use tokio::{net::TcpListener, sync::RwLock};
use tokio_util::sync::CancellationToken;

use crate::{
    GROUP, Mail, Mailbox, Settings, SmtpError,
    deliver::Sender,
    deliveries::{Carrier, Pauses, carry_out_until, measure_until},
    find_contact::Contacts,
    mailbox,
    notify::Notifier,
    preferences::Preferences,
    scope::ShortTransactions,
    sms::GatewayError,
};

/// What it emits.
pub fn declares() -> Declared {
    Encoders::of(GROUP).event::<NotificationSent>()
}

/// Works until `shutdown`, then drains, commits and leaves the group. A part that fails takes the
/// others along; what it needs and is away is waited for, also at the start.
///
/// Serves HTTP on `listener`, where there is one: `/healthz`, an order's deliveries, and the mailbox's
/// page if mails go there.
pub async fn run(
    settings: Settings,
    listener: Option<TcpListener>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    if settings.members == 0 {
        return Err(Error::NoMembers);
    }
    let shows_mails = matches!(settings.mail, Mail::Mailbox);
    let schedule = settings.webhooks.as_ref().map(|hooks| Arc::clone(&hooks.retries.0));
    let secrets = settings.webhooks.as_ref().map(|hooks| hooks.secrets.clone());
    // What is wrong with them is told at once, whatever is away.
    let mail = Sender::of_mail(settings.mail.clone())?;
    let texts = Sender::of_texts(settings.texts.clone())?;
    let hooks = settings.webhooks.clone().map(Sender::of_hooks);
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let Ready { mailbox, scope, contacts, preferences, encoders } = ready?;
    let preferences = Arc::new(preferences);
    let contacts = Arc::new(contacts);
    let notifier = Arc::new(Notifier {
        contacts: Arc::clone(&contacts),
        preferences: Arc::clone(&preferences),
        sends_texts: texts.is_some(),
        calls_back: schedule.as_ref().map(|waits| waits.first().copied().unwrap_or_default()),
    });
    let Settings {
        config, database, members, private_topics, retry, limits, health, pauses, ..
    } = settings;
    let mut service = SideBySide::until(&shutdown, &health);
    if let Some(listener) = listener {
        service.also(|stop| async move {
            mailbox::serve(listener, mailbox, shows_mails, stop).await.map_err(Error::Http)
        });
    }
    let senders = [(Channel::Email, Some(mail)), (Channel::Sms, texts), (Channel::Webhook, hooks)];
    for (channel, sender) in senders {
        let Some(sender) = sender else { continue };
        let carrier = Carrier {
            database: database.clone(),
            encoders: encoders.clone(),
            channel,
            sender,
            preferences: Arc::clone(&preferences),
            contacts: Arc::clone(&contacts),
            keeping: RwLock::default(),
            pauses: match channel {
                // Each has its schedule, and waits for itself alone.
                Channel::Webhook => Pauses { first: Duration::ZERO, most: Duration::ZERO },
                _ => Pauses { first: pauses.0, most: pauses.1 },
            },
            schedule: schedule.clone().unwrap_or_default(),
        };
        let health = health.clone();
        service.also(|stop| async move {
            carry_out_until(carrier, health, stop).await;
            Ok(())
        });
    }
    if let Some(secrets) = secrets {
        service.also(|stop| async move {
            secrets.follow_until(stop.clone()).await;
            stop.cancelled().await;
            Ok(())
        });
    }
    service.also(|stop| async move {
        measure_until(database, stop).await;
        Ok(())
    });
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
                .on::<OrderRejected>(Arc::clone(&notifier))
                .on::<OrderCancelled>(Arc::clone(&notifier))
                .on::<OrderCompleted>(Arc::clone(&notifier))
                .on::<OrderRefunded>(Arc::clone(&notifier)),
        );
    }
    service.ended().await
}

/// What the start brings.
struct Ready {
    mailbox: Mailbox,
    scope: ShortTransactions,
    contacts: Contacts,
    preferences: Preferences,
    encoders: Encoders,
}

async fn get_ready(settings: &Settings) -> Result<Ready, Error> {
    let Settings { config, database, health, .. } = settings;
    let mailbox = Mailbox::open(database).await?;
    let probe = Probe::new(config)?;
    let positions = Positions::new(database.clone(), &probe.cluster_id().await?)
        .telling_topics_apart(probe.clone());
    positions.prepare().await?;
    let inbox = Inbox::new(database.clone());
    inbox.prepare().await?;
    let encoders = declares().register(config, &Registry::new(config)?).await?;
    let scope = ShortTransactions::new(positions, inbox, probe.clone());
    let partitions = probe.partitions(ContactGiven::TOPIC).await?;
    let contacts = Contacts::new(database.clone(), probe, partitions);
    let preferences = Preferences::follow(config, health).await?;
    Ok(Ready { mailbox, scope, contacts, preferences, encoders })
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
    /// How text messages are to be sent.
    #[error(transparent)]
    Sms(#[from] GatewayError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What is told of deliveries can't be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// What users want can't be followed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The page.
    #[error("notifications can't serve HTTP: {0}")]
    Http(#[source] io::Error),
}
