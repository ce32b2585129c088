//! Properties of the Kafka clients: from a file, from the environment, from the arguments; the later
//! win.

use std::path::Path;

use super::secrets::{self, Environment, is_secret, secret};

/// Variables that are properties.
const VARIABLES: [(&str, &str); 5] = [
    ("KAFKA_SECURITY_PROTOCOL", "security.protocol"),
    ("KAFKA_SASL_MECHANISM", "sasl.mechanism"),
    ("KAFKA_SASL_USERNAME", "sasl.username"),
    ("KAFKA_SSL_CA_LOCATION", "ssl.ca.location"),
    ("KAFKA_SSL_KEY_LOCATION", "ssl.key.location"),
];
/// The same for secrets, which may lie in a file: NAME_FILE.
const SECRETS: [(&str, &str); 2] =
    [("KAFKA_SASL_PASSWORD", "sasl.password"), ("KAFKA_SSL_KEY_PASSWORD", "ssl.key.password")];

/// Names and values, each name once.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Properties(Vec<(String, String)>);

impl Properties {
    /// What the environment says.
    pub(super) fn of_environment(environment: Environment<'_>) -> Result<Self, String> {
        let mut properties = Self::default();
        for (variable, name) in VARIABLES {
            if let Some(value) = environment(variable) {
                properties.set(name, &value);
            }
        }
        for (variable, name) in SECRETS {
            if let Some(value) = secret(variable, environment)? {
                properties.set(name, &value);
            }
        }
        Ok(properties)
    }

    /// What a file says: key=value, one a line; lines that begin with # are comments.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        Self::parse(&secrets::read(path)?, &path.display().to_string())
    }

    /// The name of a secret among them.
    pub(super) fn secret(&self) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| is_secret(name))
    }

    /// No part of a line that isn't understood is shown: it may be a secret.
    fn parse(text: &str, file: &str) -> Result<Self, String> {
        let mut properties = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |why: &str| Err(format!("{file}:{number}: {why}"));
            let Some((name, value)) = line.split_once('=') else {
                return refused("not of the form key=value, nor a comment (#)");
            };
            let (name, value) = (name.trim(), value.trim());
            if !is_name(name) {
                return refused("what stands before the `=` is no property's name");
            }
            if value.ends_with('\\') {
                return refused("a value can't go on in the next line");
            }
            if properties.get(name).is_some() {
                return refused(&format!("`{name}` was given above"));
            }
            properties.set(name, value);
        }
        Ok(properties)
    }

    /// Adds an argument, KEY=VALUE.
    pub(super) fn argue(&mut self, argument: &str) -> Result<(), String> {
        let Some((name, value)) = argument.split_once('=').filter(|(name, _)| is_name(name)) else {
            return Err("-X: write it as key=value".into());
        };
        if is_secret(name) {
            return Err(format!(
                "-X: `{name}` is a secret, and other users of this machine would see it: give it in \
                 a file (-F){}",
                SECRETS
                    .iter()
                    .find(|(_, secret)| *secret == name)
                    .map(|(variable, _)| format!(", in {variable} or in {variable}_FILE"))
                    .unwrap_or_default()
            ));
        }
        self.set(name, value);
        Ok(())
    }

    /// Those of `other` over these.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.set(&name, &value);
        }
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = one_name(name);
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes one that the Kafka clients don't know.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    fn set(&mut self, name: &str, value: &str) {
        let name = one_name(name);
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }
}

/// librdkafka's second names, of which only one may be set.
fn one_name(name: &str) -> &str {
    match name {
        "sasl.mechanism" => "sasl.mechanisms",
        "metadata.broker.list" => "bootstrap.servers",
        name => name,
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        Properties::parse(text, "client.properties").map(Properties::into_pairs)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_file_has_one_property_a_line() {
        let text = "# of the shop\n\nsecurity.protocol = SASL_SSL\nsasl.password=a=b #c\r\n";
        let found = read(text).unwrap();
        assert_eq!(found, [pair("security.protocol", "SASL_SSL"), pair("sasl.password", "a=b #c")]);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named_and_not_shown() {
        for (text, line) in [
            ("a=1\nhunter2", 2),
            ("sasl.password: hunter2=", 1),
            ("sasl.password=hunter2\\\n  more", 1),
            ("a=1\n\na=hunter2", 3),
            ("=hunter2", 1),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.starts_with(&format!("client.properties:{line}: ")), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn arguments_win_over_the_file_and_that_over_the_environment() {
        let environment = |name: &str| match name {
            "KAFKA_SASL_MECHANISM" | "KAFKA_SASL_USERNAME" | "KAFKA_SASL_PASSWORD" => {
                Some("environment".to_owned())
            }
            _ => None,
        };
        let file = "sasl.mechanisms=file\nsasl.username=file\n";
        let mut all = Properties::of_environment(&environment)
            .unwrap()
            .and(Properties::parse(file, "f").unwrap());
        all.argue("sasl.mechanism=argument").unwrap();
        assert_eq!(all.get("sasl.mechanism"), Some("argument"));
        assert_eq!(all.get("sasl.username"), Some("file"));
        assert_eq!(all.get("sasl.password"), Some("environment"));
        assert_eq!(all.into_pairs().len(), 3);
    }

    #[test]
    fn secrets_are_refused_as_arguments_with_where_they_go() {
        let mut properties = Properties::default();
        let refused = properties.argue("sasl.password=hunter2").unwrap_err();
        assert!(refused.contains("KAFKA_SASL_PASSWORD_FILE"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
        let refused = properties.argue("hunter2").unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
        properties.argue("linger.ms=1=2").unwrap();
        assert_eq!(properties.into_pairs(), [pair("linger.ms", "1=2")]);
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_a_file_is_known() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.properties");
        std::fs::write(&path, "sasl.password=hunter2\n").unwrap();
        for (mode, is_open) in [(0o600, false), (0o640, true), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(secrets::others_may_read(&path), is_open, "{mode:o}");
        }
        let loaded = Properties::load(&path).unwrap();
        assert_eq!(loaded.secret(), Some("sasl.password"));
        assert_eq!(loaded.get("sasl.password"), Some("hunter2"));
    }
}
