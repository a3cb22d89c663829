//! Certificate authorities that are trusted, alike for the mail server, the OpenTelemetry collector and the service of leaked
//! passwords; the database's address gets the same file.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The public authorities that are compiled in (Mozilla's list), and those in a file of the operator's. The program trusts the
/// same ones on every machine, also in a container that holds nothing else.
#[derive(Debug, Clone)]
pub struct TrustedRoots(Arc<RootCertStore>);

impl TrustedRoots {
    /// The public ones.
    #[must_use]
    pub fn public() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// The public ones and those in a PEM file, where one is given.
    ///
    /// # Errors
    /// A sentence, when the file cannot be read or has no certificate in it.
    pub fn with_file(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Self::public()) };
        let shown = file.display();
        let pem = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {}", error.kind()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.map_err(|_| format!("{shown} is not PEM"))?;
        if certificates.is_empty() {
            return Err(format!("{shown} holds no certificate"));
        }
        let mut roots = RootCertStore::clone(&Self::public().0);
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|_| format!("{shown} holds something that is not an authority's certificate"))?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// An HTTP client that trusts these and follows no redirects.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub fn http(&self) -> Result<reqwest::ClientBuilder, String> {
        let tls = self.tls().map_err(|error| error.to_string())?;
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Ok(builder.use_preconfigured_tls(tls))
    }

    /// The same for other protocols.
    pub(crate) fn tls(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.0.clone())
            .with_no_client_auth())
    }

    /// Whether these are the same authorities, whatever file they were read from.
    pub(crate) fn are(&self, others: &Self) -> bool {
        self.0.roots == others.0.roots
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        self.0.clone()
    }
}
