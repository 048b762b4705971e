//! HTTP/2, where it is negotiated or asked for: hyper's, over the socket that the worker opened.
//!
//! One stream a check on a kept connection. It is woken by what arrives, not harvested: few targets speak it.

mod stream;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hc_core::{CheckContext, Failure, Nudge, Phase};
use http::uri::{Authority, PathAndQuery, Uri};
use http::{Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use self::stream::Stream;
use super::session::Session;
use super::worker::{Fate, Parking, Worker};
use crate::classify;
use crate::exchange::{Exchange, MAX_HEADER_LIST, Request, head_size, version_name};

/// A connection that was given up may take so long to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// A connection that takes no request is about to end, and to say why.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// In use, not parked.
const IN_USE: u32 = u32::MAX;

/// A kept connection that speaks HTTP/2.
pub(super) struct H2 {
    sender: http2::SendRequest<Full<Bytes>>,
    /// Dropped with it: the task then says goodbye and ends.
    _alive: oneshot::Sender<()>,
    /// Why the task ended.
    cause: Option<oneshot::Receiver<hyper::Error>>,
    idle: Arc<Idle>,
    keep: u32,
    worker: Arc<Worker>,
}

/// How a connection lies, as its task needs it.
struct Idle {
    /// [`IN_USE`], or since when it lies.
    since: AtomicU32,
    /// After so long the peer's close is no news; 0: it always is.
    expected: AtomicU32,
    /// When the peer closed it while it lay: after how long, plus 1.
    closed: AtomicU32,
    /// Whom to tell of that: who laid it down, which need not be who opened it.
    nudge: Mutex<Nudge>,
}

impl H2 {
    /// hyper's handshake over a connection that the worker gives away.
    pub(super) async fn start(
        worker: &Arc<Worker>,
        (socket, session): (std::net::TcpStream, Option<Session>),
        max_headers: u32,
    ) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| classify::io_error(&error, Phase::Send);
        let socket = TcpStream::from_std(socket).map_err(broken)?;
        let io = TokioIo::new(Stream::new(socket, session));
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEADER_LIST.max(max_headers))
            .handshake(io)
            .await
            .map_err(|error| classify::exchange_error(&error, Phase::Send, &[], max_headers))?;
        let (alive, given_up) = oneshot::channel();
        let (tell, cause) = oneshot::channel();
        let idle = Arc::new(Idle {
            since: AtomicU32::new(IN_USE),
            expected: AtomicU32::new(0),
            closed: AtomicU32::new(0),
            nudge: Mutex::new(Nudge::nowhere()),
        });
        tokio::spawn(drive(
            connection,
            given_up,
            tell,
            idle.clone(),
            worker.clone(),
        ));
        Ok(Self {
            sender,
            _alive: alive,
            cause: Some(cause),
            idle,
            keep: 0,
            worker: worker.clone(),
        })
    }

    /// The worker whose clock counts how long it lies.
    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Lays it down until the next check.
    pub(super) fn park(&mut self, parking: Parking) {
        self.keep = parking.keep;
        self.idle
            .expected
            .store(parking.expected, Ordering::Relaxed);
        // A panic cannot leave it half written: it is one assignment.
        let mut nudge = self
            .idle
            .nudge
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *nudge = parking.nudge;
        drop(nudge);
        let now = self.worker.millis_now().min(IN_USE - 1);
        self.idle.since.store(now, Ordering::Release);
    }

    /// Takes it up again.
    pub(super) async fn take_up(&mut self) -> Fate {
        let since = self.idle.since.swap(IN_USE, Ordering::AcqRel);
        let lay = self.worker.millis_now().wrapping_sub(since);
        if lay > self.keep {
            return Fate::Expired;
        }
        // What has arrived meanwhile, a goodbye say, is the connection's task's to read: let it run first.
        tokio::task::yield_now().await;
        match (
            !self.sender.is_closed(),
            self.idle.closed.load(Ordering::Acquire),
        ) {
            (true, _) => Fate::Open(lay),
            (false, 0) => Fate::Closed(lay),
            (false, after) => Fate::Closed(after - 1),
        }
    }

    /// Sends a request and reads the answer. The failure comes with whether the answer had begun.
    pub(super) async fn ask(
        &mut self,
        cx: &CheckContext,
        request: &Request,
        is_new: bool,
    ) -> Result<Exchange, (Failure, bool)> {
        cx.enter(Phase::Wait);
        let answer = match self.sender.send_request(message(request)).await {
            Ok(answer) => answer,
            Err(error) => {
                let cause = match is_new && error.is_canceled() {
                    true => self.cause_of_death().await,
                    false => None,
                };
                let error = cause.unwrap_or(error);
                let failure =
                    classify::exchange_error(&error, Phase::Wait, &[], request.max_headers);
                return Err((failure, false));
            }
        };
        cx.enter(Phase::Receive);
        let (head, body) = answer.into_parts();
        if head_size(&head.headers) > u64::from(request.max_headers) {
            return Err((classify::too_many_headers(request.max_headers), true));
        }
        let (body, cut) = drain(body, request)
            .await
            .map_err(|failure| (failure, true))?;
        cx.leave_at(cx.now());
        Ok(Exchange {
            status: head.status.as_u16(),
            version: version_name(head.version),
            headers: head.headers,
            length: body.len() as u64,
            body,
            cut,
        })
    }

    /// Why a new connection ended before it took its request; hyper tells that to the connection's task alone.
    async fn cause_of_death(&mut self) -> Option<hyper::Error> {
        let cause = self.cause.take()?;
        tokio::time::timeout(LAST_WORDS, cause).await.ok()?.ok()
    }
}

/// Runs a connection until it ends, or a little longer than somebody wants it.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    given_up: oneshot::Receiver<()>,
    tell: oneshot::Sender<hyper::Error>,
    idle: Arc<Idle>,
    worker: Arc<Worker>,
) {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = &mut connection => {
            // Nobody may want to know: who waits for an answer on it is told by hyper.
            let _ = ended.map_err(|error| tell.send(error));
            let since = idle.since.load(Ordering::Acquire);
            if since == IN_USE {
                return;
            }
            let after = worker.millis_now().wrapping_sub(since);
            idle.closed.store(after.saturating_add(1), Ordering::Release);
            let expected = idle.expected.load(Ordering::Relaxed);
            if expected == 0 || after < expected {
                let nudge = idle.nudge.lock().unwrap_or_else(PoisonError::into_inner);
                let nudge = nudge.clone();
                // It is given after the lock: what it reaches is not ours to know.
                nudge.nudge();
            }
        }
        // It was dropped.
        _ = given_up => {
            let _ = tokio::time::timeout(GOODBYE, connection).await;
        }
    }
}

/// Reads a body to its end, or to the limit and not past it.
async fn drain(mut body: Incoming, request: &Request) -> Result<(Vec<u8>, bool), Failure> {
    let limit = usize::try_from(request.max_body).unwrap_or(usize::MAX);
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            classify::exchange_error(&error, Phase::Receive, &[], request.max_headers)
        })?;
        // Trailers are part of no expectation.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((read, true));
        }
    }
    Ok((read, false))
}

/// The authority is in the URI: RFC 9113 8.3.1 wants no Host beside it, and 8.2.2 no connection headers.
fn message(request: &Request) -> http::Request<Full<Bytes>> {
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.headers_mut() = request.headers.clone();
    *message.uri_mut() = uri(request);
    *message.version_mut() = Version::HTTP_2;
    message.headers_mut().remove(header::HOST);
    message.headers_mut().remove(header::CONNECTION);
    message
}

fn uri(request: &Request) -> Uri {
    let url = &request.url;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let path = PathAndQuery::try_from(path).unwrap_or_else(|_| PathAndQuery::from_static("/"));
    let host = request.headers.get(header::HOST);
    let host = host.map(http::HeaderValue::as_bytes);
    let mut parts = http::uri::Parts::default();
    parts.scheme = url.scheme().parse().ok();
    parts.authority = host.and_then(|host| Authority::try_from(host).ok());
    if parts.authority.is_none() {
        parts.scheme = None;
    }
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(path))
}
