//! Where the real parts are: flags, a file of properties, and the environment's names for them.

mod properties;
mod secrets;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args as Group;
use order_api::Redis;
use orderly_sdk::Config;
use properties::Properties;
use secrets::Environment;

/// Kafka and the schema registry, as flags.
#[derive(Clone, Debug, Default, Group)]
pub struct ClusterArgs {
    /// Brokers, host:port[,host:port...].
    #[arg(long, global = true, value_name = "BROKERS")]
    pub bootstrap: Option<String>,

    /// URL of a Confluent-compatible schema registry.
    #[arg(long, global = true, value_name = "URL")]
    pub registry: Option<String>,

    /// Put before every topic, group and subject, so that several platforms share a cluster.
    #[arg(long, global = true, default_value = "", value_name = "TEXT", value_parser = prefix)]
    pub prefix: String,

    /// Any librdkafka property. No secrets here: other users see a command's arguments.
    #[arg(short = 'X', global = true, value_name = "KEY=VALUE")]
    pub properties: Vec<Argument>,

    /// More of them, one key=value a line, secrets too [default: KAFKA_PROPERTIES_FILE].
    #[arg(short = 'F', long = "properties", global = true, value_name = "FILE")]
    pub properties_file: Option<PathBuf>,
}

/// KEY=VALUE as it was given. Read later: a mistake in it is told without the value.
#[derive(Clone)]
pub struct Argument(String);

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split('=').next().unwrap_or_default())
    }
}

/// The database, as a flag.
#[derive(Clone, Debug, Default, Group)]
pub struct DatabaseArgs {
    /// postgres://user@host/name or sqlite:/path/file.db. A password goes into PGPASSWORD,
    /// PGPASSFILE, DATABASE_URL or the file that DATABASE_URL_FILE names.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// Redis, as a flag.
#[derive(Clone, Debug, Default, Group)]
pub struct RedisArgs {
    /// redis://user@host:port/database, where replicas share what was read of orders; each keeps its
    /// own without it. A password goes into REDIS_URL or the file that REDIS_URL_FILE names.
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
}

impl RedisArgs {
    /// With what the environment says where the flag is missing; `prefix` goes before its keys.
    pub fn or_environment(self, prefix: &str) -> Result<Option<Redis>, String> {
        let given = self.by_flag(prefix)?;
        if given.is_some() {
            return Ok(given);
        }
        let url = secrets::secret("REDIS_URL", &variable)?;
        url.map(|url| Redis::new(&url, prefix).map_err(|error| error.to_string())).transpose()
    }

    /// What the flag alone says.
    pub fn by_flag(&self, prefix: &str) -> Result<Option<Redis>, String> {
        let Some(url) = &self.redis else { return Ok(None) };
        refuse_password("--redis", url, "REDIS_URL")?;
        Redis::new(url, prefix).map(Some).map_err(|error| error.to_string())
    }
}

/// A secret of the environment: what the variable NAME holds, or the file that NAME_FILE names.
pub fn secret_of_environment(name: &str) -> Result<Option<String>, String> {
    secrets::secret(name, &variable)
}

/// The text of a file, of 1 MiB at most.
pub fn read_file(path: &Path) -> Result<String, String> {
    secrets::read(path)
}

/// Real parts, all of them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Kafka and the registry.
    pub config: Config,
    /// The database's url.
    pub database: String,
}

impl ClusterArgs {
    /// With what the environment says where flags are missing.
    pub fn or_environment(self) -> Result<Config, String> {
        self.or(&variable)
    }

    fn or(self, environment: Environment<'_>) -> Result<Config, String> {
        if let Some(url) = &self.registry {
            refuse_password("--registry", url, "SCHEMA_REGISTRY_URL")?;
        }
        let file = self.file(environment)?.unwrap_or_default();
        let mut properties = Properties::of_environment(environment)?.and(file);
        let bootstrap = properties.take("bootstrap.servers");
        let registry = properties.take("schema.registry.url");
        let login = login(&mut properties, environment)?;
        for Argument(text) in &self.properties {
            properties.argue(text)?;
        }
        let bootstrap =
            self.bootstrap.or(bootstrap).or_else(|| environment("KAFKA_BOOTSTRAP_SERVERS"));
        let registry = self.registry.or(registry).or_else(|| environment("SCHEMA_REGISTRY_URL"));
        let (Some(bootstrap), Some(registry)) = (bootstrap, registry) else {
            return Err("give --bootstrap and --registry (or KAFKA_BOOTSTRAP_SERVERS and \
                        SCHEMA_REGISTRY_URL)"
                .into());
        };
        let registry = match login {
            Some(login) => secrets::with_login(&registry, &login),
            None => registry,
        };
        let config = Config::new(bootstrap, registry).with_prefix(self.prefix);
        let config = Config { properties: properties.into_pairs(), ..config };
        config.fits().map_err(|lacks| lacks.to_string())?;
        Ok(config)
    }

    /// The file of properties that is named, if one is.
    fn file(&self, environment: Environment<'_>) -> Result<Option<Properties>, String> {
        let named = self.properties_file.clone();
        let named = named.or_else(|| environment("KAFKA_PROPERTIES_FILE").map(PathBuf::from));
        let Some(path) = named else { return Ok(None) };
        let properties = Properties::load(&path)?;
        if let Some(secret) = properties.secret()
            && secrets::others_may_read(&path)
        {
            let path = path.display();
            tracing::warn!("{path} holds `{secret}`, and others may read it: chmod 600 {path}");
        }
        Ok(Some(properties))
    }
}

/// user:password for the registry, by the names that its own tools have.
fn login(
    properties: &mut Properties,
    environment: Environment<'_>,
) -> Result<Option<String>, String> {
    let mut found = secrets::secret("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO", environment)?;
    for prefix in ["", "schema.registry."] {
        let source = properties.take(&format!("{prefix}basic.auth.credentials.source"));
        if source.is_some_and(|source| source != "USER_INFO") {
            return Err("basic.auth.credentials.source: only USER_INFO is known".into());
        }
        found = properties.take(&format!("{prefix}basic.auth.user.info")).or(found);
    }
    Ok(found)
}

impl DatabaseArgs {
    /// With what the environment says where the flag is missing.
    pub fn or_environment(self) -> Result<String, String> {
        if let Some(url) = &self.database {
            refuse_password("--database", url, "DATABASE_URL")?;
        }
        self.database
            .map(Ok)
            .or_else(|| secrets::secret("DATABASE_URL", &variable).transpose())
            .unwrap_or_else(|| Err("give --database (or DATABASE_URL)".into()))
    }
}

/// Real parts where flags name them, all or none. What the environment says alone counts for
/// nothing: who only wants to look must not write to a cluster by accident.
pub fn by_flags(cluster: ClusterArgs, database: DatabaseArgs) -> Result<Option<Parts>, String> {
    let file = cluster.properties_file.as_deref().map(Properties::load).transpose()?;
    let names = |property| file.as_ref().is_some_and(|file| file.get(property).is_some());
    let given = [
        ("--bootstrap", cluster.bootstrap.is_some() || names("bootstrap.servers")),
        ("--registry", cluster.registry.is_some() || names("schema.registry.url")),
        ("--database", database.database.is_some()),
    ];
    if given.iter().all(|(_, is_given)| !is_given) {
        let has_more = !cluster.properties.is_empty() || cluster.properties_file.is_some();
        if has_more || !cluster.prefix.is_empty() {
            return Err(
                "--prefix, -X and -F are for real parts: give --bootstrap, --registry and \
                        --database, too"
                    .into(),
            );
        }
        return Ok(None);
    }
    let missing: Vec<_> = given.iter().filter(|(_, given)| !given).map(|(flag, _)| *flag).collect();
    if !missing.is_empty() {
        // A broker that stays with a registry or database that doesn't would be of no use to
        // anybody afterwards.
        return Err(format!(
            "real parts go together: {} missing; without any of them the embedded ones are used",
            missing.join(" and ")
        ));
    }
    let config = cluster.or_environment()?;
    Ok(Some(Parts { config, database: database.or_environment()? }))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn refuse_password(flag: &str, url: &str, variable: &str) -> Result<(), String> {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        || url.contains("password=");
    if has_password {
        return Err(format!(
            "{flag} holds a password, which other users of this machine see: give the url in \
             {variable} instead"
        ));
    }
    Ok(())
}

/// As Kafka allows in names.
fn prefix(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 100 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("at most 100 of A-Z a-z 0-9 . _ -".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_refused_as_arguments() {
        let given = ClusterArgs {
            properties: vec![Argument("sasl.password=hunter2".into())],
            ..ClusterArgs::default()
        };
        assert!(!format!("{given:?}").contains("hunter2"), "{given:?}");
        assert!(given.or(&|_| None).is_err_and(|why| !why.contains("hunter2")));
        for url in ["postgres://me:hunter2@host/db", "postgres://host/db?password=hunter2"] {
            let refused = refuse_password("--database", url, "DATABASE_URL").unwrap_err();
            assert!(refused.contains("DATABASE_URL") && !refused.contains("hunter2"), "{refused}");
        }
        assert_eq!(refuse_password("--database", "postgres://me@host:5432/db", "X"), Ok(()));
        assert_eq!(refuse_password("--database", "sqlite:/a:b@c", "X"), Ok(()));
    }

    #[test]
    fn real_parts_are_named_all_or_none() {
        let (none, no_database) = (ClusterArgs::default(), DatabaseArgs::default());
        assert!(by_flags(none.clone(), no_database.clone()).unwrap().is_none());
        let one = ClusterArgs { bootstrap: Some("b:9092".into()), ..none.clone() };
        let refused = by_flags(one, no_database.clone()).unwrap_err();
        assert!(refused.contains("--registry and --database missing"), "{refused}");
        let lost = ClusterArgs { prefix: "x".into(), ..none };
        assert!(by_flags(lost, no_database).is_err());
    }

    #[test]
    fn a_file_names_the_cluster_and_how_to_get_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.properties");
        let text = "bootstrap.servers=file:9092\nschema.registry.url=http://r:8081\n\
                    basic.auth.credentials.source=USER_INFO\nbasic.auth.user.info=me:p@ss\n\
                    sasl.username=me\nlinger.ms=7\n";
        std::fs::write(&path, text).unwrap();
        let environment = |name: &str| match name {
            "KAFKA_PROPERTIES_FILE" => Some(path.display().to_string()),
            "KAFKA_BOOTSTRAP_SERVERS" => Some("environment:9092".to_owned()),
            "KAFKA_SASL_PASSWORD" => Some("hunter2".to_owned()),
            _ => None,
        };
        let mut args = ClusterArgs {
            properties: vec![Argument("linger.ms=8".into())],
            ..ClusterArgs::default()
        };
        let config = args.clone().or(&environment).unwrap();
        assert_eq!(
            (&*config.bootstrap, &*config.registry),
            ("file:9092", "http://me:p%40ss@r:8081")
        );
        let has = |name: &str, value: &str| {
            config.properties.iter().any(|(n, v)| (n.as_str(), v.as_str()) == (name, value))
        };
        assert!(has("sasl.username", "me") && has("sasl.password", "hunter2"));
        assert!(has("linger.ms", "8") && config.properties.len() == 3, "{config:?}");

        args.bootstrap = Some("flag:9092".into());
        assert_eq!(args.or(&environment).unwrap().bootstrap, "flag:9092");
    }

    #[test]
    fn what_this_build_lacks_is_refused_before_anything_is_connected_to() {
        let args = ClusterArgs {
            bootstrap: Some("b:9093".into()),
            registry: Some("http://r:8081".into()),
            properties: vec![Argument("security.protocol=SSL".into())],
            ..ClusterArgs::default()
        };
        let answer = args.or(&|_| None);
        assert_eq!(answer.is_ok(), orderly_sdk::HAS_TLS);
        assert!(answer.err().is_none_or(|why| why.contains("--features tls")));
    }

    #[test]
    fn a_prefix_is_what_kafka_allows() {
        assert_eq!(prefix("team-a."), Ok("team-a.".into()));
        assert!(prefix("team a").is_err());
    }
}
