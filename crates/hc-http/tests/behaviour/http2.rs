//! What HTTP/2 servers do that those of HTTP/1 cannot.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hc_core::{Blame, Connection, Fact, Kind, Phase};
use hc_http::{HttpSpec, HttpVersion};

use crate::support::{Make, fail, pass, row, spec, stuck_in};

cases! {
    checks_share_one_connection,
    a_goaway_before_the_answer,
    a_goaway_that_leaves_the_answer_out,
    a_goaway_on_a_kept_connection_is_tried_once_more,
    a_stream_that_is_reset,
    a_long_list_of_headers,
    a_server_that_opens_no_stream_is_waited_for,
}

/// How a request is met.
#[derive(Clone, Copy)]
enum Met {
    Answered,
    AnsweredAtLength,
    GoAway,
    Reset,
}

/// A server of HTTP/2 without TLS, and its counts of connections and requests.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: fn(usize) -> Met) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (server.connections.clone(), server.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, requests.clone(), script));
            }
        });
        server
    }

    fn spec(&self) -> HttpSpec {
        let mut spec = spec(&format!("http://{}/", self.address));
        spec.version = HttpVersion::Http2;
        spec
    }

    fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.connections), of(&self.requests))
    }
}

async fn serve(
    stream: tokio::net::TcpStream,
    requests: Arc<AtomicUsize>,
    script: fn(usize) -> Met,
) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut answer))) = connection.accept().await {
        let nth = requests.fetch_add(1, Ordering::SeqCst);
        let mut head = ::http::Response::new(());
        match script(nth) {
            Met::Answered => drop(answer.send_response(head, true).unwrap()),
            Met::AnsweredAtLength => {
                let long = "x".repeat(1_000).parse::<::http::HeaderValue>().unwrap();
                for nth in 0..40 {
                    let name = format!("x-{nth}").parse::<::http::HeaderName>().unwrap();
                    head.headers_mut().insert(name, long.clone());
                }
                // The client says that it takes no such list.
                let _ = answer.send_response(head, true);
            }
            Met::GoAway => connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM),
            Met::Reset => answer.send_reset(h2::Reason::INTERNAL_ERROR),
        }
    }
}

async fn checks_share_one_connection(make: Make) {
    let server = Server::start(|_| Met::Answered).await;
    let probe = make(server.spec());
    for connection in [Connection::New, Connection::Reused, Connection::Reused] {
        let evidence = pass(&probe).await;
        assert_eq!(evidence.connection, Some(connection));
        assert!(evidence.facts.contains(&Fact::HttpVersion("2")));
        assert!(evidence.facts.contains(&Fact::UserClock));
    }
    assert_eq!(server.counts(), (1, 3));
}

/// An empty SETTINGS frame, then GOAWAY: no stream was or will be processed.
const NOT_HERE: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

async fn a_goaway_before_the_answer(make: Make) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = spec(&format!("http://{}/", listener.local_addr().unwrap()));
    spec.version = HttpVersion::Http2;
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        // A HEADERS frame on the first stream: 1 as type, then flags, then the stream.
        while !heard.windows(6).any(|frame| frame == b"\x01\x05\0\0\0\x01") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
        }
        stream.write_all(NOT_HERE).await.unwrap();
        let _until_the_client_closes = stream.read_to_end(&mut heard).await;
    });
    row(
        &fail(&make(spec)).await,
        Kind::Reset,
        Phase::Wait,
        Blame::Target,
        Some("goaway"),
        "the server closed before it answered",
    );
}

async fn a_goaway_that_leaves_the_answer_out(make: Make) {
    let server = Server::start(|_| Met::GoAway).await;
    let failure = fail(&make(server.spec())).await;
    // The frame claims the request, and the connection closes after it: which of the two is seen is a race.
    let code = failure
        .code
        .filter(|code| ["goaway", "closed"].contains(code));
    assert!(code.is_some(), "{failure:?}");
    row(
        &failure,
        Kind::Reset,
        Phase::Wait,
        Blame::Target,
        code,
        "the server closed before it answered",
    );
    assert_eq!(server.counts(), (1, 1));
}

async fn a_goaway_on_a_kept_connection_is_tried_once_more(make: Make) {
    let server = Server::start(|nth| if nth == 1 { Met::GoAway } else { Met::Answered }).await;
    let probe = make(server.spec());
    pass(&probe).await;
    let evidence = pass(&probe).await;
    assert_eq!((evidence.retried, evidence.opened), (true, 1));
    assert_eq!(server.counts(), (2, 3));
}

async fn a_stream_that_is_reset(make: Make) {
    let server = Server::start(|_| Met::Reset).await;
    row(
        &fail(&make(server.spec())).await,
        Kind::Reset,
        Phase::Wait,
        Blame::Target,
        Some("reset"),
        "the server closed before it answered",
    );
    assert_eq!(server.counts(), (1, 1));
}

async fn a_long_list_of_headers(make: Make) {
    let server = Server::start(|_| Met::AnsweredAtLength).await;
    row(
        &fail(&make(server.spec())).await,
        Kind::Limit,
        Phase::Wait,
        Blame::Target,
        Some("headers"),
        "headers over 16 KiB",
    );
}

/// SETTINGS with MAX_CONCURRENT_STREAMS 0 (RFC 9113 6.5.2).
const NO_STREAMS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\0";

async fn a_server_that_opens_no_stream_is_waited_for(make: Make) {
    for is_kept in [false, true] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut spec = spec(&format!("http://{}/", listener.local_addr().unwrap()));
        spec.version = HttpVersion::Http2;
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            if is_kept {
                stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
                while !heard.windows(6).any(|frame| frame == b"\x01\x05\0\0\0\x01") {
                    assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
                }
                // HEADERS on the first stream: `:status: 200`, and nothing else.
                let answer = b"\0\0\x01\x01\x05\0\0\0\x01\x88";
                stream.write_all(answer).await.unwrap();
            }
            stream.write_all(NO_STREAMS).await.unwrap();
            let _until_the_client_closes = stream.read_to_end(&mut heard).await;
        });
        let probe = make(spec);
        if is_kept {
            pass(&probe).await;
        }
        assert_eq!(stuck_in(&probe).await, Some(Phase::Wait), "{is_kept}");
    }
}
