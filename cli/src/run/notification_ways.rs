//! What `orderly run notifications` is told of mail, text messages and callback addresses.

use std::path::Path;

use notifications::{Mail, Secrets, Settings, Sms, Smtp, Texts, Trust, Webhooks};

use super::Failed;
use crate::{args::NotificationsArgs, parts};

const SMS_KEY: &str = "SMS_API_KEY";

/// Mail, text messages and webhooks, into the settings.
pub(super) fn ways(args: &NotificationsArgs, settings: Settings) -> Result<Settings, Failed> {
    let mail = mail(&args.sender)?;
    let texts = texts(args, matches!(mail, Mail::Mailbox))?;
    let webhooks = webhooks(args)?;
    if webhooks.is_none() {
        tracing::warn!("no webhook secrets: callback addresses are told nothing");
    }
    Ok(Settings { mail, texts, webhooks, ..settings })
}

/// Whether they can be made of what was given: told before anything is started.
pub(super) fn check(args: &NotificationsArgs) -> Result<(), Failed> {
    mail(&args.sender)?;
    texts(args, true)?;
    webhooks(args)?;
    Ok(())
}

/// To the server that the environment names: its url may hold a password.
pub(super) fn mail(sender: &str) -> Result<Mail, Failed> {
    match std::env::var("SMTP_URL") {
        Ok(url) if !url.is_empty() => Ok(Mail::Smtp(Smtp::new(&url, sender)?)),
        _ => Ok(Mail::Mailbox),
    }
}

fn texts(args: &NotificationsArgs, has_mailbox: bool) -> Result<Texts, Failed> {
    let Some(url) = args.sms.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(if has_mailbox { Texts::Kept } else { Texts::None });
    };
    let Some(key) = parts::secret_of_environment(SMS_KEY)? else {
        let needed = format!("{SMS_KEY} or {SMS_KEY}_FILE is needed to send text messages");
        return Err(needed.into());
    };
    let trust = trust("--sms-ca", args.sms_ca.as_deref())?;
    Ok(Texts::Gateway(Sms::new(url, key, &args.sms_sender, trust)))
}

fn webhooks(args: &NotificationsArgs) -> Result<Option<Webhooks>, Failed> {
    let Some(file) = &args.webhook_secrets else { return Ok(None) };
    let trust = trust("--callback-ca", args.callback_ca.as_deref())?;
    Ok(Some(Webhooks {
        retries: args.webhook_retries.clone(),
        allowed: args.callback_allow.clone(),
        ..Webhooks::new(Secrets::load(file)?, trust)
    }))
}

fn trust(flag: &str, further: Option<&Path>) -> Result<Trust, Failed> {
    let Some(path) = further else { return Ok(Trust::with(None)?) };
    let named = |why: String| Failed::from(format!("{flag} {}: {why}", path.display()));
    let pem = parts::read_file(path).map_err(named)?;
    Trust::with(Some(&pem)).map_err(|error| named(error.to_string()))
}
