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
    let too_long = || {
        let limit = words::bytes(max_head.into());
        failure(format!("proxy {name}: headers over {limit}"))
    };
    let most = usize::try_from(max_head).unwrap_or(usize::MAX);
    let mut head = Head::default();
    let end = loop {
        let is_open = poll_fn(|task| {
            link.poll_receive(task, true, |received| match received {
                Received::Bytes(bytes, _) => {
                    head.bytes.extend_from_slice(bytes);
                    true
                }
                Received::End => false,
            })
        });
        let is_open = is_open.await.map_err(broken)?;
        match head.end() {
            Some(end) if end > most => return Err(too_long()),
            Some(end) => break end,
            None if head.bytes.len() >= most => return Err(too_long()),
            None if !is_open => {
                return Err(failure(format!("proxy {name} closed before it answered")));
            }
            None => {}
        }
    };
    let mut head = head.bytes;
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

/// What of the answer's head has come; it may come in many parts.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
    /// No end is in so many.
    searched: usize,
}

const END: &[u8] = b"\r\n\r\n";

impl Head {
    /// Where the head ends, if it does. Looks at each byte once, and again at those that an end may begin with.
    fn end(&mut self) -> Option<usize> {
        let from = self.unsearched();
        self.searched = self.bytes.len();
        memmem::find(&self.bytes[from..], END).map(|at| from + at + END.len())
    }

    fn unsearched(&self) -> usize {
        self.searched.saturating_sub(END.len() - 1)
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words.next()?.strip_prefix("HTTP/1.")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_head_is_cut_and_each_byte_is_looked_at_a_few_times() {
        let whole = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        for size in 1..=whole.len() {
            let mut head = Head::default();
            let (mut looks, mut found) = (0, None);
            for part in whole.chunks(size) {
                assert_eq!(found, None);
                head.bytes.extend_from_slice(part);
                looks += head.bytes.len() - head.unsearched();
                found = head.end();
            }
            assert_eq!(found, Some(whole.len()), "{size}");
            assert!(looks <= 4 * whole.len(), "{size}: {looks}");
        }
    }
}
