//! What a probe is to do, as plain data: what a config says of one target, and nothing else.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderName, Method};
use url::Url;

use crate::expect::Expect;
use crate::secret::Secret;
use crate::tls::TlsSettings;

/// All that an [`HttpProbe`](crate::HttpProbe) is made of. Fill in what differs from [`HttpSpec::new`].
#[derive(Clone, PartialEq, Hash)]
#[non_exhaustive]
pub struct HttpSpec {
    /// Whom to ask: `http` or `https`. Its user and password become basic authorization.
    pub url: Url,
    /// Dial this instead of the URL's host and port; Host and SNI still come from the URL.
    pub connect: Option<Dial>,
    /// The family of addresses that may be dialled.
    pub ip: IpFamily,
    /// How long an unused connection is kept; zero: each check opens its own.
    pub keep_alive: Duration,
    /// Each k-th check opens a new connection; 1: each. `None`: 20, or 100 over TLS.
    pub reconnect_every: Option<u32>,
    /// So much of a body is read; in bytes.
    pub max_body: u64,
    /// So long may status line and headers be together; in bytes.
    pub max_headers: u32,
    /// An `http` URL of a forward proxy.
    pub proxy: Option<ProxySettings>,
    /// The method.
    pub method: Method,
    /// Headers of the request; a name may come several times.
    pub headers: Vec<(HeaderName, Secret)>,
    /// The Host to ask for, if not the URL's.
    pub host: Option<String>,
    /// The body of the request.
    pub body: Option<Body>,
    /// Who asks.
    pub auth: Option<Auth>,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// How many redirects are followed; the last answer is judged.
    pub redirects: u8,
    /// Whether to ask for and undo compression; `max_body` then counts decompressed bytes.
    pub decompress: bool,
    /// How TLS is spoken.
    pub tls: TlsSettings,
    /// What carries it.
    pub transport: TransportKind,
    /// What must hold of the answer.
    pub expect: Expect,
}

impl HttpSpec {
    /// Unused connections are kept so long; most servers close them at 60 to 75 s, which hc notices.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(90);
    /// A kept connection can hide a dead listener for at most so many checks.
    pub const RECONNECT_EVERY: u32 = 20;
    /// The same over TLS, where a handshake costs some 280 us of processor.
    pub const RECONNECT_EVERY_TLS: u32 = 100;
    /// 64 KiB hold any health page; it bounds memory at checks in flight x 64 KiB.
    pub const MAX_BODY: u64 = 64 << 10;
    /// 16 KiB are what common servers allow themselves.
    pub const MAX_HEADERS: u32 = 16 << 10;

    /// `GET` of a URL with all defaults.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            connect: None,
            ip: IpFamily::Any,
            keep_alive: Self::KEEP_ALIVE,
            reconnect_every: None,
            max_body: Self::MAX_BODY,
            max_headers: Self::MAX_HEADERS,
            proxy: None,
            method: Method::GET,
            headers: Vec::new(),
            host: None,
            body: None,
            auth: None,
            version: HttpVersion::Auto,
            redirects: 0,
            decompress: false,
            tls: TlsSettings::default(),
            transport: TransportKind::Auto,
            expect: Expect::default(),
        }
    }

    /// The same without what each target has of its own: its URL and `connect`.
    pub(crate) fn to_settings(&self) -> Self {
        let url = match self.url.scheme() {
            "https" => "https://settings/",
            _ => "http://settings/",
        };
        Self {
            url: url.parse().expect("it is a URL"),
            connect: None,
            ..self.clone()
        }
    }

    /// Whether these are its settings.
    pub(crate) fn is_like(&self, settings: &Self) -> bool {
        let Self {
            url,
            connect: _,
            ip,
            keep_alive,
            reconnect_every,
            max_body,
            max_headers,
            proxy,
            method,
            headers,
            host,
            body,
            auth,
            version,
            redirects,
            decompress,
            tls,
            transport,
            expect,
        } = self;
        url.scheme() == settings.url.scheme()
            && *ip == settings.ip
            && *keep_alive == settings.keep_alive
            && *reconnect_every == settings.reconnect_every
            && *max_body == settings.max_body
            && *max_headers == settings.max_headers
            && *proxy == settings.proxy
            && *method == settings.method
            && *headers == settings.headers
            && *host == settings.host
            && *body == settings.body
            && *auth == settings.auth
            && *version == settings.version
            && *redirects == settings.redirects
            && *decompress == settings.decompress
            && *tls == settings.tls
            && *transport == settings.transport
            && *expect == settings.expect
    }

    /// Which check opens a new connection: each so-many-th.
    #[must_use]
    pub fn effective_reconnect_every(&self) -> u32 {
        let usual = match self.url.scheme() {
            "https" => Self::RECONNECT_EVERY_TLS,
            _ => Self::RECONNECT_EVERY,
        };
        self.reconnect_every.unwrap_or(usual).max(1)
    }
}

impl fmt::Debug for HttpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSpec")
            .field("url", &shown_url(&self.url))
            .field("connect", &self.connect)
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("auth", &self.auth)
            .field("body", &self.body)
            .field("proxy", &self.proxy)
            .field("tls", &self.tls)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// A URL without its user, password, query and fragment: what may be shown.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that have no host, and those have no user either.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// What to dial instead of the URL's host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dial {
    /// An address.
    Address(SocketAddr),
    /// A name, to be resolved, and a port.
    Name(String, u16),
}

/// Which addresses of a name may be dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpFamily {
    /// Both are tried, in the resolver's order, until one connects; the evidence says which.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl IpFamily {
    /// As sentences name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any family",
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// Whether an address is of the family.
    #[must_use]
    pub fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// What carries a probe's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// [`Pooled`](Self::Pooled) for what it does best, a proxy, redirects and compression, if it can carry the spec
    /// out to the letter; else [`Dedicated`](Self::Dedicated).
    #[default]
    Auto,
    /// reqwest: clients and their pools of connections are shared by all targets that fit.
    Pooled,
    /// One kept connection a target on an epoll of our own, with each phase measured.
    Dedicated,
}

/// The version of HTTP to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// What the server chooses in the TLS handshake; 1.1 without TLS.
    #[default]
    Auto,
    /// 1.1.
    Http1,
    /// 2, from the first byte where there is no TLS.
    Http2,
}

/// The body of a request. Never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Body(pub bytes::Bytes);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Basic authorization.
    Basic {
        /// The user's name; without a colon.
        user: Secret,
        /// The password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// A forward proxy: plain requests in absolute form, `https` through `CONNECT`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProxySettings {
    /// Its `http` URL; user and password in it are sent to it.
    pub url: Url,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxySettings({})", shown_url(&self.url))
    }
}
