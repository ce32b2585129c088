use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::Hash;

/// What every key begins with, so that one is known as such where it shouldn't be.
pub(super) const PREFIX: &str = "ok_";

/// A key that nobody has yet. It is kept nowhere, and shown to nobody unless asked for.
pub struct NewKey(String);

impl NewKey {
    /// 32 bytes from the system's source of randomness, as `ok_` and base64url.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The key itself: a secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a file keeps of it: SHA-256, in hex.
    pub fn sha256(&self) -> String {
        hex::encode(hash(self.0.as_bytes()))
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey(hidden)")
    }
}

pub(super) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_hidden() {
        let (one, other) = (NewKey::random().expect("a key"), NewKey::random().expect("a key"));
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().len(), 46);
        assert_eq!(one.sha256().len(), 64);
        assert!(!format!("{one:?}").contains(PREFIX));
    }
}
