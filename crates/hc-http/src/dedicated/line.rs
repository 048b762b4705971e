//! What the targets of equal settings share: how their connections are made, and what an answer may cost.

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use url::Url;

use super::reader::Asked;
use super::wire::{Outgoing, authority};
use super::workers::Workers;
use crate::BuildError;
use crate::clients::Clients;
use crate::exchange::Request;
use crate::names::Names;
use crate::spec::{HttpSpec, HttpVersion, IpFamily};
use crate::tls::Configs;

/// Shared by all targets whose specs differ in nothing but the URL and `connect`.
pub(crate) struct Line {
    pub(super) ip: IpFamily,
    pub(super) proxy: Option<Url>,
    pub(super) tls: Option<Configs>,
    pub(super) server_name: Option<String>,
    pub(super) is_verified: bool,
    pub(super) version: HttpVersion,
    pub(super) keep_alive: Duration,
    pub(super) max_headers: u32,
    pub(super) max_body: u64,
    wants_headers: bool,
    wants_body: bool,
    /// The method of its requests, redirects apart.
    pub(super) method: Method,
    /// What its usual requests have in common.
    common: OnceLock<Common>,
    pub(super) names: Names,
    pub(super) workers: Workers,
}

/// What usual requests differ in nothing of but the URL and the Host that it gives.
struct Common {
    /// What comes behind the Host.
    tail: Box<[u8]>,
    /// The first of them.
    request: Request,
}

impl Line {
    pub(crate) fn try_new(spec: &HttpSpec, clients: &Clients) -> Result<Self, BuildError> {
        // Redirects may lead from http to https.
        let tls = match spec.url.scheme() == "https" || spec.redirects > 0 {
            true => Some(clients.tls(&spec.tls, spec.version)?),
            false => None,
        };
        let wants_headers =
            !spec.expect.headers.is_empty() || spec.redirects > 0 || spec.decompress;
        Ok(Self {
            ip: spec.ip,
            proxy: spec.proxy.as_ref().map(|proxy| proxy.url.clone()),
            tls,
            server_name: spec.tls.server_name.clone(),
            is_verified: !spec.tls.insecure,
            version: spec.version,
            keep_alive: spec.keep_alive,
            max_headers: spec.max_headers,
            max_body: spec.max_body,
            wants_headers,
            wants_body: !spec.expect.body.is_empty() || spec.decompress,
            method: spec.method.clone(),
            common: OnceLock::new(),
            names: clients.names.clone(),
            workers: Workers::default(),
        })
    }

    /// The usual request to that URL.
    pub(super) fn usual<'a>(&'a self, url: &'a str) -> Option<Outgoing<'a>> {
        let tail = &self.common.get()?.tail;
        let method = &self.method;
        Some(Outgoing::Usual { method, url, tail })
    }

    /// The same for HTTP/2.
    pub(super) fn usual_request(&self, url: &str) -> Option<Request> {
        let mut request = self.common.get()?.request.clone();
        request.url = url.parse().ok()?;
        let host = HeaderValue::from_str(authority(url)).ok()?;
        request.headers.insert(header::HOST, host);
        Some(request)
    }

    /// Whether a request, as it goes out, is the usual one to its URL. The first one says what is usual.
    pub(super) fn is_usual(&self, url: &str, wire: &[u8], request: &Request) -> bool {
        if let Some(tail) = Outgoing::tail(wire) {
            self.common.get_or_init(|| Common {
                tail: tail.into(),
                request: request.clone(),
            });
        }
        self.usual(url)
            .is_some_and(|usual| usual.with(|whole| whole == wire))
    }

    /// What a reader is to know of a request.
    pub(super) fn asked(&self, method: &Method) -> Asked {
        Asked {
            is_head: method == Method::HEAD,
            max_headers: self.max_headers,
            max_body: self.max_body,
            wants_headers: self.wants_headers,
            wants_body: self.wants_body,
        }
    }
}
