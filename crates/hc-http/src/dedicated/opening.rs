//! From a place to a connection that can carry a request: dial, the proxy's tunnel, TLS.
//!
//! A TLS handshake goes on when its check has given up: a storm of them would otherwise begin anew with each due check
//! and none would end. So many at once are under way in a worker, the others wait their turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use hc_core::{Blame, CheckContext, Connection, Failure, Kind, Phase};
use rustls_pki_types::ServerName;
use tokio::sync::oneshot;

use super::dial::dial;
use super::line::Line;
use super::session::Session;
use super::tunnel::tunnel;
use super::worker::{Link, Worker};
use crate::classify;
use crate::expect::Certificate;
use crate::proxy;
use crate::spec::{Dial, HttpVersion};
use crate::tls;

/// Where a connection is to lead.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) dial: Dial,
    /// For TLS: the name to ask for.
    pub(super) secure: Option<Box<str>>,
}

/// A connection, ready for its first request.
pub(super) struct Opened {
    pub(super) link: Link,
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Certificate>,
    pub(super) speaks_h2: bool,
}

/// What came of an opening, and whether a connection came to be in it.
pub(super) struct Outcome {
    pub(super) result: Result<Opened, Failure>,
    pub(super) was_connected: bool,
}

/// A handshake under way, which outlives the check that began it.
pub(super) struct Opening {
    outcome: oneshot::Receiver<Outcome>,
    has_turn: Arc<AtomicBool>,
}

/// A handshake that makes no progress for its check's timeout is given up; one that drips, after so many of them.
const PATIENCE: u32 = 3;
/// How much of its time a check waits for its turn before it says so.
/// The code of a check that waited for its turn in vain.
pub(super) const NO_TURN: &str = "handshakes";
const WAIT_SHARE: f64 = 0.9;

/// Opens a plain connection, within the check.
pub(super) async fn open(
    cx: &CheckContext,
    line: &Line,
    worker: &Arc<Worker>,
    place: &Place,
) -> Outcome {
    let mut was_connected = false;
    let result = connect(cx, line, worker, place, &mut was_connected).await;
    Outcome {
        result,
        was_connected,
    }
}

impl Opening {
    /// Begins to open a TLS connection, in a task of its own.
    pub(super) fn begin(
        cx: &CheckContext,
        line: &Arc<Line>,
        worker: &Arc<Worker>,
        place: Place,
    ) -> Self {
        let (tell, outcome) = oneshot::channel();
        let has_turn = Arc::new(AtomicBool::new(false));
        let (cx, line, worker, turn) = (cx.clone(), line.clone(), worker.clone(), has_turn.clone());
        let timeout = cx.deadline().since(cx.now());
        tokio::spawn(async move {
            let permit = worker.handshakes.clone().acquire_owned().await;
            turn.store(true, Ordering::Release);
            let mut was_connected = false;
            let opening = connect(&cx, &line, &worker, &place, &mut was_connected);
            let most = timeout.saturating_mul(PATIENCE).max(LEAST);
            let result = tokio::time::timeout(most, opening)
                .await
                .unwrap_or_else(|_| Err(silent()));
            drop(permit);
            // Nobody waits when the target is gone.
            let _ = tell.send(Outcome {
                result,
                was_connected,
            });
        });
        Self { outcome, has_turn }
    }

    /// Waits for it. Dropping this leaves it under way.
    pub(super) async fn wait(&mut self, cx: &CheckContext) -> Outcome {
        let left = cx.deadline().since(cx.now()).mul_f64(WAIT_SHARE);
        let mut outcome = &mut self.outcome;
        if !self.has_turn.load(Ordering::Acquire) {
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome.unwrap_or_else(|_| dropped()),
                () = tokio::time::sleep(left) => {}
            }
            if !self.has_turn.load(Ordering::Acquire) {
                return Outcome {
                    result: Err(no_turn()),
                    was_connected: false,
                };
            }
        }
        outcome.await.unwrap_or_else(|_| dropped())
    }
}

/// Timeouts of some milliseconds must not make every handshake fail.
const LEAST: Duration = Duration::from_secs(1);

/// The checker's own trouble: more handshakes at once than it allows itself.
fn no_turn() -> Failure {
    let message = "no turn for a TLS handshake came: too many are under way";
    Failure::new(Kind::Exhausted, Phase::Connect, message)
        .with_code(NO_TURN)
        .with_blame(Blame::Local)
}

fn silent() -> Failure {
    Failure::new(Kind::Timeout, Phase::Tls, "the TLS handshake did not end")
}

/// The task died with its runtime.
fn dropped() -> Outcome {
    let failure = Failure::new(Kind::Cancelled, None, "cancelled: the runtime ended");
    Outcome {
        result: Err(failure),
        was_connected: false,
    }
}

async fn connect(
    cx: &CheckContext,
    line: &Line,
    worker: &Arc<Worker>,
    place: &Place,
    was_connected: &mut bool,
) -> Result<Opened, Failure> {
    let mut early = Vec::new();
    let (link, address) = match &line.proxy {
        None => dial(cx, worker, &line.names, &place.dial, line.ip).await?,
        Some(proxy) => {
            let host = proxy.host_str().unwrap_or_default().to_owned();
            let to = Dial::Name(host, proxy.port_or_known_default().unwrap_or(80));
            dial(cx, worker, &line.names, &to, line.ip)
                .await
                .map_err(|failure| classify::by_proxy(failure, &proxy::name(proxy)))?
        }
    };
    // A sign of life, whatever comes of it.
    cx.note_connection(Connection::New);
    *was_connected = true;
    let Some(host) = &place.secure else {
        return Ok(Opened {
            link,
            address,
            certificate: None,
            speaks_h2: line.version == HttpVersion::Http2,
        });
    };
    if let Some(proxy) = &line.proxy {
        let authority = match &place.dial {
            Dial::Address(address) => address.to_string(),
            Dial::Name(name, port) => format!("{name}:{port}"),
        };
        early = tunnel(&link, proxy, &authority, line.max_headers).await?;
    }
    cx.enter(Phase::Tls);
    let timeout = cx.deadline().since(cx.now()).max(LEAST);
    secure(line, &link, host, &early, timeout).await?;
    let facts = link.session(|session| {
        let leaf = session.peer_certificate();
        let certificate = leaf.and_then(|leaf| tls::validity(leaf, line.is_verified));
        (certificate, session.alpn() == Some(b"h2"))
    });
    let (certificate, is_h2) = facts.unwrap_or_default();
    Ok(Opened {
        link,
        address,
        certificate,
        speaks_h2: is_h2 || line.version == HttpVersion::Http2,
    })
}

async fn secure(
    line: &Line,
    link: &Link,
    host: &str,
    early: &[u8],
    timeout: Duration,
) -> Result<(), Failure> {
    let other = |message: &str| Failure::new(Kind::Tls, Phase::Tls, message).with_code("other");
    let config = line.tls.clone().ok_or_else(|| other("TLS is not set up"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|_| other("the server's name is no name that TLS knows"))?;
    let session = Session::try_new(config, name).map_err(|error| classify::tls_error(&error))?;
    link.secure(session);
    let mut is_first = true;
    loop {
        let step = std::future::poll_fn(|task| {
            let step = link.poll_handshake(task, is_first, early);
            if let Poll::Ready(Ok(false)) = step {
                is_first = false;
            }
            step
        });
        let step = tokio::time::timeout(timeout, step)
            .await
            .map_err(|_| silent())?;
        if step.map_err(|error| classify::io_error(&error, Phase::Tls))? {
            return Ok(());
        }
    }
}
