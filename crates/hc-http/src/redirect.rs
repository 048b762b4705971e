//! Redirects, as RFC 9110 15.4 says: where to, and what goes along. Pure.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
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

/// Headers that are no secret, whoever wrote them: what is asked for, and what the body is.
const HARMLESS: [HeaderName; 8] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

/// Points a request elsewhere, as RFC 9110 15.4 says. Another server hears neither our credentials nor our Host, nor
/// any header that was written for the first one and may be a key to it.
pub(crate) fn follow(request: &mut Request, next: Url, status: u16) {
    let was_post = request.method == Method::POST;
    if status == 303 && request.method != Method::HEAD || was_post && matches!(status, 301 | 302) {
        request.method = Method::GET;
        request.body = Bytes::new();
        request.headers.remove(header::CONTENT_LENGTH);
        request.headers.remove(header::CONTENT_TYPE);
    }
    if next.origin() != request.url.origin() {
        forget_secrets(&mut request.headers);
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

/// What a person wrote is marked as sensitive. What the proxy is to hear is another matter.
fn forget_secrets(headers: &mut HeaderMap) {
    headers.remove(header::AUTHORIZATION);
    headers.remove(header::COOKIE);
    let is_secret = |name: &HeaderName, value: &HeaderValue| {
        value.is_sensitive() && *name != header::PROXY_AUTHORIZATION && !HARMLESS.contains(name)
    };
    let secrets: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| is_secret(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in secrets {
        headers.remove(name);
    }
}

/// Whether two URLs lead to one server.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}
