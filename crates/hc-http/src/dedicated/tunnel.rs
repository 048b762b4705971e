//! Through a forward proxy: the CONNECT exchange (RFC 9110 section 9.3.6).

use std::future::poll_fn;

use hc_core::{Failure, Kind, Phase};
use memchr::memmem;
use url::Url;

use super::worker::{Link, Received};
use crate::classify;
use crate::proxy::{answered, authorization, name};
use crate::words;

/// Asks a proxy to open a tunnel to `authority`. Gives what has come through it already.
pub(super) async fn tunnel(
    link: &Link,
    proxy: &Url,
    authority: &str,
    max_head: u32,
) -> Result<Vec<u8>, Failure> {
    let name = name(proxy);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(who) = authorization(proxy) {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(who.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |error: std::io::Error| {
        classify::by_proxy(classify::io_error(&error, Phase::Connect), &name)
    };
    let mut sent = 0;
    poll_fn(|task| link.poll_send(task, &request, &mut sent))
        .await
        .map_err(broken)?;
    let failure = |message: String| Failure::new(Kind::Proxy, Phase::Connect, message);
    let mut head = Vec::new();
    let end = loop {
        let is_open = poll_fn(|task| {
            link.poll_receive(task, true, |received| match received {
                Received::Bytes(bytes, _) => {
                    head.extend_from_slice(bytes);
                    true
                }
                Received::End => false,
            })
        });
        let is_open = is_open.await.map_err(broken)?;
        if let Some(end) = memmem::find(&head, b"\r\n\r\n") {
            break end + 4;
        }
        if !is_open {
            return Err(failure(format!("proxy {name} closed before it answered")));
        }
        if head.len() >= max_head as usize {
            let limit = words::bytes(max_head.into());
            return Err(failure(format!("proxy {name}: headers over {limit}")));
        }
    };
    let early = head.split_off(end);
    match status(&head) {
        Some(200..=299) => Ok(early),
        Some(status) => Err(answered(&name, status, Phase::Connect)),
        None => {
            let shown = crate::expect::shown(&head);
            Err(failure(format!(
                "proxy {name} gave no HTTP answer: {shown}"
            )))
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words.next()?.strip_prefix("HTTP/1.")?;
    words.next()?.parse().ok()
}
