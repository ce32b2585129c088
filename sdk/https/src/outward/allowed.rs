//! What may be asked though it isn't public: for development, and for receivers inside.

use std::{net::IpAddr, str::FromStr};

use super::destination::{host_of, read_address};

/// One exception: an address, a network or a name, with a port or for all of them, as
/// `127.0.0.1:8443`, `[::1]:8443`, `10.1.0.0/16`, `localhost` or `hooks.internal:8443`. Such places may
/// be asked by `http` too. A name is an exception for whatever it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// This and those that share its first so many bits.
    Network(IpAddr, u8),
    Name(String),
}

/// A text that is no exception.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of ADDRESS, NETWORK/BITS and NAME, each with or without :PORT")]
pub struct AllowedError(String);

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        read(text).ok_or_else(|| AllowedError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Allowed> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Allowed { place: Place::Network(address, whole(address)), port: None });
    }
    if let Some((address, bits)) = text.split_once('/') {
        let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
        return (bits <= whole(address))
            .then_some(Allowed { place: Place::Network(address, bits), port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    let host = host_of(host).ok()?;
    let place = match read_address(&host).ok()? {
        Some(address) => Place::Network(address, whole(address)),
        None => Place::Name(host),
    };
    Some(Allowed { place, port })
}

impl Allowed {
    /// Whether this name, as a destination has it, may be asked wherever it leads to.
    pub(super) fn is_of_name(&self, name: &str, port: u16) -> bool {
        matches!(&self.place, Place::Name(known) if known == name) && self.is_of_port(port)
    }

    pub(super) fn is_of_address(&self, address: IpAddr, port: u16) -> bool {
        matches!(self.place, Place::Network(network, bits) if shares(network, address, bits))
            && self.is_of_port(port)
    }

    fn is_of_port(&self, port: u16) -> bool {
        self.port.is_none_or(|known| known == port)
    }
}

fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn shares(network: IpAddr, address: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= bits
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros() >= bits
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_an_address_a_network_or_a_name_with_a_port_or_without() {
        let is = |text: &str, address: &str, port| {
            text.parse::<Allowed>().unwrap().is_of_address(address.parse().unwrap(), port)
        };
        assert!(is("127.0.0.1:8443", "127.0.0.1", 8443));
        assert!(!is("127.0.0.1:8443", "127.0.0.1", 8444));
        assert!(!is("127.0.0.1:8443", "127.0.0.2", 8443));
        assert!(is("127.0.0.1", "127.0.0.1", 1));
        assert!(is("10.1.0.0/16", "10.1.255.3", 80) && !is("10.1.0.0/16", "10.2.0.0", 80));
        assert!(is("0.0.0.0/0", "10.1.255.3", 80) && !is("0.0.0.0/0", "::1", 80));
        assert!(is("[::1]:8443", "::1", 8443) && is("::1", "::1", 80));
        assert!(is("fd00::/8", "fd12::1", 80) && !is("fd00::/8", "fe80::1", 80));
        let named: Allowed = "Hooks.Internal:8443".parse().unwrap();
        assert!(named.is_of_name("hooks.internal", 8443));
        assert!(!named.is_of_name("hooks.internal", 80) && !named.is_of_name("internal", 8443));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", ":80", "10.0.0.0/33", "a b", "a/8", "host:0", "host:x", "127.1", "0x7f.1"]
        {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
    }
}
