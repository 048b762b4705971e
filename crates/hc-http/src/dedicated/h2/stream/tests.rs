//! hyper on both ends, over loopback and TLS.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use hc_testkit::tls::{Authority, DAY};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::Stream;
use crate::dedicated::session::{Session, State};
use crate::spec::HttpVersion;
use crate::tls::{Roots, TlsSettings, certificates_from_pem, client_configs};

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are judged by the machine's clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A session whose handshake is done, as a worker hands it over.
fn shaken(socket: &mut std::net::TcpStream, authority: &Authority) -> Session {
    let settings = TlsSettings {
        roots: Roots::None,
        ca: certificates_from_pem(authority.pem().as_bytes()).unwrap(),
        ..TlsSettings::default()
    };
    let config = client_configs(&settings, HttpVersion::Auto)
        .unwrap()
        .resuming;
    let name = ServerName::try_from("shop.test").unwrap();
    let mut session = Session::try_new(config, name).unwrap();
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    let mut state = session.advance(&[], &mut plain, &mut out).unwrap();
    let mut buffer = vec![0; 16_384];
    while state == State::Handshaking {
        socket.write_all(&out).unwrap();
        out.clear();
        let count = socket.read(&mut buffer).unwrap();
        state = session
            .advance_in_place(&mut buffer[..count], &mut plain, &mut out)
            .unwrap();
    }
    socket.write_all(&out).unwrap();
    assert_eq!((state, session.alpn()), (State::Open, Some(&b"h2"[..])));
    assert!(plain.is_empty(), "it is kept for the stream");
    session
}

/// Answers each request with its own body.
async fn serve(listener: TcpListener, tls: Arc<rustls::ServerConfig>) {
    let (socket, _) = listener.accept().await.unwrap();
    let stream = tokio_rustls::TlsAcceptor::from(tls)
        .accept(socket)
        .await
        .unwrap();
    let echo = hyper::service::service_fn(async |request: http::Request<hyper::body::Incoming>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(http::Response::new(Full::new(body)))
    });
    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), echo)
        .await
        .unwrap();
}

fn server(authority: &Authority) -> rustls::ServerConfig {
    let (from, to) = (now() - DAY, now() + DAY);
    let config = authority.server_of("shop.test", from, to, rustls::ALL_VERSIONS, &["h2"]);
    (*config).clone()
}

async fn connect(address: SocketAddr, authority: Authority) -> Stream {
    let connected = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let session = shaken(&mut socket, &authority);
        socket.set_nonblocking(true).unwrap();
        (socket, session)
    });
    let (socket, session) = connected.await.unwrap();
    Stream::new(TcpStream::from_std(socket).unwrap(), Some(session))
}

#[tokio::test]
async fn requests_over_tls() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, Arc::new(server(&authority))));
    let stream = connect(address, authority).await;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    // Some records long, and short.
    for length in [0, 10, 100_000, 4_000_000] {
        let body: Bytes = (0..length).map(|nth| (nth % 251) as u8).collect();
        let request = http::Request::post("https://shop.test/");
        let request = request.body(Full::new(body.clone())).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let echoed = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(echoed == body, "{length} bytes come back");
    }
    // Both ends say goodbye.
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_speaks_with_the_end_of_its_handshake() {
    let authority = Authority::new();
    let mut config = server(&authority);
    config.send_half_rtt_data = true;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::task::spawn_blocking(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        connection.writer().write_all(b"first").unwrap();
        connection.complete_io(&mut socket).unwrap();
        connection.send_close_notify();
        connection.complete_io(&mut socket).unwrap();
    });
    let mut stream = connect(address, authority).await;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"first");
    server.await.unwrap();
}
