//! Sessions with one mail server: no more at once than a bound, each step within a deadline, and
//! each refusal told by whose fault it is.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use tokio::{sync::Semaphore, time::timeout};

use super::smtp_url::{Encryption, SmtpUrl};

/// A connection that was idle for longer is not used again: servers hang up, and the first to
/// notice would be a mail.
const MOST_IDLE: Duration = Duration::from_secs(20);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Connections to one server, kept for the next mail.
pub(super) struct Connections {
    server: SmtpUrl,
    /// What the server's certificate is checked against.
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    name: ClientId,
    patience: Duration,
    room: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// Why a mail wasn't taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// The server is away or refuses us, whichever mail it is. If it was cut off behind the mail's
    /// end, the mail may have been taken.
    Away(String),
    /// The server puts this recipient or mail off.
    Later(String),
    /// The server will never take it. What it answered, which may quote the address.
    Never(String),
}

impl Connections {
    pub(super) fn new(server: SmtpUrl, most: usize, patience: Duration) -> Result<Self, Error> {
        let tls = match server.encryption {
            Encryption::None => None,
            Encryption::Upgrade | Encryption::FromTheStart => {
                Some(TlsParameters::new(server.host.clone())?)
            }
        };
        let login = server.login.as_ref();
        let login = login.map(|l| Credentials::new(l.user.clone(), l.password.clone()));
        Ok(Self {
            server,
            tls,
            login,
            name: ClientId::default(),
            patience,
            room: Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Hands one mail to the server. Ok: it has taken it.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &Address,
        message: &[u8],
    ) -> Result<(), NotTaken> {
        let _room = self.room.acquire().await.map_err(|e| self.away("waiting", &e))?;
        let session = timeout(self.patience, async {
            let mut connection = self.connection().await?;
            let handed = self.hand_over(&mut connection, from, to, message).await;
            if handed.is_ok() {
                self.put_back(connection);
            } else {
                let _ = timeout(FAREWELL, connection.abort()).await;
            }
            handed
        });
        session.await.unwrap_or_else(|_| {
            let seconds = self.patience.as_secs();
            Err(self.away("sending", &format_args!("no answer within {seconds} s")))
        })
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        from: &Address,
        to: &Address,
        message: &[u8],
    ) -> Result<(), NotTaken> {
        let mut asked = Vec::new();
        if !AsRef::<str>::as_ref(to).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(NotTaken::Never(
                    "the address isn't ASCII, and the mail server doesn't offer SMTPUTF8".into(),
                ));
            }
            asked.push(MailParameter::SmtpUtfEight);
            asked.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let sender = connection.command(Mail::new(Some(from.clone()), asked)).await;
        sender.map_err(|e| self.away("it refuses the sender", &e))?;
        let recipient = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
        recipient.map_err(|e| self.refused("naming the recipient", &e))?;
        let data = connection.command(Data).await;
        data.map_err(|e| self.refused("announcing the mail", &e))?;
        let taken = connection.message(message).await;
        taken.map_err(|e| self.refused("handing over the mail", &e))?;
        Ok(())
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, NotTaken> {
        while let Some(mut connection) = self.take_idle() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotTaken> {
        let SmtpUrl { host, port, encryption, .. } = &self.server;
        let from_the_start = self.tls.clone().filter(|_| *encryption == Encryption::FromTheStart);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), *port),
            Some(self.patience),
            &self.name,
            from_the_start,
            None,
        )
        .await
        .map_err(|e| self.away("connecting", &e))?;
        if let (Encryption::Upgrade, Some(tls)) = (encryption, &self.tls) {
            if connection.can_starttls() {
                let upgraded = connection.starttls(tls.clone(), &self.name).await;
                upgraded.map_err(|e| self.away("STARTTLS", &e))?;
            } else if self.login.is_some() {
                let why = "it offers none, and a password isn't sent in the clear; if it may be, \
                           add ?tls=none to the URL";
                return Err(self.away("STARTTLS", &why));
            }
        }
        if let Some(login) = &self.login {
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, login).await.map_err(|e| self.away("login", &e))?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest last. If that is too old, all are.
        let (connection, since) = idle.pop()?;
        if since.elapsed() > MOST_IDLE {
            idle.clear();
            return None;
        }
        Some(connection)
    }

    fn put_back(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Who puts one back has a place in the room, so there are never more than that.
        idle.push((connection, Instant::now()));
    }

    fn away(&self, doing: &str, why: &dyn std::fmt::Display) -> NotTaken {
        NotTaken::Away(format!("{}: {doing}: {why}", self.server))
    }

    fn refused(&self, doing: &str, error: &Error) -> NotTaken {
        match error.status() {
            Some(_) if error.is_permanent() => NotTaken::Never(error.to_string()),
            Some(code) => NotTaken::Later(format!("{}: {doing}: {code}", self.server)),
            None => self.away(doing, error),
        }
    }
}
