//! A request as the bytes that go out (RFC 9112 section 3). Pure.

use http::{HeaderMap, Method, header};
use url::{Position, Url};

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
