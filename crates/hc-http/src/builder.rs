//! A builder over [`HttpSpec`], for people who write Rust and not YAML.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderName, Method};
use url::Url;

use crate::BuildError;
use crate::clients::Clients;
use crate::expect::Expect;
use crate::probe::HttpProbe;
use crate::secret::Secret;
use crate::spec::{
    Auth, Body, Dial, HttpSpec, HttpVersion, IpFamily, ProxySettings, TransportKind,
};
use crate::tls::TlsSettings;

/// Builds an [`HttpProbe`]. Each method sets one field of the [`HttpSpec`].
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpProbeBuilder {
    spec: HttpSpec,
    clients: Option<Clients>,
    problem: Option<BuildError>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        $($(#[$doc])* pub fn $name(mut self, $name: $type) -> Self { self.spec.$name = $name; self })+
    };
}

impl HttpProbeBuilder {
    pub(crate) fn try_new(url: &str) -> Result<Self, BuildError> {
        // The parser's error tells what, not the text: a URL may hold a password.
        let url = Url::parse(url).map_err(|error| BuildError::new(format!("the URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BuildError::new(
                "the URL is neither http nor https".to_owned(),
            ));
        }
        Ok(Self {
            spec: HttpSpec::new(url),
            clients: None,
            problem: None,
        })
    }

    setters! {
        /// The method; GET by default.
        method: Method,
        /// The family of addresses that may be dialled.
        ip: IpFamily,
        /// How long an unused connection is kept; zero: each check opens its own.
        keep_alive: Duration,
        /// So much of a body is read, in bytes.
        max_body: u64,
        /// So long may status line and headers be together, in bytes.
        max_headers: u32,
        /// The version of HTTP to speak.
        version: HttpVersion,
        /// How many redirects are followed; none by default.
        redirects: u8,
        /// Whether to ask for and undo compression.
        decompress: bool,
        /// What carries the requests.
        transport: TransportKind,
        /// How TLS is spoken.
        tls: TlsSettings,
        /// What must hold of the answer.
        expect: Expect,
    }

    /// Dials that address instead of the URL's host; Host and SNI stay the URL's.
    pub fn connect(mut self, address: SocketAddr) -> Self {
        self.spec.connect = Some(Dial::Address(address));
        self
    }

    /// Each k-th check opens a new connection.
    pub fn reconnect_every(mut self, checks: u32) -> Self {
        self.spec.reconnect_every = Some(checks);
        self
    }

    /// Adds a header. The value is never shown.
    pub fn header(mut self, name: &str, value: impl Into<Secret>) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) => self.spec.headers.push((name, value.into())),
            Err(_) => self.fail("a header's name is none"),
        }
        self
    }

    /// Asks for another Host than the URL's.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.spec.host = Some(host.into());
        self
    }

    /// Sends a body. It is never shown.
    pub fn body(mut self, body: impl Into<bytes::Bytes>) -> Self {
        self.spec.body = Some(Body(body.into()));
        self
    }

    /// Says who asks.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.spec.auth = Some(auth);
        self
    }

    /// Asks through a forward proxy, an `http` URL.
    pub fn proxy(mut self, url: &str) -> Self {
        match Url::parse(url) {
            Ok(url) => self.spec.proxy = Some(ProxySettings { url }),
            Err(_) => self.fail("the proxy's URL is none"),
        }
        self
    }

    /// Shares client configurations with other probes.
    pub fn clients(mut self, clients: &Clients) -> Self {
        self.clients = Some(clients.clone());
        self
    }

    /// The probe.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn build(self) -> Result<HttpProbe, BuildError> {
        match self.problem {
            Some(problem) => Err(problem),
            None => HttpProbe::try_new(self.spec, &self.clients.unwrap_or_default()),
        }
    }

    fn fail(&mut self, problem: &str) {
        self.problem
            .get_or_insert_with(|| BuildError::new(problem.to_owned()));
    }
}
