//! A provider with an API of the usual form: `POST` of `To`, `From` and `Body` as a form, basic
//! authentication, and the message's id in a JSON answer.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderValue, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use orderly_https::{Bounds, Client, Trust};
use url::{Url, form_urlencoded};

use super::answer;
use crate::{
    check_phone,
    deliveries::{Delivery, Outcome},
};

/// Bytes that an answer may have.
const LONGEST: usize = 64 * 1024;

/// A provider of text messages and how it is used.
#[derive(Clone)]
pub struct Sms {
    /// Where messages are posted, a whole address: `https://…/Messages.json`; `http://` on this machine
    /// only.
    pub url: String,
    /// `account:key`, for basic authentication. A secret: it is shown nowhere.
    pub key: String,
    /// Whom messages are from: a number, or a name that the provider knows.
    pub sender: String,
    /// Whose certificates count.
    pub trust: Trust,
    /// Most that are on their way at once.
    pub at_once: usize,
    /// Longest that an answer may take.
    pub patience: Duration,
    /// How long a message that the provider puts off is tried before it is given up.
    pub give_up_after: Duration,
}

impl Sms {
    /// The provider at `url`, everything else by default.
    pub fn new(
        url: impl Into<String>,
        key: impl Into<String>,
        sender: impl Into<String>,
        trust: Trust,
    ) -> Self {
        Self {
            url: url.into(),
            key: key.into(),
            sender: sender.into(),
            trust,
            at_once: 8,
            patience: Duration::from_secs(15),
            give_up_after: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that wasn't checked yet may hold a password.
        f.debug_struct("Sms").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// What can't be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SMS provider: {0}")]
pub struct GatewayError(&'static str);

pub(crate) struct Gateway {
    client: Client,
    url: Uri,
    authorization: HeaderValue,
    settings: Sms,
}

impl Gateway {
    pub(crate) fn new(settings: Sms) -> Result<Self, GatewayError> {
        let url = address(&settings.url).map_err(GatewayError)?;
        if !settings
            .key
            .split_once(':')
            .is_some_and(|(account, key)| !account.is_empty() && !key.is_empty())
        {
            return Err(GatewayError("its key isn't of the form account:key"));
        }
        if settings.sender.trim().is_empty() {
            return Err(GatewayError("whom messages are from isn't said"));
        }
        let basic = format!("Basic {}", STANDARD.encode(&settings.key));
        let mut authorization =
            HeaderValue::from_str(&basic).map_err(|_| GatewayError("its key can't be sent"))?;
        authorization.set_sensitive(true);
        let patience = settings.patience;
        let bounds = Bounds { connect: patience / 2, whole: patience, bytes: LONGEST };
        Ok(Self { client: Client::new(&settings.trust, bounds), url, authorization, settings })
    }

    pub(crate) async fn send(&self, delivery: &Delivery, to: &str) -> Outcome {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("To", &check_phone::plain(to))
            .append_pair("From", &self.settings.sender)
            .append_pair("Body", &delivery.body)
            .finish();
        let post = Request::post(self.url.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            // For those who know it: a repeat after a lost answer is then no second message.
            .header("idempotency-key", &delivery.delivery_id)
            .body(form.into_bytes());
        let Ok(post) = post else { return Outcome::failed("it makes no request") };
        answer::read(self.client.ask(post).await, self.settings.give_up_after)
    }

    pub(crate) fn at_once(&self) -> usize {
        self.settings.at_once.max(1)
    }

    pub(crate) fn patience(&self) -> Duration {
        self.settings.patience
    }
}

/// Messages name nothing of the address: it may hold a password.
fn address(text: &str) -> Result<Uri, &'static str> {
    let url = Url::parse(text).map_err(|_| "its address can't be read")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address holds a user: give the key by itself");
    }
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("its address names no host"),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        "http" => {
            return Err(
                "its address is http:// and not on this machine: the key would travel readable",
            );
        }
        _ => return Err("its address isn't https://"),
    }
    url.as_str().parse().map_err(|_| "its address can't be asked")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(url: &str, key: &str) -> String {
        let sms = Sms::new(url, key, "Shop", Trust::with(None).unwrap());
        assert!(!format!("{sms:?}").contains("hunter2"));
        Gateway::new(sms).err().expect("it is refused").to_string()
    }

    #[test]
    fn what_can_not_be_worked_with_is_refused_without_a_secret() {
        for (url, key) in [
            ("hunter2", "a:b"),
            ("http://sms.example/Messages", "a:hunter2"),
            ("ftp://sms.example/Messages", "a:hunter2"),
            ("https://a:hunter2@sms.example/Messages", "a:b"),
            ("https://sms.example/Messages", "hunter2"),
            ("https://sms.example/Messages", ":hunter2"),
        ] {
            let why = refused(url, key);
            assert!(!why.contains("hunter2") && why.starts_with("SMS provider"), "{why}");
        }
    }
}
