//! Where the real parts are: flags, and the environment's names for them.

use clap::Args as Group;
use orderly_sdk::Config;

/// Kafka and the schema registry, as flags.
#[derive(Clone, Debug, Default, Group)]
pub struct ClusterArgs {
    /// Brokers, host:port[,host:port...].
    #[arg(long, value_name = "BROKERS")]
    pub bootstrap: Option<String>,

    /// URL of a Confluent-compatible schema registry.
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,

    /// Put before every topic, group and subject, so that several platforms share a cluster.
    #[arg(long, default_value = "", value_name = "TEXT", value_parser = prefix)]
    pub prefix: String,

    /// Any librdkafka property. No secrets here: other users see a command's arguments.
    #[arg(short = 'X', value_name = "KEY=VALUE", value_parser = property)]
    pub properties: Vec<(String, String)>,
}

/// The database, as a flag.
#[derive(Clone, Debug, Default, Group)]
pub struct DatabaseArgs {
    /// postgres://user@host/name or sqlite:/path/file.db. A password goes into PGPASSWORD,
    /// PGPASSFILE or DATABASE_URL.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
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
    pub fn or_environment(mut self) -> Result<Config, String> {
        self.bootstrap = self.bootstrap.or_else(|| variable("KAFKA_BOOTSTRAP_SERVERS"));
        if let Some(url) = &self.registry {
            refuse_password("--registry", url, "SCHEMA_REGISTRY_URL")?;
        }
        self.registry = self.registry.or_else(|| variable("SCHEMA_REGISTRY_URL"));
        match (&self.bootstrap, &self.registry) {
            (Some(_), Some(_)) => Ok(self.config()),
            _ => Err("give --bootstrap and --registry (or KAFKA_BOOTSTRAP_SERVERS and \
                      SCHEMA_REGISTRY_URL)"
                .into()),
        }
    }

    fn config(self) -> Config {
        let Self { bootstrap, registry, prefix, properties } = self;
        let config = Config::new(bootstrap.unwrap_or_default(), registry.unwrap_or_default());
        Config { properties, ..config.with_prefix(prefix) }
    }
}

impl DatabaseArgs {
    /// With what the environment says where the flag is missing.
    pub fn or_environment(self) -> Result<String, String> {
        if let Some(url) = &self.database {
            refuse_password("--database", url, "DATABASE_URL")?;
        }
        self.database
            .or_else(|| variable("DATABASE_URL"))
            .ok_or_else(|| "give --database (or DATABASE_URL)".into())
    }
}

/// Real parts where flags name them, all or none. What the environment says alone counts for
/// nothing: who only wants to look must not write to a cluster by accident.
pub fn by_flags(cluster: ClusterArgs, database: DatabaseArgs) -> Result<Option<Parts>, String> {
    let given = [
        ("--bootstrap", cluster.bootstrap.is_some()),
        ("--registry", cluster.registry.is_some()),
        ("--database", database.database.is_some()),
    ];
    if given.iter().all(|(_, is_given)| !is_given) {
        if !cluster.prefix.is_empty() || !cluster.properties.is_empty() {
            return Err("--prefix and -X are for real parts: give --bootstrap, --registry and \
                        --database, too"
                .into());
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

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as key=value")?;
    if name.contains("password") || name.contains("secret") {
        return Err(format!(
            "`{name}` is a secret and would be seen by other users of this machine"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
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
        assert!(property("sasl.password=hunter2").is_err_and(|why| !why.contains("hunter2")));
        assert_eq!(property("a=b=c"), Ok(("a".into(), "b=c".into())));
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
    fn a_prefix_is_what_kafka_allows() {
        assert_eq!(prefix("team-a."), Ok("team-a.".into()));
        assert!(prefix("team a").is_err());
    }
}
