//! From a host and a port to an open TCP connection: resolve, choose the family, try one address after the other.

use std::net::{IpAddr, SocketAddr};

use hc_core::{Blame, CheckContext, Failure, Phase};
use tokio::net::TcpStream;

use crate::classify;
use crate::names::Names;
use crate::spec::{Dial, IpFamily};

/// Opens a TCP connection to the first address that accepts one.
pub(super) async fn dial(
    cx: &CheckContext,
    names: &Names,
    to: &Dial,
    family: IpFamily,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let addresses = addresses(cx, names, to, family).await?;
    cx.enter(Phase::Connect);
    let mut failures = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        match attempt(cx, *address, left).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(failure) => failures.push((*address, failure)),
        }
    }
    let (address, failure) = summed_up(failures);
    cx.note_address(address);
    Err(failure)
}

/// An address that hangs must leave time for those after it; the last one waits for the caller's deadline.
async fn attempt(cx: &CheckContext, address: SocketAddr, left: u32) -> Result<TcpStream, Failure> {
    cx.note_address(address);
    let connect = TcpStream::connect(address);
    let connected = if left > 1 {
        let share = cx.deadline().since(cx.now()) / left;
        tokio::time::timeout(share, connect)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from_raw_os_error(TIMED_OUT)))
    } else {
        connect.await
    };
    let stream = connected.map_err(|error| classify::connect_error(&error, address))?;
    // It only delays small writes; a kernel without it loses nothing else.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// ETIMEDOUT, as the kernel itself says it.
const TIMED_OUT: i32 = 110;

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
        Dial::Address(address) => (address.ip().to_string(), vec![*address]),
        Dial::Name(name, port) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            match bare.parse::<IpAddr>() {
                Ok(ip) => (bare.to_owned(), vec![SocketAddr::new(ip, *port)]),
                Err(_) => {
                    let found = names.resolve(cx, bare).await?;
                    let with_port = |ip: &IpAddr| SocketAddr::new(*ip, *port);
                    (bare.to_owned(), found.iter().map(with_port).collect())
                }
            }
        }
    };
    let mut admitted: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| family.admits(address))
        .collect();
    admitted.dedup();
    if admitted.is_empty() {
        return Err(classify::no_address(&name, family.name()));
    }
    Ok(admitted)
}
