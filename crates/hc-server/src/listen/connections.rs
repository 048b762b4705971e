//! Connections: how many at once, how large and how slow a request's head may be, how slow a reader.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use super::hosts::Via;

/// A request's head at most, in bytes; hyper takes no less than 8 KiB.
const HEAD: usize = 16 * 1024;

/// Header fields of a request at most.
const HEADERS: usize = 64;

/// So long may the head of a request take, and so long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// So long may a reader take nothing of what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// How long accepting rests when the process has no descriptor to give.
const REST: Duration = Duration::from_millis(100);

/// A listener of either kind.
pub(crate) enum Connections {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Connections {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Via)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Events are small and are to be there at once. Where it is refused they are a little later.
                let _ = stream.set_nodelay(true);
                (Box::new(stream), Via::Tcp)
            }
            Self::Unix(listener) => (Box::new(listener.accept().await?.0), Via::Unix),
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Accepts and serves connections until it is dropped. Those that are open then go on; `graceful` ends them.
pub(crate) async fn serve(
    connections: Connections,
    most: usize,
    router: Router,
    graceful: Arc<GracefulShutdown>,
) {
    let permits = Arc::new(Semaphore::new(most));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, via)) = connections.accept().await else {
            // The peer has gone again, or there are no descriptors: either way the next one may be fine.
            tokio::time::sleep(REST).await;
            continue;
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIME));
        let router = router.clone();
        let answer =
            hyper::service::service_fn(move |request| answer(router.clone(), request, via));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(Box::pin(stream)), answer);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // What is wrong with a connection is its peer's business; hyper has answered what can be answered.
            let _ = connection.await;
            drop(permit);
        });
    }
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    via: Via,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(via);
    router.call(request).await
}
