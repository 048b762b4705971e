//! A request as the bytes that go out (RFC 9112 section 3). Pure.
//!
//! The usual request differs from its like in nothing but the URL, of which it is made anew each time: a copy of a
//! hundred bytes costs less than a hundred bytes a target.

use std::cell::RefCell;

use http::{HeaderMap, Method, header};
use url::{Position, Url};

/// What goes out: whole, or as what it is made of.
#[derive(Clone, Copy)]
pub(super) enum Outgoing<'a> {
    Whole(&'a [u8]),
    /// The usual request to a URL; `tail` is what comes behind the Host.
    Usual {
        method: &'a Method,
        url: &'a str,
        tail: &'a [u8],
    },
}

thread_local! {
    /// Where parts come together.
    static WHOLE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A URL's authority, and what of it goes into the request line.
fn parts(url: &str) -> (&str, &str) {
    // As a parsed URL is written: behind the scheme comes `://`.
    let scheme = memchr::memchr(b':', url.as_bytes()).unwrap_or(0);
    let rest = url.get(scheme + 3..).unwrap_or(url);
    let end = memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let end = memchr::memchr(b'#', path.as_bytes()).unwrap_or(path.len());
    (authority, &path[..end])
}

/// What the Host of a usual request to that URL is.
pub(super) fn authority(url: &str) -> &str {
    parts(url).0
}

impl Outgoing<'_> {
    /// What comes behind the Host of a request, if that comes first.
    pub(super) fn tail(wire: &[u8]) -> Option<&[u8]> {
        let line = memchr::memmem::find(wire, b"\r\n")? + 2;
        let host = line + memchr::memmem::find(&wire[line..], b"\r\n")? + 2;
        wire[line..].starts_with(b"host: ").then_some(&wire[host..])
    }

    /// Hands it over in one piece.
    pub(super) fn with<R>(&self, take: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Whole(bytes) => take(bytes),
            Self::Usual { method, url, tail } => WHOLE.with_borrow_mut(|whole| {
                let (authority, path) = parts(url);
                whole.clear();
                for part in [
                    method.as_str(),
                    " ",
                    path,
                    " HTTP/1.1\r\nhost: ",
                    authority,
                    "\r\n",
                ] {
                    whole.extend_from_slice(part.as_bytes());
                }
                whole.extend_from_slice(tail);
                take(whole)
            }),
        }
    }
}

/// Composes a request; in absolute form for a proxy that forwards it.
pub(super) fn compose(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    body: &[u8],
    is_forwarded: bool,
) -> Box<[u8]> {
    let mut wire = Vec::with_capacity(160 + body.len());
    wire.extend_from_slice(method.as_str().as_bytes());
    wire.push(b' ');
    if is_forwarded {
        let host = headers.get(header::HOST).map(http::HeaderValue::as_bytes);
        wire.extend_from_slice(url.scheme().as_bytes());
        wire.extend_from_slice(b"://");
        wire.extend_from_slice(host.unwrap_or_default());
    }
    wire.extend_from_slice(url[Position::BeforePath..Position::AfterQuery].as_bytes());
    wire.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        wire.extend_from_slice(name.as_str().as_bytes());
        wire.extend_from_slice(b": ");
        wire.extend_from_slice(value.as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    let is_length_told = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING);
    let usually_has_a_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if !is_length_told && (!body.is_empty() || usually_has_a_body) {
        wire.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(body);
    wire.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_request_is_made_of_its_url() {
        for (url, authority) in [
            ("http://a.test:8080/x?y=1#z", "a.test:8080"),
            ("https://[::1]/", "[::1]"),
        ] {
            let parsed: Url = url.parse().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, authority.parse().unwrap());
            headers.insert(header::ACCEPT, "*/*".parse().unwrap());
            let wire = compose(&Method::GET, &parsed, &headers, b"", false);
            let tail = Outgoing::tail(&wire).unwrap();
            assert_eq!(tail, b"accept: */*\r\n\r\n");
            let (method, url) = (&Method::GET, parsed.as_str());
            let usual = Outgoing::Usual { method, url, tail };
            assert!(usual.with(|whole| *whole == *wire));
        }
    }

    #[test]
    fn requests_are_spelled_as_rfc_9112_says() {
        let url: Url = "http://a.test:8080/x?y=1#z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "a.test:8080".parse().unwrap());
        let text = |method, body: &[u8], forwarded| {
            let wire = compose(&method, &url, &headers, body, forwarded);
            String::from_utf8(wire.into()).unwrap()
        };
        assert_eq!(
            text(Method::GET, b"", false),
            "GET /x?y=1 HTTP/1.1\r\nhost: a.test:8080\r\n\r\n"
        );
        assert_eq!(
            text(Method::GET, b"", true),
            "GET http://a.test:8080/x?y=1 HTTP/1.1\r\nhost: a.test:8080\r\n\r\n"
        );
        assert_eq!(
            text(Method::POST, b"", false),
            "POST /x?y=1 HTTP/1.1\r\nhost: a.test:8080\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(
            text(Method::GET, b"ab", false),
            "GET /x?y=1 HTTP/1.1\r\nhost: a.test:8080\r\ncontent-length: 2\r\n\r\nab"
        );
    }
}
