//! Redirects, as RFC 9110 15.4 says: where to, and what goes along. Pure.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use url::Url;

use crate::compose::host_header;
use crate::exchange::{Exchange, Request};

/// Where an answer sends on to.
pub(crate) fn redirect(exchange: &Exchange, from: &Url) -> Option<Url> {
    if !matches!(exchange.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = from
        .join(exchange.headers.get(header::LOCATION)?.to_str().ok()?)
        .ok()?;
    (matches!(next.scheme(), "http" | "https") && next.has_host()).then_some(next)
}

/// Points a request elsewhere, as RFC 9110 15.4 says. Another server hears neither our credentials nor our Host.
pub(crate) fn follow(request: &mut Request, next: Url, status: u16) {
    let was_post = request.method == Method::POST;
    if status == 303 && request.method != Method::HEAD || was_post && matches!(status, 301 | 302) {
        request.method = Method::GET;
        request.body = Bytes::new();
        request.headers.remove(header::CONTENT_LENGTH);
        request.headers.remove(header::CONTENT_TYPE);
    }
    if next.origin() != request.url.origin() {
        request.headers.remove(header::AUTHORIZATION);
        request.headers.remove(header::COOKIE);
        if let Ok(host) = HeaderValue::try_from(host_header(&next)) {
            request.headers.insert(header::HOST, host);
        }
    }
    if next.scheme() == "https" {
        // Through a tunnel it would reach the server.
        request.headers.remove(header::PROXY_AUTHORIZATION);
    }
    request.url = next;
}

/// Whether two URLs lead to one server.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}
