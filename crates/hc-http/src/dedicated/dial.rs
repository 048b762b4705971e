//! From a place to an open connection: resolve, choose the family, and try the addresses side by side.
//!
//! Happy eyeballs (RFC 8305): the next address is tried when one has failed, or after 250 ms without an end.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hc_core::{Blame, CheckContext, Failure, Phase};

use super::worker::{Link, Worker};
use crate::classify;
use crate::names::Names;
use crate::spec::{Dial, IpFamily};

/// Between two attempts (RFC 8305 section 5 recommends it).
const STAGGER: Duration = Duration::from_millis(250);

/// Opens a connection to a place. The check's marks say where it stands.
pub(super) async fn dial(
    cx: &CheckContext,
    worker: &Arc<Worker>,
    names: &Names,
    to: &Dial,
    family: IpFamily,
) -> Result<(Link, SocketAddr), Failure> {
    let addresses = addresses(cx, names, to, family).await?;
    cx.enter(Phase::Connect);
    let mut left = addresses.into_iter();
    let mut attempts: Vec<(SocketAddr, Link)> = Vec::new();
    let mut failures: Vec<(SocketAddr, Failure)> = Vec::new();
    loop {
        if let Some(address) = left.next() {
            cx.note_address(address);
            match worker.connect(address) {
                Ok(link) => attempts.push((address, link)),
                Err(error) => {
                    failures.push((address, classify::connect_error(&error, address)));
                    continue;
                }
            }
        }
        if attempts.is_empty() {
            let (address, failure) = summed_up(failures);
            cx.note_address(address);
            return Err(failure);
        }
        let first = first_of(&mut attempts, &mut failures);
        let first = if left.len() == 0 {
            first.await
        } else {
            let mut first = pin!(first);
            tokio::select! {
                biased;
                first = &mut first => first,
                // It goes on beside the next one.
                () = tokio::time::sleep(stagger(cx, left.len())) => None,
            }
        };
        if let Some((address, link)) = first {
            cx.note_address(address);
            return Ok((link, address));
        }
    }
}

/// Those that are still to be tried must get their turn before the deadline.
fn stagger(cx: &CheckContext, left: usize) -> Duration {
    let shares = u32::try_from(left).map_or(u32::MAX, |left| left.saturating_add(1));
    STAGGER.min(cx.deadline().since(cx.now()) / shares)
}

/// The first that is connected; `None` when one has failed.
async fn first_of(
    attempts: &mut Vec<(SocketAddr, Link)>,
    failures: &mut Vec<(SocketAddr, Failure)>,
) -> Option<(SocketAddr, Link)> {
    std::future::poll_fn(|task| {
        for nth in 0..attempts.len() {
            let (address, link) = &attempts[nth];
            match link.poll_connected(task) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => return Poll::Ready(Some(attempts.swap_remove(nth))),
                Poll::Ready(Err(error)) => {
                    failures.push((*address, classify::connect_error(&error, *address)));
                    attempts.swap_remove(nth);
                    return Poll::Ready(None);
                }
            }
        }
        Poll::Pending
    })
    .await
}

/// One failure of several, and of which address: the peer's own word before this machine's, IPv4's before IPv6's.
fn summed_up(mut failures: Vec<(SocketAddr, Failure)>) -> (SocketAddr, Failure) {
    failures.sort_by_key(|(address, failure)| (failure.blame == Blame::Local, address.is_ipv6()));
    let mut failures = failures.into_iter();
    let (address, mut first) = failures
        .next()
        .expect("a name without addresses has failed before");
    let others: Vec<_> = failures
        .filter(|(_, other)| other.kind == first.kind)
        .map(|(address, _)| address.ip())
        .collect();
    match others.as_slice() {
        [] => {}
        [ip] => first.message = format!("{} (and {})", first.message, bracketed(*ip)).into(),
        more => first.message = format!("{} (and {} more)", first.message, more.len()).into(),
    }
    (address, first)
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

async fn addresses(
    cx: &CheckContext,
    names: &Names,
    to: &Dial,
    family: IpFamily,
) -> Result<Vec<SocketAddr>, Failure> {
    let (name, found) = match to {
        Dial::Address(address) => (None, vec![*address]),
        Dial::Name(name, port) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            let found = match bare.parse::<IpAddr>() {
                Ok(ip) => vec![SocketAddr::new(ip, *port)],
                Err(_) => {
                    let found = names.resolve_family(cx, bare, family).await?;
                    let with_port = |ip: &IpAddr| SocketAddr::new(*ip, *port);
                    found.iter().map(with_port).collect()
                }
            };
            (Some(bare.to_owned()), found)
        }
    };
    let is_none_admitted = !found.iter().any(|address| family.admits(address));
    if is_none_admitted {
        let name = name.or_else(|| found.first().map(|address| address.ip().to_string()));
        return Err(classify::no_address(
            &name.unwrap_or_default(),
            family.name(),
        ));
    }
    let mut admitted = found;
    admitted.retain(|address| family.admits(address));
    admitted.dedup();
    Ok(admitted)
}
