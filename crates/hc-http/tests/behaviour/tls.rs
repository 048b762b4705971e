//! TLS: what is verified, what is told of the certificate, what is said when it fails.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use hc_core::{Blame, Connection, Fact, Kind, Phase};
use hc_http::tls::{Identity, Roots, TlsVersion, certificates_from_pem};
use hc_http::{Clients, Dial, HttpProbe, HttpSpec};
use hc_testkit::server::{Act, Server, http};
use hc_testkit::tls::{Authority, DAY};

use crate::support::{Make, fail, is_pooled, pass, row, spec, stuck_in};

cases! {
    a_trusted_server_passes_and_its_certificate_is_told,
    an_expired_certificate,
    a_certificate_from_the_future,
    a_certificate_for_another_name,
    an_unknown_issuer,
    too_old_a_version,
    insecure_passes_and_is_said,
    a_certificate_near_its_end_degrades,
    a_server_that_speaks_no_tls,
    a_hang_in_the_handshake_is_in_tls_or_connect,
    http2_is_negotiated,
    a_client_certificate_is_shown,
    a_server_that_wants_one_refuses_without,
    a_long_request_arrives_whole_at_a_slow_reader,
    a_planned_connection_shows_the_certificate_of_now,
    ; dedicated only: a_server_name_of_its_own,
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are valid in real time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn to(server: &Server, authority: &Authority) -> HttpSpec {
    let mut spec = spec(&format!("https://shop.test:{}/", server.address().port()));
    spec.connect = Some(Dial::Address(server.address()));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    spec
}

async fn start(authority: &Authority, name: &str, from: SystemTime, until: SystemTime) -> Server {
    Server::start_tls(authority.server(name, from, until), |_, _| http::ok()).await
}

async fn a_trusted_server_passes_and_its_certificate_is_told(make: Make) {
    let authority = Authority::new();
    let server = start(&authority, "shop.test", now() - DAY, now() + DAY * 90).await;
    let probe = make(to(&server, &authority));
    for connection in [Connection::New, Connection::Reused] {
        let evidence = pass(&probe).await;
        assert_eq!(
            (evidence.connection, evidence.warning.is_some()),
            (Some(connection), false)
        );
        let expiry = evidence.facts.iter().find_map(|fact| match fact {
            Fact::CertificateExpiry(at) => Some(*at),
            _ => None,
        });
        let left = expiry.unwrap().duration_since(now()).unwrap();
        assert!(left > DAY * 89 && left <= DAY * 90, "{left:?}");
    }
    assert_eq!(server.connections(), 1);
}

async fn refused(make: Make, server: &Server, authority: &Authority, code: &str, says: &str) {
    let failure = fail(&make(to(server, authority))).await;
    row(
        &failure,
        Kind::Tls,
        Phase::Tls,
        Blame::Target,
        Some(code),
        says,
    );
}

async fn an_expired_certificate(make: Make) {
    let authority = Authority::new();
    let server = start(
        &authority,
        "shop.test",
        now() - DAY * 9,
        now() - DAY * 3 - Duration::from_secs(60),
    )
    .await;
    refused(
        make,
        &server,
        &authority,
        "expired",
        "certificate expired 3 days ago",
    )
    .await;
}

async fn a_certificate_from_the_future(make: Make) {
    let authority = Authority::new();
    let server = start(
        &authority,
        "shop.test",
        now() + DAY * 2 + Duration::from_secs(60),
        now() + DAY * 9,
    )
    .await;
    refused(
        make,
        &server,
        &authority,
        "not_yet_valid",
        "certificate is not valid for another 2 days",
    )
    .await;
}

async fn a_certificate_for_another_name(make: Make) {
    let authority = Authority::new();
    let server = start(&authority, "other.test", now() - DAY, now() + DAY * 90).await;
    let failure = fail(&make(to(&server, &authority))).await;
    assert_eq!(
        (failure.kind, failure.code),
        (Kind::Tls, Some("wrong_name"))
    );
    let says = failure.message.as_str();
    assert!(
        says.contains("other.test") && says.ends_with("not for shop.test"),
        "{says}"
    );
}

async fn a_server_name_of_its_own(make: Make) {
    let authority = Authority::new();
    let server = start(&authority, "other.test", now() - DAY, now() + DAY * 90).await;
    let mut named = to(&server, &authority);
    named.tls.server_name = Some("other.test".into());
    pass(&make(named)).await;
}

/// Each fourth check reconnects as planned, the others because the server closes. It lets clients go back to their
/// sessions, which show no certificate, and renews its own after the second check.
async fn a_planned_connection_shows_the_certificate_of_now(make: Make) {
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let authority = Authority::new();
        let (from, until) = (now() - DAY, |days| now() + DAY * days);
        let with = |days| authority.server_of("shop.test", from, until(days), &[version], &[]);
        let old = (*with(90)).clone();
        let mut new = old.clone();
        new.cert_resolver = with(60).cert_resolver.clone();
        let is_renewed = Arc::new(AtomicBool::new(false));
        let renewed = is_renewed.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let acceptors =
                [old, new].map(|config| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
            while let Ok((stream, _)) = listener.accept().await {
                let nth = usize::from(renewed.load(Ordering::SeqCst));
                let mut stream = acceptors[nth].accept(stream).await.unwrap();
                let _ = stream.read(&mut [0; 1_024]).await;
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        let mut spec = spec(&format!("https://shop.test:{}/", address.port()));
        spec.connect = Some(Dial::Address(address));
        spec.tls.roots = Roots::None;
        spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
        spec.reconnect_every = Some(4);
        let probe = make(spec);
        let mut days = Vec::new();
        for nth in 1..=9 {
            let evidence = pass(&probe).await;
            let left = evidence.facts.iter().find_map(|fact| match fact {
                Fact::CertificateExpiry(at) => Some(at.duration_since(now()).unwrap()),
                _ => None,
            });
            days.push(left.unwrap().as_secs().div_ceil(DAY.as_secs()));
            is_renewed.store(nth >= 2, Ordering::SeqCst);
        }
        assert_eq!(days[..2], [90, 90]);
        if !is_pooled(make) {
            assert_eq!(days[2], 90, "it went back to its session");
        }
        assert_eq!(days[3..], [60; 6]);
    }
}

/// Its socket takes the request in many small parts.
async fn a_long_request_arrives_whole_at_a_slow_reader(make: Make) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let authority = Authority::new();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    let body: Vec<u8> = (0..6_000_000).map(|nth| (nth % 251) as u8).collect();
    let wanted = body.clone();
    let config = authority.server("shop.test", now() - DAY, now() + DAY);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(&wanted[wanted.len() - 251..]) || heard.len() < wanted.len() {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
        }
        let status = match heard.ends_with(&wanted) {
            true => "204 No Content",
            false => "400 Bad Request",
        };
        let answer = format!("HTTP/1.1 {status}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _until_the_client_closes = stream.read_buf(&mut heard).await;
    });
    let mut spec = spec(&format!("https://shop.test:{}/", address.port()));
    spec.connect = Some(Dial::Address(address));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    spec.method = hc_http::Method::POST;
    spec.body = Some(hc_http::Body(body.into()));
    let evidence = pass(&make(spec)).await;
    assert!(evidence.facts.contains(&Fact::HttpStatus(204)));
}

async fn an_unknown_issuer(make: Make) {
    let server = start(
        &Authority::new(),
        "shop.test",
        now() - DAY,
        now() + DAY * 90,
    )
    .await;
    refused(
        make,
        &server,
        &Authority::new(),
        "unknown_issuer",
        "certificate is signed by an unknown issuer",
    )
    .await;
}

async fn too_old_a_version(make: Make) {
    let authority = Authority::new();
    let old = authority.server_of(
        "shop.test",
        now() - DAY,
        now() + DAY * 90,
        &[&rustls::version::TLS12],
        &[],
    );
    let server = Server::start_tls(old, |_, _| http::ok()).await;
    let mut spec = to(&server, &authority);
    pass(&make(spec.clone())).await;
    spec.tls.min_version = TlsVersion::V13;
    let failure = fail(&make(spec)).await;
    assert_eq!(
        (failure.kind, failure.phase, failure.code),
        (Kind::Tls, Some(Phase::Tls), Some("version"))
    );
}

async fn insecure_passes_and_is_said(make: Make) {
    let authority = Authority::new();
    let server = start(&authority, "other.test", now() - DAY * 9, now() - DAY).await;
    let mut spec = to(&server, &Authority::new());
    spec.tls.insecure = true;
    let evidence = pass(&make(spec)).await;
    assert!(evidence.facts.contains(&Fact::Insecure) && evidence.warning.is_none());
    assert!(
        evidence
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::CertificateExpiry(_)))
    );
}

async fn a_certificate_near_its_end_degrades(make: Make) {
    let authority = Authority::new();
    let server = start(
        &authority,
        "shop.test",
        now() - DAY * 90,
        now() + DAY * 3 + Duration::from_secs(60),
    )
    .await;
    let warning = pass(&make(to(&server, &authority))).await.warning.unwrap();
    assert_eq!(warning.message.as_str(), "certificate: 3d left, wanted 14d");
}

async fn a_server_that_speaks_no_tls(make: Make) {
    let server = Server::always([Act::Close]).await;
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = to(&server, &Authority::new());
    spec.connect = Some(Dial::Address(plain.local_addr().unwrap()));
    spec.url
        .set_port(Some(plain.local_addr().unwrap().port()))
        .unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = plain.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    row(
        &fail(&make(spec)).await,
        Kind::Tls,
        Phase::Tls,
        Blame::Target,
        Some("other"),
        "not a TLS answer",
    );
}

async fn a_hang_in_the_handshake_is_in_tls_or_connect(make: Make) {
    // A plain server waits for a blank line that a handshake does not hold.
    let server = Server::always(http::ok()).await;
    let phase = stuck_in(&make(to(&server, &Authority::new()))).await;
    // reqwest hides TLS inside connect.
    let expected = match is_pooled(make) {
        true => Phase::Connect,
        false => Phase::Tls,
    };
    assert_eq!(phase, Some(expected));
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A server that lets in whom an authority vouches for, and that authority.
fn picky(authority: &Authority) -> Arc<rustls::ServerConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates_from_pem(authority.pem().as_bytes()).unwrap() {
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        provider.clone(),
    );
    let (chain, key) = authority.issue("shop.test", now() - DAY, now() + DAY * 90);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

async fn a_client_certificate_is_shown(make: Make) {
    let authority = Authority::new();
    let server = Server::start_tls(picky(&authority), |_, _| http::ok()).await;
    let (chain, key) = authority.issue("hc.test", now() - DAY, now() + DAY);
    let chain = pem("CERTIFICATE", &chain[0]);
    let key = pem("PRIVATE KEY", key.secret_der());
    let mut spec = to(&server, &authority);
    spec.tls.client = Some(Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap());
    pass(&make(spec)).await;
}

async fn a_server_that_wants_one_refuses_without(make: Make) {
    let authority = Authority::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(picky(&authority));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let (stream, _) = listener.accept().await.unwrap();
        let (_, mut stream) = acceptor.accept(stream).into_fallible().await.unwrap_err();
        // Closing with a request unread would reset the connection, and the refusal might get lost.
        let _until_the_client_closes = stream.read_to_end(&mut Vec::new()).await;
    });
    let mut spec = spec(&format!("https://shop.test:{}/", address.port()));
    spec.connect = Some(Dial::Address(address));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    let failure = fail(&make(spec)).await;
    // In TLS 1.3 the refusal comes after the client's own handshake has ended. Where it comes before the request,
    // the pool knows only that the connection is closed.
    if is_pooled(make) && failure.kind == Kind::Reset {
        return;
    }
    row(
        &failure,
        Kind::Tls,
        Phase::Tls,
        Blame::Target,
        Some("alert"),
        "the server refused the handshake: CertificateRequired",
    );
    assert_eq!(failure.evidence.unwrap().opened, 1);
}

async fn http2_is_negotiated(make: Make) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let authority = Authority::new();
    let config = authority.server_of(
        "shop.test",
        now() - DAY,
        now() + DAY * 90,
        rustls::ALL_VERSIONS,
        &["h2"],
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let answer = hyper::service::service_fn(
            |request: ::http::Request<hyper::body::Incoming>| async move {
                assert_eq!(request.uri().host(), Some("shop.test"));
                Ok::<_, std::convert::Infallible>(::http::Response::new(String::from("ok")))
            },
        );
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server
            .serve_connection(TokioIo::new(stream), answer)
            .await
            .unwrap();
    });
    let mut spec = spec("https://shop.test/");
    spec.connect = Some(Dial::Address(address));
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    spec.expect.body.contains = Some("ok".into());
    let probe = make(spec);
    for connection in [Connection::New, Connection::Reused] {
        let evidence = pass(&probe).await;
        assert!(evidence.facts.contains(&Fact::HttpVersion("2")));
        assert_eq!(evidence.connection, Some(connection));
    }
}

#[test]
fn equal_settings_share_one_configuration() {
    let clients = Clients::new();
    let make = |spec| HttpProbe::try_new(spec, &clients).unwrap();
    let probes: Vec<_> = (0..100)
        .map(|n| make(spec(&format!("https://10.0.0.{n}/"))))
        .collect();
    assert_eq!(clients.len(), 1);
    let _plain = make(spec("http://10.0.0.1/"));
    assert_eq!(clients.len(), 1);
    let mut other = spec("https://10.0.0.1/");
    other.tls.min_version = TlsVersion::V13;
    let _other = make(other);
    assert_eq!(clients.len(), 2);
    drop(probes);
}
