//! A broker that clients reach by TLS and SASL alone: PLAIN, SCRAM-SHA-512 and OAUTHBEARER with
//! unsigned tokens. Certificates and passwords are made at each start. By Java and Maven only, with
//! `openssl` for the certificates.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::config::Listener;
use super::processes::{Installed, More, text};
use super::{Kafka, PART};
use crate::error::NotRun;
use crate::home::home;
use crate::java::run;
use crate::ports::Port;
use crate::unique::{secret, write_secret};

const USER: &str = "orderly";

/// One broker with a listener for SASL over TLS.
pub struct SecuredKafka {
    kafka: Kafka,
    address: String,
    dir: PathBuf,
    password: String,
    installed: Installed,
    _port: Port,
}

impl SecuredKafka {
    /// Starts it; returns when it answers.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start() -> Result<Self, NotRun> {
        let made = tokio::task::spawn_blocking(Self::spawn).await;
        let secured = made.map_err(|e| NotRun::broken(PART, e))??;
        secured.kafka.all_ready().await?;
        Ok(secured)
    }

    fn spawn() -> Result<Self, NotRun> {
        let installed = Installed::find()?;
        let dir = home()?.dir(PART)?;
        let denied =
            |e| NotRun::broken(PART, format!("its files in {}: {e}", dir.path().display()));
        certificates(dir.path())?;
        let password = secret().map_err(denied)?;
        write_secret(&dir.path().join("password"), &password).map_err(denied)?;
        let port = Port::free(PART)?;
        let more = More {
            listeners: vec![Listener {
                name: "SECURED",
                bind: port.address(),
                advertised: Some(port.address()),
                protocol: "SASL_SSL",
            }],
            settings: settings(dir.path(), &password),
            format: vec![
                "--add-scram".to_owned(),
                format!("SCRAM-SHA-512=[name={USER},password={password}]"),
            ],
            told: Vec::new(),
        };
        let path = dir.path().to_owned();
        let kafka = installed.start(1, dir, more)?;
        Ok(Self { kafka, address: port.address(), dir: path, password, installed, _port: port })
    }

    /// The broker, whose [`bootstrap`](Kafka::bootstrap) is the listener without TLS and SASL.
    pub fn kafka(&self) -> &Kafka {
        &self.kafka
    }

    /// `bootstrap.servers` of the listener with `security.protocol=sasl_ssl`.
    pub fn bootstrap(&self) -> &str {
        &self.address
    }

    /// `ssl.ca.location`: the certificate that vouches for the broker's, PEM.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// `sasl.username`, for PLAIN and SCRAM-SHA-512.
    pub fn user(&self) -> &str {
        USER
    }

    /// `sasl.password`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A file that holds the password and nothing else.
    pub fn password_file(&self) -> PathBuf {
        self.dir.join("password")
    }

    /// A JVM with Kafka's own tools on its class path, as `org.apache.kafka.tools.TopicCommand`.
    pub fn tool(&self) -> Command {
        self.installed.tool()
    }
}

fn settings(dir: &Path, password: &str) -> Vec<(String, String)> {
    let module = "org.apache.kafka.common.security";
    let jaas = |name, login: &str| {
        (format!("listener.name.secured.{name}.sasl.jaas.config"), format!("{module}.{login};"))
    };
    let set = |name: &str, value: String| (name.to_owned(), value);
    vec![
        set("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-512,OAUTHBEARER".to_owned()),
        set("ssl.keystore.type", "PEM".to_owned()),
        set("ssl.keystore.location", text(&dir.join("broker.pem"))),
        jaas("plain", &format!("plain.PlainLoginModule required user_{USER}=\"{password}\"")),
        jaas("scram-sha-512", "scram.ScramLoginModule required"),
        jaas(
            "oauthbearer",
            "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\"",
        ),
    ]
}

/// A certificate authority, and a broker's key and certificate for this machine: ca.pem, broker.pem.
fn certificates(dir: &Path) -> Result<(), NotRun> {
    let denied = |e| NotRun::broken(PART, format!("certificates in {}: {e}", dir.display()));
    let openssl = |args: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(args).current_dir(dir);
        run(PART, &mut openssl, Duration::from_secs(60))
    };
    let new_key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let ca = [
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=orderly tests",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    openssl(&[&new_key[..], &ca[..]].concat())?;
    let request = ["-subj", "/CN=localhost", "-keyout", "broker.key", "-out", "broker.csr"];
    openssl(&[&new_key[..], &request[..]].concat())?;
    fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").map_err(denied)?;
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        "broker.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-out",
        "broker.crt",
    ])?;
    let read = |name: &str| fs::read_to_string(dir.join(name)).map_err(denied);
    write_secret(
        &dir.join("broker.pem"),
        &format!("{}{}", read("broker.key")?, read("broker.crt")?),
    )
    .map_err(denied)
}

impl fmt::Debug for SecuredKafka {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecuredKafka").field("address", &self.address).finish_non_exhaustive()
    }
}
