//! From a place to a connection that can carry a request: dial, the proxy's tunnel, TLS.
//!
//! A TLS handshake goes on when its check has given up: a storm of them would otherwise begin anew with each due check
//! and none would end. So many at once are under way in a worker, the others wait their turn. What it came to is news
//! to the check that waits for it, and to no later one, unless it is a connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use hc_core::{Blame, CheckContext, Connection, Failure, Kind, Phase};
use rustls_pki_types::ServerName;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

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

/// What came of an opening, and whether a connection came to be in it that no earlier check has counted.
pub(super) struct Outcome {
    pub(super) result: Result<Opened, Failure>,
    pub(super) was_connected: bool,
}

impl Outcome {
    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            was_connected: false,
        }
    }
}

/// A handshake under way, which outlives the check that began it.
pub(super) struct Opening {
    outcome: oneshot::Receiver<Outcome>,
    /// What it came to, while nobody waited.
    done: Option<Outcome>,
    stage: Arc<Stage>,
    worker: Arc<Worker>,
    /// Whether an earlier check has counted its connection.
    is_counted: bool,
}

/// How far it has come: connecting, asking the proxy for a tunnel, waiting for its turn, shaking hands.
#[derive(Default)]
struct Stage(AtomicU8);

const CONNECTS: u8 = 0;
const TUNNELS: u8 = 1;
const WAITS: u8 = 2;
const SHAKES: u8 = 3;

impl Stage {
    fn is(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, stage: u8) {
        self.0.store(stage, Ordering::Release);
    }
}

/// A handshake in which nothing comes for so many of its check's timeouts is given up: where all are slow, giving up
/// and beginning anew is what keeps them slow.
const PATIENCE: u32 = 3;
/// A peer that takes so many times longer than others do costs us nothing meanwhile: the next one has its turn. Where
/// all are slow, because they or we are at our limit, more of them at once would make it worse.
const TURN: u32 = 4;
/// And not before this.
const SHORTEST_TURN: Duration = Duration::from_millis(200);
/// The code of a check that waited for its turn in vain.
pub(super) const NO_TURN: &str = "handshakes";
/// How much of its time a check waits for its turn before it says so.
const WAIT_SHARE: f64 = 0.9;

/// Opens a plain connection, within the check.
pub(super) async fn open(
    cx: &CheckContext,
    line: &Line,
    worker: &Arc<Worker>,
    place: &Place,
) -> Outcome {
    let stage = Stage::default();
    let result = connect(cx, line, worker, place, &stage, false).await;
    Outcome {
        result,
        was_connected: stage.is() != CONNECTS,
    }
}

impl Opening {
    /// Begins to open a TLS connection, in a task of its own; with `anew` it shows the certificate of now.
    pub(super) fn begin(
        cx: &CheckContext,
        line: &Arc<Line>,
        worker: &Arc<Worker>,
        place: Place,
        anew: bool,
    ) -> Self {
        let (mut tell, outcome) = oneshot::channel();
        let opening = Self {
            outcome,
            done: None,
            stage: Arc::default(),
            worker: worker.clone(),
            is_counted: false,
        };
        let (cx, line, worker) = (cx.clone(), line.clone(), worker.clone());
        let stage = opening.stage.clone();
        // Its turn may be long in coming.
        let most = patience(&cx).saturating_mul(2);
        tokio::spawn(async move {
            let result = {
                let opened = connect(&cx, &line, &worker, &place, &stage, anew);
                tokio::select! {
                    result = tokio::time::timeout(most, opened) => {
                        result.unwrap_or_else(|_| Err(silent()))
                    }
                    // Nobody wants it: the target is gone, or a later check begins anew.
                    () = tell.closed() => return,
                }
            };
            let _ = tell.send(Outcome {
                result,
                was_connected: stage.is() != CONNECTS,
            });
        });
        opening
    }

    /// It, if a later check has any use for it: a handshake under way, or a connection that stands. A failure that
    /// came meanwhile says nothing of now, and an attempt to connect may be behind its time.
    pub(super) fn if_of_use(mut self: Box<Self>) -> Option<Box<Self>> {
        self.is_of_use().then_some(self)
    }

    fn is_of_use(&mut self) -> bool {
        if self.worker.is_dead() || !self.worker.is_here() {
            return false;
        }
        match self.outcome.try_recv() {
            Ok(outcome) => {
                let opened = outcome.result.as_ref();
                // What a peer of HTTP/2 says first is no business of ours here.
                let stands =
                    opened.is_ok_and(|opened| opened.speaks_h2 || !opened.link.has_news(true));
                self.done = Some(outcome);
                stands
            }
            Err(TryRecvError::Empty) => !matches!(self.stage.is(), CONNECTS | TUNNELS),
            Err(TryRecvError::Closed) => false,
        }
    }

    /// A check gives up waiting. A connection that stands already is in its marks.
    pub(super) fn leave(&mut self) {
        self.is_counted |= self.stage.is() != CONNECTS;
    }

    /// A later check goes on waiting, and counts the connection unless an earlier one has.
    pub(super) fn go_on(&self, cx: &CheckContext) {
        if !self.is_counted {
            cx.note_connection(Connection::New);
        }
        cx.enter(self.phase());
    }

    /// The phase that a check is in while it waits.
    fn phase(&self) -> Phase {
        match self.stage.is() {
            SHAKES => Phase::Tls,
            _ => Phase::Connect,
        }
    }

    /// Waits for it. Dropping this leaves it under way.
    pub(super) async fn wait(&mut self, cx: &CheckContext) -> Outcome {
        let mut outcome = self.end(cx).await;
        outcome.was_connected &= !self.is_counted;
        outcome
    }

    async fn end(&mut self, cx: &CheckContext) -> Outcome {
        if let Some(outcome) = self.done.take() {
            return outcome;
        }
        let left = cx.deadline().since(cx.now()).mul_f64(WAIT_SHARE);
        let mut outcome = &mut self.outcome;
        if self.stage.is() != SHAKES {
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome.unwrap_or_else(|_| dropped()),
                () = tokio::time::sleep(left) => {}
            }
            if self.stage.is() == WAITS {
                return Outcome {
                    result: Err(no_turn()),
                    was_connected: true,
                };
            }
        }
        outcome.await.unwrap_or_else(|_| dropped())
    }
}

/// Timeouts of some milliseconds must not make every handshake fail.
const LEAST: Duration = Duration::from_secs(1);

/// For how long a handshake may make no progress.
fn patience(cx: &CheckContext) -> Duration {
    let timeout = cx.deadline().since(cx.now());
    timeout.max(LEAST).saturating_mul(PATIENCE)
}

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
    Outcome::failed(failure)
}

async fn connect(
    cx: &CheckContext,
    line: &Line,
    worker: &Arc<Worker>,
    place: &Place,
    stage: &Stage,
    anew: bool,
) -> Result<Opened, Failure> {
    let mut early = Vec::new();
    let patience = patience(cx);
    let (link, address) = match &line.proxy {
        None => dial(cx, worker, &line.names, &place.dial, line.ip)
            .await
            .map_err(|failure| cut_off(failure, cx, place, stage))?,
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
    stage.set(TUNNELS);
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
    stage.set(WAITS);
    let permit = worker.handshakes.clone().acquire_owned().await.ok();
    stage.set(SHAKES);
    cx.enter(Phase::Tls);
    let session = session(line, host, anew)?;
    in_turn(worker, permit, secure(&link, session, &early, patience)).await?;
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

/// A failure of dialling. Where the server closed at once there was a connection for a moment.
fn cut_off(mut failure: Failure, cx: &CheckContext, place: &Place, stage: &Stage) -> Failure {
    if failure.kind == Kind::Reset {
        cx.note_connection(Connection::New);
        stage.set(TUNNELS);
        if place.secure.is_some() {
            failure.phase = Some(Phase::Tls);
        }
    }
    failure
}

/// Shakes hands, and gives the turn away when that takes its time.
async fn in_turn(
    worker: &Worker,
    permit: Option<OwnedSemaphorePermit>,
    secured: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut secured = pin!(secured);
    let turn = worker.shake.typical().saturating_mul(TURN);
    let begun = worker.millis_now();
    let in_turn = tokio::time::timeout(turn.max(SHORTEST_TURN), &mut secured).await;
    drop(permit);
    let result = match in_turn {
        Ok(result) => result,
        Err(_) => secured.await,
    };
    if result.is_ok() {
        worker.shake.took(worker.millis_now().wrapping_sub(begun));
    }
    result
}

fn session(line: &Line, host: &str, anew: bool) -> Result<Session, Failure> {
    let other = |message: &str| Failure::new(Kind::Tls, Phase::Tls, message).with_code("other");
    let configs = line
        .tls
        .as_ref()
        .ok_or_else(|| other("TLS is not set up"))?;
    let config = match anew {
        true => configs.anew.clone(),
        false => configs.resuming.clone(),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|_| other("the server's name is no name that TLS knows"))?;
    Session::try_new(config, name).map_err(|error| classify::tls_error(&error))
}

async fn secure(
    link: &Link,
    session: Session,
    early: &[u8],
    timeout: Duration,
) -> Result<(), Failure> {
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
