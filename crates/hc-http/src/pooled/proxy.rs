//! Through a forward proxy: the CONNECT exchange, and the header that says who asks.

use base64::Engine;
use hc_core::{Failure, Kind, Phase};
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::classify;
use crate::words;

/// Asks a proxy to open a tunnel to `authority`.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Url,
    authority: &str,
    max_head: u32,
) -> Result<(), Failure> {
    let name = name(proxy);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(who) = authorization(proxy) {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(who.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |error: &std::io::Error| {
        classify::by_proxy(classify::io_error(error, Phase::Connect), &name)
    };
    stream
        .write_all(&request)
        .await
        .map_err(|error| broken(&error))?;
    let head = read_head(stream, max_head, &name).await?;
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(answered(&name, status, Phase::Connect)),
        None => {
            let message = format!(
                "proxy {name} gave no HTTP answer: {}",
                crate::expect::shown(&head)
            );
            Err(Failure::new(Kind::Proxy, Phase::Connect, message))
        }
    }
}

/// Byte for byte, so that nothing of what comes through the tunnel is taken.
async fn read_head(stream: &mut TcpStream, max: u32, name: &str) -> Result<Vec<u8>, Failure> {
    let failure = |message: String| Failure::new(Kind::Proxy, Phase::Connect, message);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= max as usize {
            return Err(failure(format!(
                "proxy {name}: headers over {}",
                words::bytes(max.into())
            )));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(failure(format!("proxy {name} closed before it answered")));
            }
            Err(error) => {
                return Err(classify::by_proxy(
                    classify::io_error(&error, Phase::Connect),
                    name,
                ));
            }
        }
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words.next()?.strip_prefix("HTTP/1.")?;
    words.next()?.parse().ok()
}

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
