//! What a configuration asks for that this build doesn't have, or can't do as it is asked.

use crate::Config;

/// Whether TLS, and the SASL mechanisms that rest on its library, were built in: the feature `tls`.
pub const HAS_TLS: bool = cfg!(feature = "tls");

/// Something is asked for that this build lacks. Nothing was connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacks {
    /// The feature `tls` is off.
    #[error(
        "{0} needs TLS, which this build leaves out; it is in one made by \
         `cargo build --release --features tls`"
    )]
    Tls(String),
    /// This mechanism is in no build. GSSAPI is what Kafka's clients take where none is named.
    #[error(
        "SASL by {0} isn't built in: give the property sasl.mechanism, PLAIN, SCRAM-SHA-256, \
         SCRAM-SHA-512 or OAUTHBEARER"
    )]
    Mechanism(String),
    /// Nobody would hand out a token, and the clients would wait for one for ever.
    #[error(
        "sasl.mechanism=OAUTHBEARER, and nothing says where tokens come from: give the property \
         sasl.oauthbearer.method=oidc, and sasl.oauthbearer.token.endpoint.url, .client.id and \
         .client.secret"
    )]
    Tokens,
}

impl Config {
    /// Whether this build has what the properties and the registry's url ask for. Kafka clients and
    /// registries ask by themselves; a command does to refuse before it begins.
    pub fn fits(&self) -> Result<(), Lacks> {
        self.fits_build(HAS_TLS)
    }

    fn fits_build(&self, has_tls: bool) -> Result<(), Lacks> {
        self.properties_fit(has_tls)?;
        registry_fits(&self.registry, has_tls)
    }

    fn properties_fit(&self, has_tls: bool) -> Result<(), Lacks> {
        let last = |is: &dyn Fn(&str) -> bool| {
            self.properties.iter().rfind(|(name, _)| is(name)).map(|(_, value)| value.as_str())
        };
        let protocol = last(&|name| name == "security.protocol").unwrap_or("plaintext");
        let protocol = protocol.to_ascii_lowercase();
        let mechanism = last(&|name| matches!(name, "sasl.mechanism" | "sasl.mechanisms"));
        if !has_tls {
            if protocol.ends_with("ssl") {
                return Err(Lacks::Tls(format!("security.protocol={protocol}")));
            }
            if let Some(mechanism) = mechanism.filter(|named| is_scram(named) || is_oauth(named)) {
                return Err(Lacks::Tls(format!("sasl.mechanism={mechanism}")));
            }
            let ssl = self.properties.iter().find(|(name, _)| name.starts_with("ssl."));
            if let Some((name, _)) = ssl {
                return Err(Lacks::Tls(format!("the property {name}")));
            }
        }
        let mechanism = mechanism.unwrap_or("GSSAPI");
        let is_known = mechanism.eq_ignore_ascii_case("PLAIN") || is_scram(mechanism);
        if !protocol.starts_with("sasl") || is_known {
            return Ok(());
        }
        if !is_oauth(mechanism) {
            return Err(Lacks::Mechanism(mechanism.to_owned()));
        }
        let says = |wanted: &str, value: &str| {
            last(&|name| name == wanted).is_some_and(|said| said.eq_ignore_ascii_case(value))
        };
        let has_tokens = says("sasl.oauthbearer.method", "oidc")
            || says("enable.sasl.oauthbearer.unsecure.jwt", "true");
        if has_tokens { Ok(()) } else { Err(Lacks::Tokens) }
    }
}

/// The clients of Kafka alone.
pub(crate) fn properties_fit(config: &Config) -> Result<(), Lacks> {
    config.properties_fit(HAS_TLS)
}

/// The client of the registry alone.
pub(crate) fn registry_fits(url: &str, has_tls: bool) -> Result<(), Lacks> {
    let is_https = url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if is_https && !has_tls {
        return Err(Lacks::Tls("a registry's https url".into()));
    }
    Ok(())
}

fn is_scram(mechanism: &str) -> bool {
    mechanism.to_ascii_uppercase().starts_with("SCRAM-")
}

fn is_oauth(mechanism: &str) -> bool {
    mechanism.eq_ignore_ascii_case("OAUTHBEARER")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fits(properties: &[(&str, &str)], has_tls: bool) -> Result<(), Lacks> {
        let config = properties
            .iter()
            .fold(Config::new("b:9092", "http://r"), |config, (k, v)| config.with_property(k, v));
        config.fits_build(has_tls)
    }

    #[test]
    fn what_needs_tls_is_refused_by_name_where_it_was_left_out() {
        for (name, value) in [
            ("security.protocol", "ssl"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.mechanisms", "scram-sha-256"),
            ("sasl.mechanism", "oauthbearer"),
            ("ssl.ca.location", "/ca.pem"),
        ] {
            let refused = fits(&[(name, value)], false).unwrap_err().to_string();
            assert!(refused.contains(name) || refused.contains("sasl.mechanism"), "{refused}");
            assert!(refused.contains("--features tls"), "{refused}");
            let named = [(name, value), ("sasl.mechanism", "PLAIN")];
            assert_eq!(fits(&named, true), Ok(()), "{name}={value}");
        }
        let plain = [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "plain")];
        assert_eq!(fits(&plain, false), Ok(()));
        assert_eq!(fits(&[("linger.ms", "1")], false), Ok(()));
    }

    #[test]
    fn of_a_property_given_twice_the_last_counts() {
        let twice = [("security.protocol", "ssl"), ("security.protocol", "plaintext")];
        assert_eq!(fits(&twice, false), Ok(()));
    }

    #[test]
    fn a_mechanism_that_no_build_has_is_refused_in_words() {
        assert_eq!(
            fits(&[("security.protocol", "sasl_ssl")], true),
            Err(Lacks::Mechanism("GSSAPI".into()))
        );
        let named = [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "gssapi")];
        assert_eq!(fits(&named, false), Err(Lacks::Mechanism("gssapi".into())));
    }

    #[test]
    fn tokens_come_from_somewhere() {
        let by =
            |more| [("security.protocol", "sasl_ssl"), ("sasl.mechanism", "OAUTHBEARER"), more];
        assert_eq!(fits(&by(("linger.ms", "1")), true), Err(Lacks::Tokens));
        assert_eq!(fits(&by(("sasl.oauthbearer.method", "default")), true), Err(Lacks::Tokens));
        for more in
            [("sasl.oauthbearer.method", "OIDC"), ("enable.sasl.oauthbearer.unsecure.jwt", "true")]
        {
            assert_eq!(fits(&by(more), true), Ok(()));
        }
    }

    #[test]
    fn https_to_the_registry_needs_tls_too() {
        for url in ["https://me:hunter2@registry", "HTTPS://registry"] {
            let refused = registry_fits(url, false).unwrap_err().to_string();
            assert!(refused.contains("--features tls") && !refused.contains("hunter2"));
            assert_eq!(registry_fits(url, true), Ok(()));
        }
        assert_eq!(registry_fits("http://registry", false), Ok(()));
    }
}
