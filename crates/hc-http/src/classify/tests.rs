//! One row an error.

use std::net::SocketAddr;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError};

use super::*;

#[track_caller]
fn row(failure: &Failure, kind: Kind, phase: Phase, blame: Blame, code: Option<&str>, says: &str) {
    let found = (
        failure.kind,
        failure.phase,
        failure.blame,
        failure.code,
        failure.message.as_str(),
    );
    assert_eq!(found, (kind, Some(phase), blame, code, says));
}

fn raw(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[test]
fn connecting() {
    let v4: SocketAddr = "10.0.0.7:80".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
    let at = Phase::Connect;
    let table = [
        (
            v4,
            111,
            Kind::Refused,
            Blame::Target,
            None,
            "10.0.0.7:80 refused the connection",
        ),
        (
            v6,
            111,
            Kind::Refused,
            Blame::Target,
            None,
            "[2001:db8::1]:80 refused the connection",
        ),
        (
            v4,
            113,
            Kind::Unreachable,
            Blame::Path,
            None,
            "10.0.0.7 cannot be reached",
        ),
        (
            v4,
            110,
            Kind::Timeout,
            Blame::Path,
            None,
            "no connection to 10.0.0.7:80",
        ),
        (
            v4,
            101,
            Kind::NoRoute,
            Blame::Local,
            None,
            "no route to 10.0.0.7 from here",
        ),
        (
            v6,
            99,
            Kind::NoRoute,
            Blame::Local,
            None,
            "no route to 2001:db8::1 from here",
        ),
        (
            v4,
            99,
            Kind::Exhausted,
            Blame::Local,
            Some("ports"),
            "this machine has no free port",
        ),
        (
            v4,
            24,
            Kind::Exhausted,
            Blame::Local,
            Some("files"),
            "hc has no free file descriptor",
        ),
        (
            v4,
            23,
            Kind::Exhausted,
            Blame::Local,
            Some("files"),
            "this machine has no free file descriptor",
        ),
        (
            v4,
            28,
            Kind::Exhausted,
            Blame::Local,
            Some("files"),
            "this machine watches no more sockets for hc",
        ),
        (
            v4,
            105,
            Kind::Exhausted,
            Blame::Local,
            Some("memory"),
            "this machine has no free memory",
        ),
        (
            v4,
            12,
            Kind::Exhausted,
            Blame::Local,
            Some("memory"),
            "this machine has no free memory",
        ),
        (
            v4,
            13,
            Kind::Denied,
            Blame::Local,
            None,
            "forbidden by this machine (EACCES)",
        ),
        (
            v4,
            1,
            Kind::Denied,
            Blame::Local,
            None,
            "forbidden by this machine (EPERM)",
        ),
    ];
    for (address, number, kind, blame, code, says) in table {
        row(
            &connect_error(&raw(number), address),
            kind,
            at,
            blame,
            code,
            says,
        );
    }
    // A reset ends a connection that came to be.
    row(
        &connect_error(&raw(104), v4),
        Kind::Reset,
        Phase::Send,
        Blame::Target,
        Some("reset"),
        CLOSED,
    );
}

#[test]
fn an_open_connection() {
    let at = Phase::Wait;
    row(
        &io_error(&raw(104), at),
        Kind::Reset,
        at,
        Blame::Target,
        Some("reset"),
        CLOSED,
    );
    row(
        &io_error(&raw(32), at),
        Kind::Reset,
        at,
        Blame::Target,
        Some("closed"),
        CLOSED,
    );
    let says = "the server cannot be reached any more";
    row(
        &io_error(&raw(113), at),
        Kind::Unreachable,
        at,
        Blame::Path,
        None,
        says,
    );
    let wrapped = io::Error::other(rustls::Error::AlertReceived(
        AlertDescription::HandshakeFailure,
    ));
    let says = "the server refused the handshake: HandshakeFailure";
    row(
        &io_error(&wrapped, at),
        Kind::Tls,
        Phase::Tls,
        Blame::Target,
        Some("alert"),
        says,
    );
}

#[test]
fn handshakes() {
    let at = |seconds: u64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let bad = rustls::Error::InvalidCertificate;
    let table = [
        (
            bad(CertificateError::Expired),
            "expired",
            "certificate expired",
        ),
        (
            bad(CertificateError::ExpiredContext {
                time: at(3 * 86_400 + 5),
                not_after: at(0),
            }),
            "expired",
            "certificate expired 3 days ago",
        ),
        (
            bad(CertificateError::NotValidYetContext {
                time: at(0),
                not_before: at(3_700),
            }),
            "not_yet_valid",
            "certificate is not valid for another 1 hour",
        ),
        (
            bad(CertificateError::NotValidForNameContext {
                expected: ServerName::try_from("shop.test").unwrap(),
                presented: vec!["DnsName(\"other.test\")".into()],
            }),
            "wrong_name",
            "certificate is for other.test, not for shop.test",
        ),
        (
            bad(CertificateError::UnknownIssuer),
            "unknown_issuer",
            "certificate is signed by an unknown issuer",
        ),
        (
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
            "version",
            "the server refused our versions of TLS",
        ),
        (
            rustls::Error::NoApplicationProtocol,
            "other",
            "the server speaks none of the wanted versions of HTTP",
        ),
    ];
    for (error, code, says) in table {
        let failure = tls_error(&error);
        row(
            &failure,
            Kind::Tls,
            Phase::Tls,
            Blame::Target,
            Some(code),
            says,
        );
    }
}

#[test]
fn a_proxys_trouble_is_the_paths_but_ours_stays_ours() {
    let address: SocketAddr = "10.0.0.1:3128".parse().unwrap();
    let refused = by_proxy(connect_error(&raw(111), address), "proxy.test:3128");
    row(
        &refused,
        Kind::Proxy,
        Phase::Connect,
        Blame::Path,
        None,
        "proxy 10.0.0.1:3128 refused the connection",
    );
    let unknown = by_proxy(no_address("proxy.test", "IPv4"), "proxy.test:3128");
    row(
        &unknown,
        Kind::Proxy,
        Phase::Resolve,
        Blame::Path,
        None,
        "proxy proxy.test:3128: proxy.test has no address of IPv4",
    );
    assert_eq!(
        by_proxy(connect_error(&raw(24), address), "x").kind,
        Kind::Exhausted
    );
}
