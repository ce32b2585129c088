//! Where an address leads by its text, before anybody is asked about it. Whatever parsers of
//! addresses read differently is refused: a number in another form than a dotted one, a user, a
//! character that no host has.

use std::net::IpAddr;

use http::{Uri, uri::Scheme};

use super::{Allowed, public::not_public};

/// The address isn't one that may be asked. Nothing was sent. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RefusedAddress(pub(crate) String);

/// One that may be asked, if what its name leads to may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// In lower case, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Where the host is one.
    pub(super) address: Option<IpAddr>,
    /// By name: whatever that leads to.
    pub(super) is_allowed: bool,
}

impl Destination {
    pub(crate) fn of(uri: &Uri, allowed: &[Allowed]) -> Result<Self, RefusedAddress> {
        let refused = |why: &str| Err(RefusedAddress(why.to_owned()));
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return refused("it isn't a whole https:// address");
        };
        if authority.as_str().contains('@') {
            return refused("it holds a user or a password");
        }
        let usual = match scheme {
            scheme if *scheme == Scheme::HTTPS => 443,
            scheme if *scheme == Scheme::HTTP => 80,
            _ => return refused("it isn't an https:// address"),
        };
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => usual,
            Some(_) => match authority.port_u16() {
                Some(port) if port != 0 => port,
                _ => return refused("its port isn't 1 to 65535"),
            },
            None => return refused("its host can't be read"),
        };
        let host = host_of(authority.host()).map_err(|why| RefusedAddress(why.to_owned()))?;
        let address = read_address(&host).map_err(|why| RefusedAddress(why.to_owned()))?;
        let is_allowed = allowed.iter().any(|allowed| match address {
            Some(address) => allowed.is_of_address(address, port),
            None => allowed.is_of_name(&host, port),
        });
        if usual == 80 && !is_allowed {
            return refused("it isn't an https:// address");
        }
        let destination = Self { host, port, address, is_allowed };
        if let Some(address) = address {
            destination.check(address, allowed)?;
        }
        Ok(destination)
    }

    /// Whether an address that the host leads to may be asked.
    pub(super) fn check(&self, address: IpAddr, allowed: &[Allowed]) -> Result<(), RefusedAddress> {
        let is_allowed = self.is_allowed
            || allowed.iter().any(|allowed| allowed.is_of_address(address, self.port));
        match not_public(address).filter(|_| !is_allowed) {
            Some(kind) => Err(RefusedAddress(format!("it leads to an address that is {kind}"))),
            None => Ok(()),
        }
    }
}

/// The host in the one way in which it is compared: lower case, no brackets, no dot at the end.
pub(super) fn host_of(text: &str) -> Result<String, &'static str> {
    if let Some(inside) = text.strip_prefix('[') {
        let inside = inside.strip_suffix(']').ok_or("its host can't be read")?;
        return match inside.parse::<std::net::Ipv6Addr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err("its host isn't an IPv6 address as it is usually written"),
        };
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err("its host has characters that no name has, or is too long");
    }
    Ok(name)
}

/// `None`: a name. What resolvers would take for a number (`2130706433`, `0x7f.1`, `127.1`,
/// `0177.0.0.1`) is neither.
pub(super) fn read_address(host: &str) -> Result<Option<IpAddr>, &'static str> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(Some(address));
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_number {
        return Err("its host is a number in another form than four decimals with dots");
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, allowed: &[&str]) -> Result<Destination, String> {
        let allowed: Vec<_> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let uri = text.parse::<Uri>().map_err(|error| error.to_string())?;
        Destination::of(&uri, &allowed).map_err(|refused| refused.0)
    }

    fn refused(text: &str, why: &str) {
        let said = of(text, &[]).expect_err(text);
        assert!(said.contains(why), "{text}: {said}");
    }

    #[test]
    fn a_public_name_or_address_is_taken_with_its_port() {
        for (text, host, port) in [
            ("https://hooks.example.com/orders?x=1", "hooks.example.com", 443),
            ("https://HOOKS.example.com.:8443/", "hooks.example.com", 8443),
            ("https://93.184.216.34/", "93.184.216.34", 443),
            ("https://[2606:4700::1111]:8443/", "2606:4700::1111", 8443),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ] {
            let destination = of(text, &[]).unwrap();
            assert_eq!((destination.host.as_str(), destination.port), (host, port), "{text}");
        }
    }

    #[test]
    fn http_is_refused_but_where_it_is_allowed() {
        refused("http://hooks.example.com/", "https://");
        assert!(of("http://127.0.0.1:8443/x", &["127.0.0.1:8443"]).is_ok());
        assert!(of("http://127.0.0.1:8444/x", &["127.0.0.1:8443"]).is_err());
        assert!(of("http://localhost/x", &["localhost"]).is_ok());
        refused("ftp://hooks.example.com/", "https://");
        refused("/orders", "whole");
    }

    #[test]
    fn a_user_is_refused() {
        refused("https://user@hooks.example.com/", "user");
        refused("https://user:password@hooks.example.com/", "user");
        refused("https://hooks.example.com@127.0.0.1/", "user");
    }

    #[test]
    fn numbers_in_other_forms_are_refused_whatever_they_stand_for() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.01",
            "017700000001",
            "0x",
            "1.1.1.257",
            "93.184.216.0x22",
            "1572395042",
            "127.0.0.1.0",
        ] {
            refused(&format!("https://{host}/"), "number");
        }
    }

    #[test]
    fn addresses_inside_are_refused_in_every_dress() {
        for text in [
            "https://127.0.0.1/",
            "https://127.0.0.1./",
            "https://10.0.0.1:8443/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::ffff:a00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
        ] {
            refused(text, "it leads to an address that is");
        }
    }

    #[test]
    fn hosts_that_are_none_are_refused() {
        for text in [
            "https://[fe80::1%25eth0]/",
            "https://[::1",
            "https://a..b/",
            "https://.example.com/",
            "https://a%2eb/",
            "https://a$b/",
            "https://hooks.example.com:0/",
            "https://hooks.example.com:/",
            "https://hooks.example.com:65536/",
        ] {
            assert!(of(text, &[]).is_err(), "{text}");
        }
    }
}
