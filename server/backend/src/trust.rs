//! Trusted certificate authorities for the mail server, the OpenTelemetry collector, the leaked-password service and the
//! identity providers. The database URL gets the same file.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The public authorities, compiled in from Mozilla's list, and those in the operator's file. The same on every machine, even
/// in containers without system certificates.
#[derive(Debug, Clone)]
pub struct TrustedRoots(Arc<RootCertStore>);

impl TrustedRoots {
    /// Returns the public authorities.
    #[must_use]
    pub fn public() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Returns the public authorities and those in a PEM file, if any.
    ///
    /// # Errors
    /// A message, if the file cannot be read or contains no certificate.
    pub fn with_file(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Self::public()) };
        let shown = file.display();
        let pem = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {}", error.kind()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.map_err(|_| format!("{shown} is not PEM"))?;
        if certificates.is_empty() {
            return Err(format!("{shown} contains no certificate"));
        }
        let mut roots = RootCertStore::clone(&Self::public().0);
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|_| format!("{shown} contains an entry that is not a valid CA certificate"))?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// Builds an HTTP client that trusts these authorities and follows no redirects.
    ///
    /// # Errors
    /// If TLS cannot be initialized.
    pub fn http(&self) -> Result<reqwest::ClientBuilder, String> {
        let tls = self.tls().map_err(|error| error.to_string())?;
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Ok(builder.use_preconfigured_tls(tls))
    }

    /// Builds the TLS configuration for other protocols.
    pub(crate) fn tls(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.0.clone())
            .with_no_client_auth())
    }

    /// Whether both sets are equal, regardless of their files.
    pub(crate) fn are(&self, others: &Self) -> bool {
        self.0.roots == others.0.roots
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        self.0.clone()
    }
}

/// Returns whether a connection is safe from the network: https, or http on this machine.
pub(crate) fn is_encrypted_or_local(url: &reqwest::Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_local(url)
}

/// Returns whether a URL's host is this machine.
pub(crate) fn is_local(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
