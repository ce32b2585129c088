//! What the service is given.

use std::time::Duration;

use orderly_https::{Allowed, Trust};
use orderly_sdk::{
    Config, Health,
    consume::{Exhausted, Limits, RetryPolicy},
};
use orderly_stores::Database;

use crate::{GROUP, Retries, Secrets, Sms, SmtpUrl, SmtpUrlError};

/// What the service is given.
pub struct Settings {
    /// Where Kafka and the registry are.
    pub config: Config,
    /// The service's own database.
    pub database: Database,
    /// Where mails go.
    pub mail: Mail,
    /// Where text messages go.
    pub texts: Texts,
    /// How callback addresses are told; `None`: they aren't.
    pub webhooks: Option<Webhooks>,
    /// How long a server that doesn't answer is let be: at first, and at most.
    pub pauses: (Duration, Duration),
    /// Members of the group in this process.
    pub members: usize,
    /// Topics with personal data (`personal: true` in topics.yaml): their dead letters keep no
    /// value.
    pub private_topics: Vec<String>,
    /// How a record that failed is tried again.
    pub retry: RetryPolicy,
    /// Bounds of each member.
    pub limits: Limits,
    /// Told which parts are away, and that members have joined.
    pub health: Health,
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum Mail {
    /// Into the service's own database, to be looked at on its page. For the demo and for
    /// development.
    Mailbox,
    /// To a mail server.
    Smtp(Smtp),
}

/// Where text messages go.
#[derive(Clone, Debug)]
pub enum Texts {
    /// Nowhere: none are written.
    None,
    /// Into the service's own database, to be looked at. For the demo and for development.
    Kept,
    /// To a provider.
    Gateway(Sms),
}

/// How callback addresses are told.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// What is signed with.
    pub secrets: Secrets,
    /// When one is tried.
    pub retries: Retries,
    /// What may be asked though it isn't on the public Internet.
    pub allowed: Vec<Allowed>,
    /// Whose certificates count.
    pub trust: Trust,
    /// Longest that an answer may take.
    pub patience: Duration,
}

/// A mail server and how it is used.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// The server.
    pub server: SmtpUrl,
    /// Whom mails are from: `orders@example.com` or `The Shop <orders@example.com>`.
    pub sender: String,
    /// Most connections at once.
    pub connections: usize,
    /// Longest that one mail may take, connecting included; then the server counts as away.
    pub patience: Duration,
    /// How long a mail whose recipient the server puts off (4xx) is tried before it is given up.
    pub recipient_patience: Duration,
}

impl Settings {
    /// One member, everything else by default: text messages are kept where mails are, and no callback
    /// address is told.
    pub fn new(config: Config, database: Database, mail: Mail) -> Self {
        let texts = match mail {
            Mail::Mailbox => Texts::Kept,
            Mail::Smtp(_) => Texts::None,
        };
        Self {
            config,
            database,
            mail,
            texts,
            webhooks: None,
            pauses: (Duration::from_millis(200), Duration::from_secs(15)),
            members: 1,
            private_topics: vec![orderly_schemas::contacts::TOPIC.to_owned()],
            // One status that can't be told is no reason to hold back the order's others.
            retry: RetryPolicy {
                exhausted: Exhausted::Skip,
                rejected: Exhausted::Skip,
                ..RetryPolicy::default()
            },
            // It reads 24 partitions, and mails are slow: while it is behind, all this of each is held.
            limits: Limits { partition_records: 100, ..Limits::small() },
            health: Health::of(GROUP),
        }
    }
}

impl Webhooks {
    /// Signed with these, everything else by default.
    pub fn new(secrets: Secrets, trust: Trust) -> Self {
        Self {
            secrets,
            retries: Retries::default(),
            allowed: Vec::new(),
            trust,
            patience: Duration::from_secs(15),
        }
    }
}

impl Smtp {
    /// The server that `url` names, everything else by default.
    pub fn new(url: &str, sender: impl Into<String>) -> Result<Self, SmtpUrlError> {
        Ok(Self {
            server: url.parse()?,
            sender: sender.into(),
            connections: 4,
            patience: Duration::from_secs(30),
            recipient_patience: Duration::from_secs(600),
        })
    }
}
