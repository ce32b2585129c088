use std::path::Path;
use std::process::Output;

use orderly_harness::{SecuredKafka, need};

const MODULE: &str = "org.apache.kafka.common.security";

/// Asks for the topics with Kafka's own tool, which takes a properties file.
fn topics(kafka: &SecuredKafka, dir: &Path, mechanism: &str, login: &str) -> Output {
    let file = dir.join(mechanism);
    let properties = format!(
        "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={ca}\n\
         sasl.mechanism={mechanism}\nsasl.jaas.config={MODULE}.{login};\n\
         default.api.timeout.ms=20000\nrequest.timeout.ms=10000\n",
        ca = kafka.ca().display(),
    );
    std::fs::write(&file, properties).unwrap();
    let mut tool = kafka.tool();
    tool.args([
        "org.apache.kafka.tools.TopicCommand",
        "--list",
        "--bootstrap-server",
        kafka.bootstrap(),
    ]);
    tool.arg("--command-config").arg(file).output().unwrap()
}

#[tokio::test]
async fn clients_come_by_tls_and_each_of_three_mechanisms() {
    let kafka = need!(SecuredKafka::start().await);
    crate::kafka::create(kafka.kafka().bootstrap(), "secured", 1, 1).await;
    let dir = tempfile::tempdir().unwrap();
    let login = |password| format!("username=\"{}\" password=\"{password}\"", kafka.user());
    let right = login(kafka.password());
    for (mechanism, login) in [
        ("PLAIN", format!("plain.PlainLoginModule required {right}")),
        ("SCRAM-SHA-512", format!("scram.ScramLoginModule required {right}")),
        (
            "OAUTHBEARER",
            "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"tests\""
                .to_owned(),
        ),
    ] {
        let listed = topics(&kafka, dir.path(), mechanism, &login);
        let out = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            out.contains("secured"),
            "{mechanism}: {out}{}",
            String::from_utf8_lossy(&listed.stderr)
        );
    }
    let wrong = topics(
        &kafka,
        dir.path(),
        "PLAIN",
        &format!("plain.PlainLoginModule required {}", login("wrong")),
    );
    assert!(!wrong.status.success(), "a wrong password is let in");
}

#[tokio::test]
async fn the_password_is_in_a_file_and_in_no_command_line() {
    let kafka = need!(SecuredKafka::start().await);
    assert_eq!(std::fs::read_to_string(kafka.password_file()).unwrap(), kafka.password());
    let command =
        std::fs::read_to_string(format!("/proc/{}/cmdline", kafka.kafka().pid(1).unwrap()))
            .unwrap();
    assert!(command.contains("kafka.Kafka") && !command.contains(kafka.password()));
    assert!(!format!("{kafka:?}").contains(kafka.password()));
}
