//! Servers that mean ill, or are merely out of luck: floods, silences, closes at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hc_core::{Blame, CheckContext, Connection, Fact, Kind, Nudge, Phase, Probe};
use hc_http::tls::{Roots, certificates_from_pem};
use hc_http::{Body, Clients, Dial, HttpProbe, HttpSpec, Method, TransportKind};
use hc_testkit::server::{Act, Server, http};
use hc_testkit::tls::{Authority, DAY};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Make, check, context, is_pooled, pass, spec};

cases! {
    a_reset_right_after_the_accept_is_no_trouble_of_connecting,
    records_without_end_and_nothing_in_them_are_named,
    ; dedicated only: thousands_of_tickets_are_read_past,
    what_became_of_an_old_handshake_is_no_answer_to_a_new_check,
    a_connection_that_a_later_check_uses_is_counted_once,
    servers_that_never_shake_hands_starve_nobody,
    a_post_does_not_go_over_a_connection_that_was_closed,
    an_answer_before_the_whole_request_counts,
    connections_are_kept_again_when_checks_come_more_often,
    a_half_closed_connection_still_answers,
    closes_at_random_are_never_a_failure,
}

fn within(timeout: Duration) -> CheckContext {
    let clock = context().clock().clone();
    let deadline = clock.now() + timeout;
    CheckContext::new("test".into(), clock, deadline, Nudge::nowhere())
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are valid in real time"
)]
fn config(authority: &Authority) -> Arc<rustls::ServerConfig> {
    let now = std::time::SystemTime::now();
    authority.server("shop.test", now - DAY, now + DAY * 90)
}

fn secure(authority: &Authority, address: std::net::SocketAddr) -> HttpSpec {
    let mut spec = spec("https://shop.test/");
    spec.connect = Some(Dial::Address(address));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    spec
}

/// The first connection meets silence, the others a server.
async fn what_became_of_an_old_handshake_is_no_answer_to_a_new_check(make: Make) {
    let authority = Authority::new();
    let config = config(&authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (_silent, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 1_024];
            while stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    let probe = make(secure(&authority, address));
    let timeout = Duration::from_millis(300);
    let gave_up = tokio::time::timeout(timeout, probe.check(&within(timeout))).await;
    assert!(gave_up.is_err());
    // The old handshake comes to its own end meanwhile.
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    pass(&probe).await;
}

/// The check that meets the connection gives up, the next one goes on with its handshake.
async fn a_connection_that_a_later_check_uses_is_counted_once(make: Make) {
    let authority = Authority::new();
    let config = config(&authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shake, may_shake) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        may_shake.await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut request = [0; 1_024];
        while stream.read(&mut request).await.is_ok_and(|count| count > 0) {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let probe = make(secure(&authority, address));
    let cx = context();
    let gave_up = tokio::time::timeout(Duration::from_millis(300), probe.check(&cx)).await;
    assert!(gave_up.is_err());
    let first = cx.evidence();
    assert_eq!((first.connection, first.opened), (Some(Connection::New), 1));
    shake.send(()).unwrap();
    let second = check(&probe).await.unwrap();
    assert_eq!(
        (second.connection, second.opened),
        (Some(Connection::New), 0)
    );
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

/// A hundred servers that accept and say nothing: the next target is asked all the same.
async fn servers_that_never_shake_hands_starve_nobody(_: Make) {
    let authority = Authority::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clients = Clients::new();
    let with = |mut spec: HttpSpec| {
        spec.transport = TransportKind::Dedicated;
        HttpProbe::try_new(spec, &clients).unwrap()
    };
    let timeout = Duration::from_secs(2);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..150 {
        let probe = with(secure(&authority, silent.local_addr().unwrap()));
        asked.spawn(async move {
            let _ = tokio::time::timeout(timeout, probe.check(&within(timeout))).await;
        });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let server = Server::start_tls(config(&authority), |_, _| http::ok()).await;
    let healthy = with(secure(&authority, server.address()));
    healthy.check(&within(timeout)).await.unwrap();
    asked.abort_all();
}

/// A request that must not be sent twice does not go where it cannot arrive.
async fn a_post_does_not_go_over_a_connection_that_was_closed(make: Make) {
    let mut acts = http::ok();
    acts.push(Act::Close);
    let server = Server::always(acts).await;
    let mut spec = spec(&server.url("/"));
    spec.method = Method::POST;
    spec.body = Some(Body("ping".into()));
    let probe = make(spec);
    for _ in 0..200 {
        check(&probe).await.unwrap();
        // Less than a look's distance.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A server that refuses a large request by its head, and closes.
async fn an_answer_before_the_whole_request_counts(make: Make) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 512];
            let _ = stream.read(&mut some).await;
            let answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";
            let _ = stream.write_all(answer).await;
            // Unread bytes make a reset of the close.
        }
    });
    let mut spec = spec(&format!("http://{address}/"));
    spec.method = Method::POST;
    spec.body = Some(Body(vec![b'x'; 8 << 20].into()));
    spec.expect.status = "413".parse().unwrap();
    let probe = make(spec);
    for nth in 0..20 {
        let result = check(&probe).await;
        assert!(result.is_ok(), "{nth}: {result:?}");
    }
}

async fn connections_are_kept_again_when_checks_come_more_often(make: Make) {
    let answer = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok";
    let server = Server::always([Act::text(answer)]).await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // Too far from each other for a kept connection.
    pass(&probe).await;
    for _ in 0..3 {
        pass(&probe).await;
    }
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

async fn a_half_closed_connection_still_answers(make: Make) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut some = [0; 512];
                let _ = stream.read(&mut some).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await;
                let _ = stream.shutdown().await;
                while stream.read(&mut some).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    let probe = make(spec(&format!("http://{address}/")));
    for _ in 0..50 {
        let evidence = check(&probe).await.unwrap();
        assert!(evidence.facts.contains(&Fact::HttpStatus(200)));
    }
}

/// The reset may be there before anybody has looked whether the connection is.
async fn a_reset_right_after_the_accept_is_no_trouble_of_connecting(make: Make) {
    for is_tls in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The kernel then sends a reset for the close.
                stream.set_zero_linger().unwrap();
            }
        });
        let spec = match is_tls {
            true => secure(&Authority::new(), address),
            false => spec(&format!("http://{address}/")),
        };
        let probe = make(spec);
        for _ in 0..200 {
            let failure = check(&probe).await.unwrap_err();
            let phase = failure.phase.unwrap();
            assert_eq!(failure.kind, Kind::Reset, "{failure:?}");
            assert!(phase >= Phase::Tls, "{failure:?}");
            assert!(
                is_pooled(make) || (phase == Phase::Tls) == is_tls,
                "{failure:?}"
            );
            assert_eq!(failure.blame, Blame::Target);
            let opened = failure.evidence.unwrap().opened;
            assert!(is_pooled(make) || opened == 1, "{opened}");
        }
    }
}

/// After its handshake it sends empty records until nobody takes them.
fn flood(listener: &std::net::TcpListener, config: rustls::ServerConfig) {
    use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
    use rustls::{ConnectionTrafficSecrets as Secrets, ContentType, ProtocolVersion};
    use std::io::Write;
    let (mut socket, _) = listener.accept().unwrap();
    let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    while connection.is_handshaking() || connection.wants_write() {
        connection.complete_io(&mut socket).unwrap();
    }
    let Some(rustls::SupportedCipherSuite::Tls13(suite)) = connection.negotiated_cipher_suite()
    else {
        panic!("it speaks TLS 1.3");
    };
    let (first, secrets) = connection.dangerous_extract_secrets().unwrap().tx;
    let (Secrets::Aes128Gcm { key, iv }
    | Secrets::Aes256Gcm { key, iv }
    | Secrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        panic!("of no known suite");
    };
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    for nth in first.. {
        let record = OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(&[]),
        };
        let record = encrypter.encrypt(record, nth).unwrap().encode();
        if socket.write_all(&record).is_err() {
            return;
        }
    }
}

async fn records_without_end_and_nothing_in_them_are_named(make: Make) {
    let authority = Authority::new();
    let mut config = (*config(&authority)).clone();
    config.enable_secret_extraction = true;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || flood(&listener, config));
    let failure = check(&make(secure(&authority, address))).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.blame),
        (Kind::Tls, Blame::Target),
        "{failure:?}"
    );
    server.join().unwrap();
}

async fn thousands_of_tickets_are_read_past(make: Make) {
    let authority = Authority::new();
    let mut config = (*config(&authority)).clone();
    config.send_tls13_tickets = 3_000;
    let server = Server::start_tls(Arc::new(config), |_, _| http::ok()).await;
    let probe = make(secure(&authority, server.address()));
    pass(&probe).await;
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

/// Closes and resets at random, before, in and after answers that are whole.
async fn closes_at_random_are_never_a_failure(make: Make) {
    let closes = Arc::new(AtomicUsize::new(0));
    let seen = closes.clone();
    let server = Server::start(move |nth, _| {
        let mut acts = http::ok();
        let mut random = fastrand::Rng::with_seed(nth as u64);
        if random.u8(..4) == 0 {
            seen.fetch_add(1, Ordering::Relaxed);
            acts.push(Act::Pause(Duration::from_micros(random.u64(..4_000))));
            acts.push(if random.bool() {
                Act::Close
            } else {
                Act::Reset
            });
        }
        acts
    })
    .await;
    let mut targets = tokio::task::JoinSet::new();
    for n in 0..100 {
        let probe = make(spec(&server.url("/")));
        targets.spawn(async move {
            let mut random = fastrand::Rng::with_seed(n);
            for _ in 0..40 {
                check(&probe).await.expect("a race is never a failure");
                tokio::time::sleep(Duration::from_micros(random.u64(..6_000))).await;
            }
        });
    }
    targets.join_all().await;
    assert!(closes.load(Ordering::Relaxed) > 500);
    assert!(server.connections() <= 4_000);
}
