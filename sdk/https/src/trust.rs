//! Whose word counts for who a server is.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The authorities that count: Mozilla's, as they were when this was built, and more where they are
/// given. The system's aren't asked, so that a machine without any is none the worse for it. Cheap to
/// clone.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// Authorities that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

impl Trust {
    /// Mozilla's authorities, and those whose certificates `further` has, in PEM.
    ///
    /// # Errors
    /// If there is no certificate in `further`, or one that can't be read.
    pub fn with(further: Option<&str>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = further {
            add(&mut roots, pem)?;
        }
        // By name: what a process has by default hangs on what else is built into it.
        let provider = Arc::new(ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError(error.to_string()))?;
        let mut config = versions.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn add(roots: &mut RootCertStore, pem: &str) -> Result<(), TrustError> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        count += 1;
        let unreadable =
            |why: String| TrustError(format!("its certificate {count} can't be read: {why}"));
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if count == 0 {
        let why = "it has no certificate: PEM is looked for, `-----BEGIN CERTIFICATE-----` and on";
        return Err(TrustError(why.to_owned()));
    }
    Ok(())
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused_in_words() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let half = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (pem, part) in [
            ("", "no certificate"),
            (key, "no certificate"),
            (no_certificate, "certificate 1 can't be read"),
            (half, "certificate 1 can't be read"),
        ] {
            let refused = Trust::with(Some(pem)).unwrap_err().to_string();
            assert!(refused.contains(part), "{pem:?}: {refused}");
        }
    }

    #[test]
    fn without_more_the_public_authorities_count() {
        assert!(Trust::with(None).is_ok());
    }
}
