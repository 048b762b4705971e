//! What the targets of equal settings share: how their connections are made, and what an answer may cost.

use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use url::Url;

use super::reader::Asked;
use super::wire::Outgoing;
use super::workers::Workers;
use crate::BuildError;
use crate::clients::Clients;
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
    /// What its usual requests have behind the Host.
    tail: OnceLock<Box<[u8]>>,
    pub(super) names: Names,
    pub(super) workers: Workers,
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
            tail: OnceLock::new(),
            names: clients.names.clone(),
            workers: Workers::default(),
        })
    }

    /// The usual request to that URL.
    pub(super) fn usual<'a>(&'a self, url: &'a str) -> Option<Outgoing<'a>> {
        let tail = self.tail.get()?;
        let method = &self.method;
        Some(Outgoing::Usual { method, url, tail })
    }

    /// Whether that request is the usual one to its URL. The first one says what is usual.
    pub(super) fn is_usual(&self, url: &str, wire: &[u8]) -> bool {
        if let Some(tail) = Outgoing::tail(wire) {
            self.tail.get_or_init(|| tail.into());
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
