//! One pair of reqwest clients per distinct configuration, each of reqwest's own habits switched off in words.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use url::Url;

use super::asking::{Resolver, Watching};
use crate::BuildError;
use crate::clients::Clients;
use crate::exchange::MAX_HEADER_LIST;
use crate::proxy;
use crate::spec::{Dial, HttpSpec, HttpVersion, IpFamily};
use crate::tls::{Configs, Roots, TlsSettings};

/// So many headers fit hyper's parser, as in the dedicated transport's reader.
const MAX_HEADER_COUNT: usize = 512;
/// A kept HTTP/2 connection is pinged so often: seldom enough to cost less than the checks.
const PING: Duration = Duration::from_secs(15);
/// Without an answer for so long it is given up.
const PONG: Duration = Duration::from_secs(5);

/// What must be equal for two targets to share a client. Their connections are pooled by host and port, so all that
/// decides where such a connection leads, and how, is in here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    connect: Option<Dial>,
    proxy: Option<Url>,
    ip: IpFamily,
    tls: TlsSettings,
    version: HttpVersion,
    keep_alive: Duration,
    idle_per_host: usize,
}

impl Key {
    pub(crate) fn of(spec: &HttpSpec, idle_per_host: usize) -> Self {
        // A client that meets no TLS needs no roots, which are some hundred kilobytes.
        let meets_tls = spec.url.scheme() == "https" || spec.redirects > 0;
        let without_roots = TlsSettings {
            roots: Roots::None,
            ..TlsSettings::default()
        };
        Self {
            connect: spec.connect.clone(),
            proxy: spec.proxy.as_ref().map(|proxy| proxy.url.clone()),
            ip: spec.ip,
            tls: if meets_tls {
                spec.tls.clone()
            } else {
                without_roots
            },
            version: spec.version,
            keep_alive: spec.keep_alive,
            idle_per_host,
        }
    }
}

/// The clients of one configuration.
pub(crate) struct Pair {
    /// Keeps its connections.
    pub(super) pooling: reqwest::Client,
    /// Opens one for each request and keeps none.
    pub(super) fresh: reqwest::Client,
    /// reqwest has copies; this says that they are in use, so that others share their roots.
    _tls: Configs,
}

impl Pair {
    pub(crate) fn try_new(key: &Key, clients: &Clients) -> Result<Self, BuildError> {
        let tls = clients.tls(&key.tls, key.version)?;
        Ok(Self {
            pooling: client(key, &tls.resuming, clients, key.idle_per_host)?,
            fresh: client(key, &tls.anew, clients, 0)?,
            _tls: tls,
        })
    }
}

fn client(
    key: &Key,
    tls: &ClientConfig,
    clients: &Clients,
    idle: usize,
) -> Result<reqwest::Client, BuildError> {
    let mut builder = reqwest::Client::builder()
        // The proxy variables of the environment are other programs' business. Clears proxies, so it comes first.
        .no_proxy()
        // The probe follows and counts redirects, and tries again; one place for each.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // Neither cookies nor decompression are compiled in; ours knows a limit.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(key.keep_alive)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_max_headers(MAX_HEADER_COUNT)
        .http2_max_header_list_size(MAX_HEADER_LIST)
        // One that went silent stays in the pool until a ping of it is lost.
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PONG)
        .http2_keep_alive_while_idle(true)
        .tcp_nodelay(true)
        // An idle connection's life is told by its next use.
        .tcp_keepalive(None)
        .tls_backend_preconfigured(tls.clone())
        .tls_info(true)
        .dns_resolver(Resolver(clients.names.clone()))
        .connector_layer(Watching);
    // No timeouts: the check's deadline ends all of it.
    builder = match key.version {
        HttpVersion::Auto => builder,
        HttpVersion::Http1 => builder.http1_only(),
        HttpVersion::Http2 => builder.http2_prior_knowledge(),
    };
    if let Some(url) = &key.proxy {
        builder = builder.proxy(forward(url)?);
    }
    builder
        .build()
        .map_err(|_| BuildError::new("the client: reqwest refused its settings".to_owned()))
}

fn forward(url: &Url) -> Result<reqwest::Proxy, BuildError> {
    let mut bare = url.clone();
    // Both fail only for URLs without a host, which were refused.
    let _ = bare.set_username("").and_then(|()| bare.set_password(None));
    let forward = reqwest::Proxy::all(bare)
        .map_err(|_| BuildError::new("the proxy's URL is none".to_owned()))?;
    Ok(match proxy::authorization(url) {
        Some(who) => forward.custom_http_auth(who),
        None => forward,
    })
}

/// A client made of it is shared by all who hold this.
pub(crate) type Shared = Arc<Pair>;
