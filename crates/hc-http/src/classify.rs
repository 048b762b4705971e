//! Every error of the stack as a failure: pure functions and their tables. Decides kind, phase, blame, code and
//! sentence; knows nothing of retries. No URL gets into a message: they may hold secrets.

use std::error::Error;
use std::io;

use hc_core::{Blame, Failure, Kind, Phase};

mod pooled;
mod tls;

pub(crate) use pooled::{reqwest_body_error, reqwest_error};
pub(crate) use tls::tls_error;

use crate::words;

/// Raw numbers of Linux, where `io::ErrorKind` is too coarse or only known to newer compilers.
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENOMEM: i32 = 12;
    pub(super) const ENOSPC: i32 = 28;
    pub(super) const EPERM: i32 = 1;
    pub(super) const EACCES: i32 = 13;
    pub(super) const ENOBUFS: i32 = 105;
    pub(super) const EADDRNOTAVAIL: i32 = 99;
    pub(super) const ENETDOWN: i32 = 100;
    pub(super) const ENETUNREACH: i32 = 101;
    pub(super) const ETIMEDOUT: i32 = 110;
    pub(super) const EHOSTUNREACH: i32 = 113;
    pub(super) const EAFNOSUPPORT: i32 = 97;
}

/// The sentence of a server that ended the connection.
const CLOSED: &str = "the server closed before it answered";

/// A failed attempt to connect to `address` (with its port).
pub(crate) fn connect_error(error: &io::Error, address: std::net::SocketAddr) -> Failure {
    use errno::{EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ETIMEDOUT};
    let at = Phase::Connect;
    let ip = address.ip();
    match error.raw_os_error() {
        Some(ENETUNREACH | ENETDOWN | EAFNOSUPPORT) => no_route(ip),
        // What IPv6 answers where it is switched off; of IPv4 it says that no port is free.
        Some(EADDRNOTAVAIL) if ip.is_ipv6() => no_route(ip),
        Some(EHOSTUNREACH) => {
            Failure::new(Kind::Unreachable, at, format!("{ip} cannot be reached"))
        }
        Some(ETIMEDOUT) => Failure::new(Kind::Timeout, at, format!("no connection to {address}")),
        _ => local_trouble(error, at).unwrap_or_else(|| match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::new(
                Kind::Refused,
                at,
                format!("{address} refused the connection"),
            ),
            // It was connected, or it would have been refused.
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                io_error(error, Phase::Send)
            }
            _ => io_error(error, at),
        }),
    }
}

fn no_route(ip: std::net::IpAddr) -> Failure {
    Failure::new(
        Kind::NoRoute,
        Phase::Connect,
        format!("no route to {ip} from here"),
    )
}

/// What this machine or process lacks or forbids.
fn local_trouble(error: &io::Error, phase: Phase) -> Option<Failure> {
    use errno::{EACCES, EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC, EPERM};
    let exhausted =
        |code, message: &str| Some(Failure::new(Kind::Exhausted, phase, message).with_code(code));
    match error.raw_os_error()? {
        EMFILE => exhausted("files", "hc has no free file descriptor"),
        ENFILE => exhausted("files", "this machine has no free file descriptor"),
        // Of epoll_ctl(2): a user's sockets are watched up to a limit.
        ENOSPC => exhausted("files", "this machine watches no more sockets for hc"),
        EADDRNOTAVAIL => exhausted("ports", "this machine has no free port"),
        ENOMEM | ENOBUFS => exhausted("memory", "this machine has no free memory"),
        EACCES => Some(Failure::new(
            Kind::Denied,
            phase,
            "forbidden by this machine (EACCES)",
        )),
        EPERM => Some(Failure::new(
            Kind::Denied,
            phase,
            "forbidden by this machine (EPERM)",
        )),
        _ => None,
    }
}

/// Trouble on an open connection.
pub(crate) fn io_error(error: &io::Error, phase: Phase) -> Failure {
    if let Some(local) = local_trouble(error, phase) {
        return local;
    }
    if let Some(tls) = source_of::<rustls::Error>(error) {
        return tls_error(tls);
    }
    let code = match error.kind() {
        io::ErrorKind::ConnectionReset => "reset",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            return Failure::new(
                Kind::Unreachable,
                phase,
                "the server cannot be reached any more",
            );
        }
        io::ErrorKind::TimedOut => {
            return Failure::new(Kind::Timeout, phase, "the connection went silent");
        }
        _ => "closed",
    };
    Failure::new(Kind::Reset, phase, CLOSED).with_code(code)
}

/// What a failed exchange on an open connection was, with the first bytes that came since the request.
pub(crate) fn exchange_error(
    error: &hyper::Error,
    phase: Phase,
    first_bytes: &[u8],
    max_headers: u32,
) -> Failure {
    // hyper offers the question to servers only; its words are the same.
    if error.is_parse() && error.to_string().contains("too large") {
        return too_many_headers(max_headers);
    }
    if let Some(h2) = source_of::<h2::Error>(error) {
        return h2_error(h2, phase, max_headers);
    }
    // In TLS 1.3 a server refuses a client's certificate after the handshake.
    if let Some(tls) = source_of::<rustls::Error>(error) {
        return tls_error(tls);
    }
    if let Some(io) = source_of::<io::Error>(error)
        && !error.is_parse()
        && io.kind() != io::ErrorKind::UnexpectedEof
        && io.kind() != io::ErrorKind::InvalidData
        && io.kind() != io::ErrorKind::InvalidInput
    {
        return io_error(io, phase);
    }
    if phase == Phase::Receive {
        return body_error(error);
    }
    if !first_bytes.is_empty() && !b"HTTP/".starts_with(&first_bytes[..first_bytes.len().min(5)]) {
        return not_http(phase, first_bytes);
    }
    if error.is_parse() {
        return not_http(phase, first_bytes);
    }
    closed(phase)
}

/// What came is no HTTP, or broken HTTP.
pub(crate) fn not_http(phase: Phase, first_bytes: &[u8]) -> Failure {
    let phase = phase.max(Phase::Wait);
    if first_bytes.starts_with(b"HTTP/") {
        let message = "the answer's status line or headers are broken";
        return Failure::new(Kind::Protocol, phase, message).with_code("not_http");
    }
    if first_bytes.is_empty() {
        let message = "not an HTTP answer";
        return Failure::new(Kind::Protocol, phase, message).with_code("not_http");
    }
    let line = first_bytes
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let shown = crate::expect::shown(if line.is_empty() { first_bytes } else { line });
    Failure::new(
        Kind::Protocol,
        phase,
        format!("not an HTTP answer: {shown}"),
    )
    .with_code("not_http")
}

/// An answer that ended or broke inside its body.
fn body_error(error: &hyper::Error) -> Failure {
    let broken = source_of::<io::Error>(error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        )
    });
    if broken || error.is_parse() {
        return broken_chunks();
    }
    body_short()
}

/// The chunked coding of the answer's body is broken.
pub(crate) fn broken_chunks() -> Failure {
    let message = "the body's chunks are broken";
    Failure::new(Kind::Protocol, Phase::Receive, message).with_code("encoding")
}

/// The answer ended inside its body.
pub(crate) fn body_short() -> Failure {
    let message = "the server closed before the body's end";
    Failure::new(Kind::Protocol, Phase::Receive, message).with_code("body_short")
}

/// The server ended the connection before its answer's head was whole.
pub(crate) fn closed(phase: Phase) -> Failure {
    Failure::new(Kind::Reset, phase, CLOSED).with_code("closed")
}

fn h2_error(error: &h2::Error, phase: Phase, max_headers: u32) -> Failure {
    use h2::Reason;
    if let Some(io) = error.get_io() {
        return io_error(io, phase);
    }
    if error.is_go_away() && error.is_remote() {
        return Failure::new(Kind::Reset, phase, CLOSED).with_code("goaway");
    }
    if error.is_remote() {
        return Failure::new(Kind::Reset, phase, CLOSED).with_code("reset");
    }
    let reason = error.reason().unwrap_or(Reason::PROTOCOL_ERROR);
    // How h2 says that headers are over its limit, in one frame or in several. Broken compression is told alike, and
    // is far less likely.
    if matches!(
        reason,
        Reason::COMPRESSION_ERROR | Reason::REFUSED_STREAM | Reason::ENHANCE_YOUR_CALM
    ) {
        return too_many_headers(max_headers);
    }
    let message = format!("HTTP/2 is broken: {reason}");
    Failure::new(Kind::Protocol, phase.max(Phase::Wait), message).with_code("not_http")
}

/// The answer's head is over its limit.
pub(crate) fn too_many_headers(max_headers: u32) -> Failure {
    let message = format!("headers over {}", words::bytes(max_headers.into()));
    Failure::new(Kind::Limit, Phase::Wait, message).with_code("headers")
}

/// More interim answers (1xx) than are skipped.
pub(crate) fn too_many_interim(max: u32) -> Failure {
    let message = format!("over {max} interim answers");
    Failure::new(Kind::Limit, Phase::Wait, message).with_code("headers")
}

/// A name that has no address of the wanted family.
pub(crate) fn no_address(name: &str, family: &str) -> Failure {
    Failure::new(
        Kind::Resolve,
        Phase::Resolve,
        format!("{name} has no address of {family}"),
    )
    .with_code("no_address")
}

/// The same failure, on the way to or in a proxy.
pub(crate) fn by_proxy(failure: Failure, proxy: &str) -> Failure {
    if failure.blame == Blame::Local {
        return failure;
    }
    let message = match failure.message.as_str().split_once(' ') {
        Some((address, says)) if address.parse::<std::net::SocketAddr>().is_ok() => {
            format!("proxy {address} {says}")
        }
        _ => format!("proxy {proxy}: {}", failure.message),
    };
    Failure::new(Kind::Proxy, failure.phase, message)
}

fn source_of<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An io::Error's source() skips the error that it wraps.
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            if let Some(found) = inner.downcast_ref::<E>() {
                return Some(found);
            }
            next = Some(inner);
            continue;
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
