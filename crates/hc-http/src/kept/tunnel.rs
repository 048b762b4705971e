//! Through a forward proxy: the CONNECT exchange.

use hc_core::{Failure, Kind, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::classify;
use crate::proxy::{answered, authorization, name};
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
