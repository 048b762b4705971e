//! An open connection: hyper's two ends of it, the one that sends requests and the task that runs it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hc_core::{Failure, Phase};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::oneshot;
use url::Url;

use super::wire::{Watched, Wire};
use crate::classify;
use crate::exchange::MAX_HEADER_LIST;
use crate::expect::Certificate;
use crate::redirect::same_origin;

/// hyper's own lower bound for its read buffer.
const MIN_BUFFER: usize = 8_192;
/// So many headers fit hyper's parser; its own limit of 100 is below what 16 KiB can hold.
const MAX_HEADER_COUNT: usize = 512;
/// A connection that was given up may take so long to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Link {
    pub(super) sender: Sender,
    pub(super) wire: Wire,
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Certificate>,
    /// Whether requests go to a proxy, which forwards them.
    pub(super) is_forwarded: bool,
    pub(super) origin: Url,
    pub(super) task: Task,
}

/// The link's hold on the task that runs its connection.
pub(super) struct Task {
    /// Dropped with the link: the task then says goodbye and ends.
    _alive: oneshot::Sender<()>,
    /// Why it ended.
    cause: Option<oneshot::Receiver<hyper::Error>>,
}

/// A connection that takes no request is about to end, and to say why.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// hyper's end of a connection.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    pub(super) async fn send(
        &mut self,
        message: http::Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(message).await,
            Self::Http2(sender) => sender.send_request(message).await,
        }
    }
}

impl Link {
    /// Why a new connection ended before it took its request; hyper tells that to the connection's task alone.
    pub(super) async fn cause_of_death(&mut self) -> Option<hyper::Error> {
        let cause = self.task.cause.take()?;
        tokio::time::timeout(LAST_WORDS, cause).await.ok()?.ok()
    }

    /// Whether a request to that URL may go over this connection.
    pub(super) fn serves(&self, url: &Url) -> bool {
        same_origin(&self.origin, url)
    }

    /// Whether the peer has left it open.
    pub(super) async fn is_usable(&mut self) -> bool {
        // What has arrived meanwhile, a close say, is the connection's task's to read: let it run first.
        tokio::task::yield_now().await;
        match &mut self.sender {
            Sender::Http1(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
            Sender::Http2(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
        }
    }
}

/// hyper's handshake, which starts the connection's task.
pub(super) async fn shake_hands(
    io: TokioIo<Watched>,
    speaks_h2: bool,
    max_headers: u32,
) -> Result<(Sender, Task), Failure> {
    let (alive, given_up) = oneshot::channel();
    let (tell, cause) = oneshot::channel();
    let task = Task {
        _alive: alive,
        cause: Some(cause),
    };
    let failed =
        |error: hyper::Error| classify::exchange_error(&error, Phase::Send, &[], max_headers);
    if speaks_h2 {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEADER_LIST.max(max_headers))
            .handshake(io)
            .await
            .map_err(failed)?;
        tokio::spawn(drive(connection, given_up, tell));
        return Ok((Sender::Http2(sender), task));
    }
    let (sender, connection) = http1::Builder::new()
        .allow_obsolete_multiline_headers_in_responses(true)
        .max_headers(MAX_HEADER_COUNT)
        .max_buf_size(MIN_BUFFER.max(max_headers as usize))
        .handshake(io)
        .await
        .map_err(failed)?;
    tokio::spawn(drive(connection, given_up, tell));
    Ok((Sender::Http1(sender), task))
}

/// Runs a connection until it ends, or a little longer than somebody wants it.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    given_up: oneshot::Receiver<()>,
    tell: oneshot::Sender<hyper::Error>,
) {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = &mut connection => {
            // Nobody may want to know: who waits for an answer on it is told by hyper.
            let _ = ended.map_err(|error| tell.send(error));
        }
        // The link was dropped.
        _ = given_up => {
            let _ = tokio::time::timeout(GOODBYE, connection).await;
        }
    }
}
