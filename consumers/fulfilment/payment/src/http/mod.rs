//! A provider that is asked over HTTP.

mod answer;
mod ask;

use std::{fmt, pin::Pin, time::Duration};

use http::{HeaderValue, Uri};
use orderly_https::{Bounds, Client, Trust};
use url::{Host, Url};

use crate::{PaymentError, Provider, Reply, Request};

/// Bytes that an answer may have.
const LONGEST: usize = 64 * 1024;

/// How a provider is reached.
#[derive(Clone)]
pub struct HttpSettings {
    /// Where its paths begin: `https://host:port/path`, without a user or a question; `http://` on this
    /// machine only.
    pub base_url: String,
    /// Whose certificates count, where it is asked by https.
    pub trust: Trust,
    /// What says who we are. A secret: it is shown nowhere.
    pub api_key: String,
    /// How long an answer may take, connecting and reading it included; connecting half of that.
    pub timeout: Duration,
}

/// What can't be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payment provider: {0}")]
pub struct SettingsError(String);

/// A provider over HTTP. Cheap to clone; makes no call until it is asked.
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    timeout: Duration,
}

impl Http {
    /// A client of the provider at `base_url`.
    ///
    /// # Errors
    /// If the address is neither https nor on this machine or holds more than it may, the key is no key,
    /// or there is no time.
    pub fn new(settings: HttpSettings) -> Result<Self, SettingsError> {
        let HttpSettings { base_url, trust, api_key, timeout } = settings;
        let base = address(&base_url).map_err(SettingsError)?;
        if api_key.is_empty() {
            return Err(SettingsError("its API key is empty".into()));
        }
        // The header's own error would show the key.
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {api_key}")).map_err(|_| {
                SettingsError(
                    "its API key has characters that no header takes, such as a line's end".into(),
                )
            })?;
        authorization.set_sensitive(true);
        if timeout.is_zero() {
            return Err(SettingsError("its timeout is 0: nothing could be answered".into()));
        }
        let bounds = Bounds { connect: timeout / 2, whole: timeout, bytes: LONGEST };
        let client = Client::new(&trust, bounds);
        Ok(Self { client, base, authorization, timeout })
    }
}

/// Messages name no more of the address than is sure to hold no password.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("its address can't be read: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("its address has to be an https:// URL".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address holds a user: give the API key by itself".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("its address has a `?` or `#`: paths couldn't be put behind it".into());
    }
    if url.scheme() == "http" && !is_this_machine(&url) {
        return Err(
            "its address is http:// and not on this machine: the API key would travel readable. \
                    Name it by https://, or a proxy at 127.0.0.1 that speaks TLS"
                .into(),
        );
    }
    Uri::try_from(url.as_str()).map_err(|error| format!("its address can't be asked: {error}"))?;
    Ok(url)
}

/// A warning would not do: what was read on its way stays known, whoever sees the log later.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Provider for Http {
    fn perform<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, PaymentError>> + Send + 'a>> {
        Box::pin(self.ask(request))
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that wasn't checked yet may hold a password.
        f.debug_struct("HttpSettings").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("base", &self.base.as_str())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
