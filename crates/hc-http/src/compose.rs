//! From a spec to the request that each check sends. Pure.

use http::{HeaderMap, HeaderValue, header};
use url::Url;

use crate::BuildError;
use crate::decompress;
use crate::exchange::Request;
use crate::proxy::{authorization, basic};
use crate::spec::{Auth, HttpSpec};

/// Composes the request once, so that a check only clones it.
pub(crate) fn compose(spec: &HttpSpec) -> Result<Request, BuildError> {
    if !matches!(spec.url.scheme(), "http" | "https") || !spec.url.has_host() {
        return Err(BuildError::new(
            "the URL is neither http nor https".to_owned(),
        ));
    }
    if spec
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.url.scheme() != "http" || !proxy.url.has_host())
    {
        return Err(BuildError::new("the proxy's URL is not http".to_owned()));
    }
    let mut headers = HeaderMap::new();
    let host = spec.host.clone().unwrap_or_else(|| host_header(&spec.url));
    let host = HeaderValue::try_from(host)
        .map_err(|_| BuildError::new("the Host is no header value".to_owned()))?;
    headers.insert(header::HOST, host);
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("hc/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    if spec.decompress {
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static(decompress::ACCEPTED),
        );
    }
    if let Some(value) = credentials(spec)? {
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(proxy) = &spec.proxy
        && spec.url.scheme() == "http"
        && let Some(value) = authorization(&proxy.url)
    {
        headers.insert(header::PROXY_AUTHORIZATION, value);
    }
    let mut written = std::collections::HashSet::new();
    for (name, secret) in &spec.headers {
        let mut value = HeaderValue::try_from(secret.expose())
            .map_err(|_| BuildError::new(format!("the value of header `{name}` is none")))?;
        value.set_sensitive(true);
        // The first of a name replaces what hc sends by itself, further ones join it.
        match written.insert(name) {
            true => drop(headers.insert(name, value)),
            false => drop(headers.append(name, value)),
        }
    }
    Ok(Request {
        url: without_user(&spec.url),
        method: spec.method.clone(),
        headers,
        body: spec
            .body
            .as_ref()
            .map(|body| body.0.clone())
            .unwrap_or_default(),
        max_body: spec.max_body,
        max_headers: spec.max_headers,
    })
}

fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for URLs without a host, which were refused.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

fn credentials(spec: &HttpSpec) -> Result<Option<HeaderValue>, BuildError> {
    let broken = || BuildError::new("the credentials are no header value".to_owned());
    match &spec.auth {
        Some(Auth::Basic { user, password }) => basic(user.expose(), password.expose())
            .map(Some)
            .ok_or_else(broken),
        Some(Auth::Bearer(token)) => {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| broken())?;
            value.set_sensitive(true);
            Ok(Some(value))
        }
        None => Ok(authorization(&spec.url)),
    }
}

/// A part of a URL without its percent signs.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| {
            tail.get(at)
                .and_then(|digit| char::from(*digit).to_digit(16))
        };
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
