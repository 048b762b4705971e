//! What happens to a kept connection between two checks: its end nudges, unless it is the server's habit; and what
//! happens to a handshake that outlives its check.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{CheckContext, Connection, Nudge, Probe, Publisher, Target, Timestamp, Word};
use hc_http::tls::{Roots, certificates_from_pem};
use hc_http::{Dial, HttpProbe, HttpVersion};
use hc_testkit::server::{Act, Server, http};
use hc_testkit::tls::{Authority, DAY};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{LONG, Make, context, pass, spec};

cases! {
    ; dedicated only: an_idle_close_nudges,
    an_idle_reset_nudges,
    an_idle_close_nudges_who_laid_the_connection_down,
    an_announced_close_is_no_news,
    what_comes_unasked_nudges_and_is_no_answer,
    a_connection_that_is_given_up_nudges_nobody,
    a_handshake_goes_on_when_its_check_gave_up,
    a_handshake_that_stays_silent_is_given_up,
}

/// A target whose nudges are counted.
struct Ear {
    publisher: Publisher,
    nudge: Nudge,
}

impl Ear {
    fn new() -> Self {
        let (publisher, _) = hc_core::view(16);
        let target = Target::new(
            "test",
            hc_core::probe_fn(|_| async { Ok(hc_core::Evidence::new()) }),
        );
        let clock = context().clock().clone();
        let cell = publisher
            .add(
                &target,
                Word::from_parts(
                    hc_core::Status::Unknown,
                    false,
                    hc_core::Overlays::default(),
                ),
                clock.now(),
                clock.wall(),
            )
            .unwrap();
        Self {
            nudge: cell.to_nudge(),
            publisher,
        }
    }

    async fn check(&self, probe: &HttpProbe) -> Connection {
        let cx = CheckContext::new(
            "test".into(),
            context().clock().clone(),
            Timestamp::ZERO + LONG,
            self.nudge.clone(),
        );
        let check = tokio::time::timeout(LONG, probe.check(&cx)).await;
        check
            .expect("it hung")
            .expect("it passes")
            .connection
            .unwrap()
    }

    async fn hears(&self) {
        let heard = async {
            loop {
                let listener = self.publisher.inbox().listen();
                if let Some(cell) = self.publisher.inbox().pop() {
                    assert!(cell.take_pending().nudged);
                    return;
                }
                listener.await;
            }
        };
        tokio::time::timeout(LONG, heard).await.expect("a nudge");
    }

    fn heard_nothing(&self) -> bool {
        self.publisher.inbox().is_empty()
    }
}

async fn answers_then(acts: Vec<Act>) -> Server {
    let mut all = http::ok();
    all.extend(acts);
    Server::always(all).await
}

async fn an_idle_close_nudges(make: Make) {
    let pause = Act::Pause(Duration::from_millis(30));
    let server = answers_then(vec![pause, Act::Close]).await;
    let (probe, ear) = (make(spec(&server.url("/"))), Ear::new());
    ear.check(&probe).await;
    ear.hears().await;
    assert_eq!(ear.check(&probe).await, Connection::New);
    ear.hears().await;
}

async fn an_idle_reset_nudges(make: Make) {
    let pause = Act::Pause(Duration::from_millis(30));
    let server = answers_then(vec![pause, Act::Reset]).await;
    let (probe, ear) = (make(spec(&server.url("/"))), Ear::new());
    ear.check(&probe).await;
    ear.hears().await;
}

/// Targets may share a probe, and a target may be added anew: the connection is kept for who used it last.
async fn an_idle_close_nudges_who_laid_the_connection_down(make: Make) {
    for is_h2 in [false, true] {
        let (close, mut may_close) = tokio::sync::oneshot::channel::<()>();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut spec = spec(&format!("http://{}/", listener.local_addr().unwrap()));
        if is_h2 {
            spec.version = HttpVersion::Http2;
        }
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if is_h2 {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                loop {
                    tokio::select! {
                        asked = connection.accept() => {
                            let (_, mut answer) = asked.unwrap().unwrap();
                            answer.send_response(::http::Response::new(()), true).unwrap();
                        }
                        _ = &mut may_close => return,
                    }
                }
            }
            let mut request = [0; 1_024];
            loop {
                tokio::select! {
                    _ = stream.read(&mut request) => {
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                    _ = &mut may_close => return,
                }
            }
        });
        let (probe, one, other) = (make(spec), Ear::new(), Ear::new());
        assert_eq!(one.check(&probe).await, Connection::New);
        assert_eq!(other.check(&probe).await, Connection::Reused);
        close.send(()).unwrap();
        other.hears().await;
        assert!(one.heard_nothing());
    }
}

async fn an_announced_close_is_no_news(make: Make) {
    let answer = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok";
    let pause = Act::Pause(Duration::from_millis(1_020));
    let server = Server::always([Act::text(answer), pause, Act::Close]).await;
    let (probe, ear) = (make(spec(&server.url("/"))), Ear::new());
    ear.check(&probe).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(ear.heard_nothing());
    assert_eq!(ear.check(&probe).await, Connection::New);
}

async fn what_comes_unasked_nudges_and_is_no_answer(make: Make) {
    let late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let pause = Act::Pause(Duration::from_millis(30));
    let server = answers_then(vec![pause, Act::text(late), Act::Hang]).await;
    let (probe, ear) = (make(spec(&server.url("/"))), Ear::new());
    ear.check(&probe).await;
    ear.hears().await;
    assert_eq!(ear.check(&probe).await, Connection::New);
}

async fn a_connection_that_is_given_up_nudges_nobody(make: Make) {
    let server = Server::always(http::ok()).await;
    let mut spec = spec(&server.url("/"));
    spec.reconnect_every = Some(1);
    let (probe, ear) = (make(spec), Ear::new());
    for _ in 0..3 {
        assert_eq!(ear.check(&probe).await, Connection::New);
    }
    drop(probe);
    assert!(ear.heard_nothing());
}

/// A TLS server that begins its handshakes when it is told to, and serves one connection after the other.
async fn slow_to_shake_hands(
    authority: &Authority,
) -> (std::net::SocketAddr, Arc<tokio::sync::Semaphore>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "certificates are valid in real time"
    )]
    let now = std::time::SystemTime::now();
    let config = authority.server("shop.test", now - DAY, now + DAY * 90);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let turn = go.clone();
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            turn.acquire().await.unwrap().forget();
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
    (address, go)
}

async fn a_handshake_goes_on_when_its_check_gave_up(make: Make) {
    let authority = Authority::new();
    let (address, go) = slow_to_shake_hands(&authority).await;
    let mut spec = spec("https://shop.test/");
    spec.connect = Some(Dial::Address(address));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    let probe = make(spec);
    let cx = context();
    let gave_up = tokio::time::timeout(Duration::from_millis(50), probe.check(&cx)).await;
    assert!(gave_up.is_err());
    // One handshake is allowed, and there is one: that of the check which gave up.
    go.add_permits(1);
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

async fn a_handshake_that_stays_silent_is_given_up(make: Make) {
    let authority = Authority::new();
    let (address, go) = slow_to_shake_hands(&authority).await;
    let mut spec = spec("https://shop.test/");
    spec.connect = Some(Dial::Address(address));
    spec.tls.roots = Roots::None;
    spec.tls.ca = certificates_from_pem(authority.pem().as_bytes()).unwrap();
    let probe = make(spec);
    let short = CheckContext::new(
        "test".into(),
        context().clock().clone(),
        Timestamp::ZERO + Duration::from_millis(200),
        Nudge::nowhere(),
    );
    let failure = tokio::time::timeout(LONG, probe.check(&short))
        .await
        .expect("it does not hang")
        .unwrap_err();
    assert_eq!(failure.kind, hc_core::Kind::Timeout);
    go.add_permits(2);
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
}
