//! `postgres://user@host:port/db?options` → where to connect, and within which limits.

use std::{ffi::OsString, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::{Limits, password};
use crate::StoreError;

/// Where to connect.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) limits: Limits,
    /// For messages: the server and database, nothing else of the url.
    pub(super) name: String,
}

/// Reads a url. No more of it than the server's address goes into a message: the rest may hold a
/// password.
pub(super) fn parse(
    url: &str,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Target, StoreError> {
    let mut limits = Limits::default();
    let mut config = config(url, &mut limits)?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) if !host.is_empty() => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        _ => return Err(refuse("it names no host")),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned();
    let name = format!("{host}:{port}/{database}");
    if config.get_password().is_none() {
        let user = config.get_user().unwrap_or_default().to_owned();
        if let Some(found) = password::find(environment, &host, port, &database, &user)? {
            config.password(found);
        }
    }
    bound(&mut config, &limits);
    Ok(Target { config, limits, name })
}

/// What the client library reads of it; the options that are ours go into `limits`.
fn config(url: &str, limits: &mut Limits) -> Result<Config, StoreError> {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let mut others = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", mode)) => allow(mode)?,
            Some(("pool_size", number)) => {
                limits.pool_size = positive("pool_size", number)?.min(1_000) as usize;
            }
            Some(("statement_timeout", millis)) => {
                limits.statement = Duration::from_millis(positive("statement_timeout", millis)?);
            }
            Some(("lock_timeout", millis)) => {
                limits.locked = Duration::from_millis(positive("lock_timeout", millis)?);
            }
            Some(("connect_timeout", seconds)) => {
                limits.connect = Duration::from_secs(positive("connect_timeout", seconds)?);
            }
            _ => others.push(option),
        }
    }
    let plain = match &*others {
        [] => address.to_owned(),
        others => format!("{address}?{}", others.join("&")),
    };
    plain.parse().map_err(|_| refuse("it can't be read"))
}

/// The one place that decides about TLS.
fn allow(mode: &str) -> Result<(), StoreError> {
    match mode {
        "disable" | "allow" | "prefer" => Ok(()),
        "require" | "verify-ca" | "verify-full" => Err(StoreError::Url(format!(
            "sslmode={mode}: this build has no TLS to Postgres, and without it the connection \
             would be open to read. Use sslmode=disable on a network that you trust"
        ))),
        _ => Err(refuse("sslmode is one of disable, prefer, require, verify-ca, verify-full")),
    }
}

fn positive(name: &str, text: &str) -> Result<u64, StoreError> {
    text.parse()
        .ok()
        .filter(|number| (1..=86_400_000).contains(number))
        .ok_or_else(|| refuse(&format!("{name} has to be a whole number from 1 to 86400000")))
}

fn refuse(why: &str) -> StoreError {
    StoreError::Url(format!(
        "the database url can't be used: {why}. Give postgres://user@host:port/database, with \
         sslmode, pool_size, connect_timeout (s), statement_timeout (ms), lock_timeout (ms) or \
         libpq's own options behind `?`, and the password in PGPASSWORD or PGPASSFILE"
    ))
}

fn bound(config: &mut Config, limits: &Limits) {
    config
        .ssl_mode(SslMode::Disable)
        .connect_timeout(limits.connect)
        .tcp_user_timeout(limits.call())
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(15))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    if config.get_application_name().is_none() {
        config.application_name("orderly");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(url: &str) -> Result<Target, StoreError> {
        parse(url, &|_| None)
    }

    #[test]
    fn a_url_names_server_database_and_limits() {
        let target = read("postgres://me:secret@db.example:6432/shop?sslmode=disable&pool_size=3&lock_timeout=250&statement_timeout=1500").unwrap();
        assert_eq!(target.name, "db.example:6432/shop");
        assert_eq!(target.config.get_user(), Some("me"));
        assert_eq!(target.config.get_password(), Some("secret".as_bytes()));
        assert_eq!(target.limits.pool_size, 3);
        assert_eq!(target.limits.locked, Duration::from_millis(250));
        assert_eq!(target.limits.call(), Duration::from_millis(3500));
        assert_eq!(
            read("postgresql://me@h/shop?application_name=till").unwrap().name,
            "h:5432/shop"
        );
    }

    #[test]
    fn a_password_comes_from_the_environment_where_the_url_has_none() {
        let environment =
            |name: &str| (name == "PGPASSWORD").then(|| OsString::from("from outside"));
        let given = |url| parse(url, &environment).unwrap().config.get_password().unwrap().to_vec();
        assert_eq!(given("postgres://me@h/shop"), b"from outside");
        assert_eq!(given("postgres://me:inside@h/shop"), b"inside");
    }

    #[test]
    fn encryption_that_this_build_lacks_is_refused_and_never_left_out() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let error = read(&format!("postgres://me:secret@h/shop?sslmode={mode}")).err().unwrap();
            assert!(error.to_string().contains("no TLS to Postgres"), "{error}");
        }
        for mode in ["disable", "prefer"] {
            read(&format!("postgres://me@h/shop?sslmode={mode}")).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_showing_a_password() {
        for url in [
            "postgres://me:secret@h:port/shop",
            "postgres://me:secret@h/shop?sslmode=secret",
            "postgres://me:secret@h/shop?pool_size=secret",
            "postgres://me:secret@h/shop?secret=1",
            "postgres:///shop",
        ] {
            let message = read(url).err().expect(url).to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
