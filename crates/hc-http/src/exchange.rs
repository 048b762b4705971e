//! The seam between the probe and its transports: a request goes in, what came back comes out.
//!
//! A transport knows connections; it knows nothing of expectations.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use hc_core::{CheckContext, Connection, Failure, Timestamp};
use http::{HeaderMap, Method, Version};
use url::Url;

use crate::expect::Certificate;

/// Carries one request to one target and brings its answer back.
///
/// Made per target: it may keep a connection between checks.
///
/// # Cancel safety
/// The future is dropped at a deadline. A connection that was in use then is not kept.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Carries one request, on a kept connection or on a new one.
    ///
    /// # Errors
    /// The failure, classified, without evidence; what was learnt before is left in `trail`.
    async fn exchange(
        &self,
        cx: &CheckContext,
        request: &Request,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure>;
}

/// Which connection is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The kept one, if there is one.
    Kept,
    /// A new one; the kept one is given up.
    Fresh,
}

/// A request, ready to be sent, and what its answer may cost.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// Whom to ask.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// All headers, Host included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// So many bytes of the answer's body are read.
    pub max_body: u64,
    /// So many bytes its status line and headers may have.
    pub max_headers: u32,
}

/// What is learnt on the way, kept when it fails.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// How many connections were opened.
    pub opened: u8,
    /// Whether the last one was new.
    pub connection: Option<Connection>,
    /// The address asked.
    pub address: Option<SocketAddr>,
    /// The peer's certificate.
    pub certificate: Option<Certificate>,
    /// Whether a byte of the answer has come.
    pub answered: bool,
    /// Whether the connection is one that an earlier check began to open, and counted.
    pub(crate) continued: bool,
    /// When the check began; taken by what comes first in it.
    pub(crate) begun: Option<Timestamp>,
    /// When the answer's last byte was there, as the kernel told, by the check's clock; the transport may notice it
    /// later. `None`, and [`Fact::UserClock`](hc_core::Fact::UserClock) in the evidence, where nothing but our own look
    /// is known.
    pub ended: Option<Timestamp>,
}

/// An answer, as far as it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The status.
    pub status: u16,
    /// `1.0`, `1.1` or `2`.
    pub version: &'static str,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read; empty if nobody is going to look at it.
    pub body: Vec<u8>,
    /// So many bytes of it were read.
    pub length: u64,
    /// Whether the body was longer; its connection was closed then.
    pub cut: bool,
}

impl Exchange {
    /// An answer over HTTP/1.1 with a body, for transports of one's own.
    #[must_use]
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            version: "1.1",
            headers: HeaderMap::new(),
            length: body.len() as u64,
            body,
            cut: false,
        }
    }
}

/// A list of headers over HTTP/2 is read up to here, so that the probe's own limit, which is lower, can be told; the
/// same as hyper allows itself for HTTP/1.
pub(crate) const MAX_HEADER_LIST: u32 = 408 << 10;

/// Whether a request with this method may be sent again, by itself: safe ones with no say in what they change.
pub(crate) fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The head as sent, nearly: names, values, and the four bytes between and after them.
pub(crate) fn head_size(headers: &HeaderMap) -> u64 {
    let sizes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    sizes.sum::<usize>() as u64
}

/// The spelling of a version of HTTP.
pub(crate) fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
