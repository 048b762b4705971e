//! Errors as reqwest wraps them. It tells less than a connection in hand: no first bytes, and one failure of several.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use hc_core::{Failure, Kind, Phase};

use super::{CLOSED, connect_error, exchange_error, io_error, source_of, tls_error};
use crate::pooled::Carried;

/// A request that got no answer. `address` is the one dialled, the first of several.
pub(crate) fn reqwest_error(
    error: &reqwest::Error,
    address: Option<SocketAddr>,
    max_headers: u32,
) -> Failure {
    if let Some(Carried(failure)) = source_of(error) {
        return failure.clone();
    }
    if error.is_builder() {
        // Of a redirect: the spec's own URL was tried before.
        let message = "the redirect leads to a URL that cannot be asked";
        return Failure::new(Kind::Protocol, Phase::Wait, message).with_code("not_http");
    }
    if error.is_connect() {
        return opening_error(error, address);
    }
    match source_of::<hyper::Error>(error) {
        Some(error) => exchange_error(error, Phase::Wait, &[], max_headers),
        None => closed(),
    }
}

/// An answer that ended or broke inside its body.
pub(crate) fn reqwest_body_error(error: &reqwest::Error, max_headers: u32) -> Failure {
    match source_of::<hyper::Error>(error) {
        Some(error) => exchange_error(error, Phase::Receive, &[], max_headers),
        None => closed(),
    }
}

fn opening_error(error: &reqwest::Error, address: Option<SocketAddr>) -> Failure {
    if let Some(tls) = source_of::<rustls::Error>(error) {
        return tls_error(tls);
    }
    let tried = tried(error);
    match (source_of::<io::Error>(error), tried.or(address)) {
        // hyper-util says of TCP alone that it was trying an address; past that it was TLS.
        (Some(io), Some(address)) if tried.is_some() || io.raw_os_error().is_some() => {
            connect_error(io, address)
        }
        (Some(io), _) => io_error(io, Phase::Tls),
        // Another check's connection, for which this one waited, did not come to be.
        (None, _) => closed(),
    }
}

/// The address that hyper-util tried in vain: told in its `Debug` only.
fn tried(error: &reqwest::Error) -> Option<SocketAddr> {
    let mut next = error.source();
    while let Some(error) = next {
        if error.to_string() == "tcp connect error" {
            return format!("{error:?}").split(", ").nth(1)?.parse().ok();
        }
        next = error.source();
    }
    None
}

fn closed() -> Failure {
    Failure::new(Kind::Reset, Phase::Wait, CLOSED).with_code("closed")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hc_core::Blame;

    use super::*;
    use crate::spec::HttpVersion;
    use crate::tls::{Roots, TlsSettings, client_configs};

    /// If hyper-util writes its error in another way, the address is the first one, which may be the wrong one.
    #[tokio::test]
    async fn the_address_that_was_tried_is_told() {
        let v4: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let v6: SocketAddr = "[::1]:1".parse().unwrap();
        let settings = TlsSettings {
            roots: Roots::None,
            ..TlsSettings::default()
        };
        let tls = client_configs(&settings, HttpVersion::Auto)
            .unwrap()
            .resuming;
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(Arc::unwrap_or_clone(tls))
            .resolve_to_addrs("a.test", &[v6, v4])
            .build()
            .unwrap();
        let error = client.get("http://a.test:1/").send().await.unwrap_err();
        assert_eq!(tried(&error), Some(v4));
        let failure = reqwest_error(&error, Some(v6), 1_024);
        assert_eq!(
            (failure.kind, failure.blame, failure.message.as_str()),
            (
                Kind::Refused,
                Blame::Target,
                "127.0.0.1:1 refused the connection"
            )
        );
    }
}
