//! A broker that lets nobody in but by TLS and SASL: commands get in by a file of properties, by
//! flags and by the environment; who is refused is told why, and no secret is shown.

use std::{
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

use orderly_harness::{NotRun, SecuredKafka, need, parts};
use orderly_sdk::HAS_TLS;
use orderly_tests::services::binary;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use tokens::Tokens;

mod tokens;

/// What a run of the demo is like here.
const ORDERS: &str = "40";
const WRONG: &str = "not-the-password";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gets_in_by_plain_with_a_file_of_properties() {
    let caller = need!(Caller::new("plain.").await);
    let file = caller.file(&caller.login("PLAIN", caller.kafka.password()));
    caller.applies_and_runs(&["-F", &file], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gets_in_by_scram_with_flags_and_a_file_that_holds_the_password() {
    let caller = need!(Caller::new("scram.").await);
    let ca = format!("ssl.ca.location={}", caller.kafka.ca().display());
    let user = format!("sasl.username={}", caller.kafka.user());
    let password = caller.kafka.password_file().display().to_string();
    let mut flags = vec!["--bootstrap", caller.kafka.bootstrap(), "--registry", &caller.registry];
    for property in ["security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", &ca, &user] {
        flags.extend(["-X", property]);
    }
    caller.applies_and_runs(&flags, &[("KAFKA_SASL_PASSWORD_FILE", &password)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gets_in_by_a_token_that_an_issuer_gave_it() {
    let caller = need!(Caller::new("oidc.").await);
    let tokens = Tokens::issuer().await;
    let file = caller.file(&caller.oidc(&tokens.url(), tokens::SECRET));
    caller.applies_and_runs(&["-F", &file], &[]).await;
    assert!(tokens.given() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gets_in_by_a_token_that_nobody_signed() {
    let caller = need!(Caller::new("unsigned.").await);
    let file = caller.file(&[
        ("sasl.mechanism", "OAUTHBEARER".to_owned()),
        ("enable.sasl.oauthbearer.unsecure.jwt", "true".to_owned()),
        ("sasl.oauthbearer.config", "principal=tests".to_owned()),
    ]);
    caller.applies_and_runs(&["-F", &file], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_in_words_that_show_no_secret() {
    let caller = need!(Caller::new("wrong.").await);
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let file = caller.file(&caller.login(mechanism, WRONG));
        let history = ["run", "history", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];
        let database = caller.database();
        let history = [&history[..], &["--database", &database]].concat();
        for command in [&["apply"][..], &history] {
            let said = caller.is_refused(command, &file).await;
            assert!(said.to_lowercase().contains("authentication"), "{mechanism}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_gives_no_token_is_named() {
    let caller = need!(Caller::new("no-token.").await);
    let tokens = Tokens::issuer().await;
    let file = caller.file(&caller.oidc(&tokens.url(), WRONG));
    // It may be away for now, and a service waits for it.
    let said = caller.ends_with(3, &["apply"], &file).await;
    assert!(said.contains("no token") && said.contains("invalid_client"), "{said}");
    assert_eq!(tokens.given(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_authority_is_not_known_is_refused() {
    let caller = need!(Caller::new("no-ca.").await);
    let login = caller.login("PLAIN", caller.kafka.password());
    // The system's own authorities don't know the broker's.
    let file = caller.write(&caller.properties(None, &login));
    let said = caller.is_refused(&["apply"], &file).await;
    assert!(said.contains("certificate verify failed"), "{said}");
    let nowhere = PathBuf::from("/nowhere/ca.pem");
    let file = caller.write(&caller.properties(Some(nowhere), &login));
    let said = caller.is_refused(&["apply"], &file).await;
    assert!(said.contains("ssl.ca.location") || said.contains("/nowhere/ca.pem"), "{said}");
}

/// Whatever the broker: it isn't asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_tls_refuses_what_needs_it_and_names_the_feature() {
    if HAS_TLS {
        return;
    }
    for property in ["security.protocol=ssl", "sasl.mechanism=SCRAM-SHA-512"] {
        let mut apply = Command::new(binary());
        apply.args(["apply", "--bootstrap", "127.0.0.1:1", "--registry", "http://127.0.0.1:1"]);
        let refused = apply.args(["-X", property]).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        let (name, _) = property.split_once('=').unwrap();
        assert!(said.contains(name) && said.contains("--features tls"), "{said}");
    }
}

/// Who calls commands, with names in the cluster and a directory of its own.
struct Caller {
    kafka: &'static SecuredKafka,
    registry: String,
    prefix: String,
    dir: TempDir,
}

impl Caller {
    async fn new(prefix: &str) -> Result<Self, NotRun> {
        static KAFKA: OnceCell<Result<SecuredKafka, NotRun>> = OnceCell::const_new();
        if !HAS_TLS {
            let why = "built without the feature `tls` (--features orderly-tests/tls)";
            return Err(NotRun::missing("a broker with TLS", why));
        }
        let kafka = KAFKA.get_or_init(SecuredKafka::start).await.as_ref().map_err(Clone::clone)?;
        let registry = parts::registry().await?;
        let (prefix, dir) = (registry.prefix + prefix, tempfile::tempdir().unwrap());
        Ok(Self { kafka, registry: registry.url, prefix, dir })
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.dir.path().join("orderly.db").display())
    }

    fn login(&self, mechanism: &str, password: &str) -> Vec<(&'static str, String)> {
        vec![
            ("sasl.mechanism", mechanism.to_owned()),
            ("sasl.username", self.kafka.user().to_owned()),
            ("sasl.password", password.to_owned()),
        ]
    }

    fn oidc(&self, url: &str, secret: &str) -> Vec<(&'static str, String)> {
        vec![
            ("sasl.mechanism", "OAUTHBEARER".to_owned()),
            ("sasl.oauthbearer.method", "oidc".to_owned()),
            ("sasl.oauthbearer.token.endpoint.url", url.to_owned()),
            ("sasl.oauthbearer.client.id", tokens::CLIENT.to_owned()),
            ("sasl.oauthbearer.client.secret", secret.to_owned()),
        ]
    }

    fn properties(&self, ca: Option<PathBuf>, login: &[(&str, String)]) -> String {
        let mut properties = vec![
            ("bootstrap.servers", self.kafka.bootstrap().to_owned()),
            ("security.protocol", "SASL_SSL".to_owned()),
            ("schema.registry.url", self.registry.clone()),
        ];
        properties.extend(ca.map(|ca| ("ssl.ca.location", ca.display().to_string())));
        properties.extend(login.iter().cloned());
        properties.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// A file with how to get in.
    fn file(&self, login: &[(&str, String)]) -> String {
        self.write(&self.properties(Some(self.kafka.ca()), login))
    }

    fn write(&self, properties: &str) -> String {
        let path = self.dir.path().join("client.properties");
        std::fs::write(&path, properties).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    async fn orderly(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(binary());
        command.args(args).args(["--prefix", &self.prefix]).current_dir(orderly_tests::root());
        command.envs(variables.iter().copied());
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    /// Makes the topics, runs every service on them, and orders through all of them.
    async fn applies_and_runs(&self, how: &[&str], variables: &[(&str, &str)]) {
        let applied = self.orderly(&[&["apply"], how].concat(), variables).await;
        assert!(applied.status.success(), "{}", said(&applied));
        let database = self.database();
        let demo = ["demo", "--orders", ORDERS, "-o", "json", "--database", &database];
        let ran = self.orderly(&[&demo, how].concat(), variables).await;
        assert!(ran.status.success(), "{}", said(&ran));
        let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(report["history"]["orders"].to_string(), ORDERS, "{report}");
        self.shows_no_secret(&ran);
    }

    /// Exits with 1, and says why.
    async fn is_refused(&self, command: &[&str], file: &str) -> String {
        self.ends_with(1, command, file).await
    }

    async fn ends_with(&self, code: i32, command: &[&str], file: &str) -> String {
        let refused = self.orderly(&[command, &["-F", file]].concat(), &[]).await;
        self.shows_no_secret(&refused);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(code), "{said}");
        said
    }

    fn shows_no_secret(&self, output: &Output) {
        let shown = said(output) + &String::from_utf8_lossy(&output.stdout);
        for secret in [self.kafka.password(), WRONG, tokens::SECRET] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
