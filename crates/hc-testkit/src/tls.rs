//! Certificates for tests, good and bad, and servers' TLS configurations made of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority of a test's own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority, with a key of its own.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the provider makes keys");
        Self(CertifiedIssuer::self_signed(params, key).expect("the parameters are good"))
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A chain and key for a name or address, valid between two instants.
    #[must_use]
    pub fn issue(
        &self,
        name: &str,
        from: SystemTime,
        to: SystemTime,
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params =
            CertificateParams::new(vec![name.to_owned()]).expect("a test's names are good");
        params.not_before = from.into();
        params.not_after = to.into();
        let key = KeyPair::generate().expect("the provider makes keys");
        let certificate = params
            .signed_by(&key, &self.0)
            .expect("the parameters are good");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes PKCS 8");
        (vec![certificate.der().clone()], key)
    }

    /// The configuration of a server for a name, whose certificate is valid between two instants.
    #[must_use]
    pub fn server(&self, name: &str, from: SystemTime, to: SystemTime) -> Arc<ServerConfig> {
        self.server_of(name, from, to, rustls::ALL_VERSIONS, &[])
    }

    /// The same with the versions of TLS and the protocols (ALPN) that it speaks.
    #[must_use]
    pub fn server_of(
        &self,
        name: &str,
        from: SystemTime,
        to: SystemTime,
        versions: &[&'static rustls::SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Arc<ServerConfig> {
        let (chain, key) = self.issue(name, from, to);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the versions are known")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key fits");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }
}
