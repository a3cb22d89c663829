//! A private certificate authority for servers on the loopback.

use crate::Fault;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// A certificate authority that clients trust only if they are given its certificate.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Creates an authority with a new key.
    ///
    /// # Errors
    /// Fails if the certificate cannot be created.
    pub fn new() -> Result<Self, Fault> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Our authority");
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let issuer = CertifiedIssuer::self_signed(params, key);
        issuer.map(Self).map_err(|error| error.to_string())
    }

    /// Returns the authority's certificate in PEM, as in `REKEY_CA_FILE`.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns the TLS configuration of a server with a certificate for a host name or an IP address.
    ///
    /// # Errors
    /// Fails if the certificate cannot be created.
    pub fn server_config(&self, name: &str) -> Result<Arc<ServerConfig>, Fault> {
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let params = CertificateParams::new([name.to_owned()]).map_err(|error| error.to_string())?;
        let certificate = params.signed_by(&key, &self.0).map_err(|error| error.to_string())?;
        server_config(certificate.der().clone(), &key)
    }
}

/// Returns the TLS configuration of a server with a certificate and its key.
pub(crate) fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<Arc<ServerConfig>, Fault> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
}
