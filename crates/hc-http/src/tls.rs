//! How TLS is spoken: settings as plain data, and the one place where rustls is configured from them.

mod tickets;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use self::tickets::{Anew, Tickets};
use crate::BuildError;
use crate::expect::Certificate;
use crate::spec::HttpVersion;

/// How TLS is spoken to a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// Whom to trust beside `ca`.
    pub roots: Roots,
    /// Certificate authorities to trust too; see [`certificates_from_pem`].
    pub ca: Vec<CertificateDer<'static>>,
    /// What hc shows to a server that asks.
    pub client: Option<Identity>,
    /// The name to ask for and to verify, if not the URL's host.
    pub server_name: Option<String>,
    /// The lowest version to accept.
    pub min_version: TlsVersion,
    /// Accept any certificate. It is said in every output.
    pub insecure: bool,
}

/// Whom to trust beside the authorities that were named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Roots {
    /// Whom this machine trusts.
    #[default]
    System,
    /// Nobody.
    None,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// 1.2.
    #[default]
    V12,
    /// 1.3.
    V13,
}

/// A certificate chain and its key. Cheap to clone; the key is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>);

/// A text is no PEM of the kind that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemError(&'static str);

/// The certificates of a PEM text; at least one.
///
/// # Errors
/// If the text is no PEM, or holds no certificate.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| PemError("not a PEM file"))?;
    match certificates.is_empty() {
        true => Err(PemError("no certificate in the PEM file")),
        false => Ok(certificates),
    }
}

impl Identity {
    /// A chain, leaf first, and its private key, both PEM.
    ///
    /// # Errors
    /// If there is no certificate, no key, or a key of a kind that is not supported.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PemError> {
        let chain = certificates_from_pem(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| PemError("no private key in the PEM file"))?;
        ring::sign::any_supported_type(&key)
            .map_err(|_| PemError("the private key is of a kind that is not supported"))?;
        Ok(Self(Arc::new((chain, key))))
    }
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PemError {}

/// The machine's roots, read once a process: some 140 certificates, too many to read per client.
fn system_roots() -> &'static [CertificateDer<'static>] {
    static ROOTS: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    // Single files that cannot be read are the machine's habit; having none at all is told by the caller.
    ROOTS.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

/// rustls' configuration of settings, twice.
#[derive(Clone)]
pub(crate) struct Configs {
    /// Goes back to earlier sessions, whose certificate is then the one that is known.
    pub(crate) resuming: Arc<ClientConfig>,
    /// Goes back to none, to see the certificate of now.
    pub(crate) anew: Arc<ClientConfig>,
}

/// Makes rustls' configurations of settings.
pub(crate) fn client_configs(
    settings: &TlsSettings,
    version: HttpVersion,
) -> Result<Configs, BuildError> {
    let provider = Arc::new(ring::default_provider());
    let versions: &[_] = match settings.min_version {
        TlsVersion::V12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        TlsVersion::V13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| BuildError::new(format!("the TLS version: {error}")))?;
    let builder = if settings.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else {
        builder.with_root_certificates(roots(settings)?)
    };
    let mut config = match &settings.client {
        Some(Identity(identity)) => builder
            .with_client_auth_cert(identity.0.clone(), identity.1.clone_key())
            .map_err(|error| BuildError::new(format!("the client certificate: {error}")))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = match version {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    let tickets = Arc::new(Tickets::default());
    let mut anew = config.clone();
    anew.resumption = Resumption::store(Arc::new(Anew(tickets.clone())));
    config.resumption = Resumption::store(tickets);
    Ok(Configs {
        resuming: Arc::new(config),
        anew: Arc::new(anew),
    })
}

fn roots(settings: &TlsSettings) -> Result<RootCertStore, BuildError> {
    let mut store = RootCertStore::empty();
    if settings.roots == Roots::System {
        store.add_parsable_certificates(system_roots().iter().cloned());
    }
    for certificate in &settings.ca {
        store
            .add(certificate.clone())
            .map_err(|error| BuildError::new(format!("a certificate of tls.ca: {error}")))?;
    }
    Ok(store)
}

/// Accepts each certificate, but still demands that the peer holds its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// When a certificate is valid; `None` if it cannot be read.
pub(crate) fn validity(der: &[u8], verified: bool) -> Option<Certificate> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let validity = certificate.validity();
    Some(Certificate {
        not_before: instant(validity.not_before.timestamp())?,
        not_after: instant(validity.not_after.timestamp())?,
        verified,
    })
}

fn instant(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(distance),
        false => SystemTime::UNIX_EPOCH.checked_sub(distance),
    }
}
