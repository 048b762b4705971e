//! What both transports say to and of a forward proxy. Pure.

use base64::Engine;
use hc_core::{Failure, Kind, Phase};
use http::HeaderValue;
use url::Url;

/// A proxy's own refusal.
pub(crate) fn answered(name: &str, status: u16, phase: Phase) -> Failure {
    Failure::new(
        Kind::Proxy,
        phase,
        format!("proxy {name} answered {status}"),
    )
}

/// Host and port of a proxy, as sentences name it.
pub(crate) fn name(proxy: &Url) -> String {
    let host = proxy.host_str().unwrap_or_default();
    format!("{host}:{}", proxy.port_or_known_default().unwrap_or(80))
}

/// The proxy's user and password, ready for the header.
pub(crate) fn authorization(proxy: &Url) -> Option<HeaderValue> {
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    basic(
        &crate::compose::decoded(proxy.username()),
        &crate::compose::decoded(proxy.password().unwrap_or_default()),
    )
}

/// Basic credentials as a header's value; marked as not to be shown.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
