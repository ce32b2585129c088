//! `orderly run notifications`: where each channel leads.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args as Group;
use notifications::{Allowed, Retries};

use super::{PartsArgs, member_count};

/// `orderly run notifications`
#[derive(Clone, Debug, Group)]
pub struct NotificationsArgs {
    /// Where it tells what was sent about an order, and where the mailbox page is, if mails go there.
    #[arg(long, default_value = "127.0.0.1:8084", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9084", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Members of its consumer group in this process.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = member_count)]
    pub members: usize,

    /// Whom mails are from. They go to the server that SMTP_URL names (smtp://user:password@host);
    /// without it into the mailbox.
    #[arg(long, default_value = "orders@localhost", value_name = "ADDRESS")]
    pub sender: String,

    /// Where text messages are posted: the whole https:// address of a provider's API. Its key, as
    /// account:key, is in SMS_API_KEY or the file that SMS_API_KEY_FILE names. Without it they go where
    /// the mailbox is, if mails go there, or nowhere.
    #[arg(long, env = "SMS_URL", hide_env_values = true, value_name = "URL")]
    pub sms: Option<String>,

    /// Whom text messages are from: a number, or a name that the provider knows.
    #[arg(long, env = "SMS_SENDER", default_value = "Orderly", value_name = "NUMBER")]
    pub sms_sender: String,

    /// Certificates (PEM) of authorities that may vouch for the provider, beside the public ones.
    #[arg(long, env = "SMS_CA", value_name = "FILE")]
    pub sms_ca: Option<PathBuf>,

    /// What webhooks are signed with: a file with a line for each caller, `caller whsec_… [whsec_…]`, the
    /// newest first, all of which sign; `anonymous` is who orders without an API key. Read again when it
    /// changes. Without it no callback address is told anything.
    #[arg(long, env = "ORDERLY_WEBHOOK_SECRETS", value_name = "FILE")]
    pub webhook_secrets: Option<PathBuf>,

    /// The waits before each attempt of a webhook; a fifth more or less is added to each.
    #[arg(
        long,
        env = "ORDERLY_WEBHOOK_RETRIES",
        default_value = "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h",
        value_name = "WAITS"
    )]
    pub webhook_retries: Retries,

    /// What callback addresses may lead to though it isn't on the public Internet, by http too, as
    /// 127.0.0.1:8443, 10.1.0.0/16 or hooks.internal; for development and for receivers inside.
    #[arg(
        long,
        env = "ORDERLY_CALLBACK_ALLOW",
        value_delimiter = ',',
        value_name = "PLACE[:PORT]"
    )]
    pub callback_allow: Vec<Allowed>,

    /// Certificates (PEM) of authorities that may vouch for callback addresses, beside the public ones.
    #[arg(long, env = "ORDERLY_CALLBACK_CA", value_name = "FILE")]
    pub callback_ca: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}
