//! The dedicated transport: one kept connection a target on the worker's own epoll, read by a reader of our own.
//!
//! It knows what a pool hides: each phase, reuse, the certificate of a reused connection, and when the peer closes an
//! idle one, which nudges the target. Knows nothing of expectations and retries.

mod dial;
mod h2;
mod line;
mod opening;
mod peer;
mod reader;
mod session;
mod talk;
mod tunnel;
mod wire;
mod worker;
mod workers;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hc_core::{CheckContext, Connection, Failure, Phase};
use url::Url;

use self::h2::H2;
use self::opening::{Opened, Opening, Outcome, Place, open};
use self::peer::Peer;
use self::reader::{Asked, Reader};
use self::talk::{Said, Talk};
use self::wire::{Outgoing, compose};
use self::worker::{Fate, Link, Parking, Worker, millis_of};
use crate::classify;
use crate::exchange::{Exchange, Request, Trail, Transport, Wish, is_repeatable};
use crate::expect::Certificate;
use crate::redirect::same_origin;
use crate::spec::{Dial, HttpSpec, HttpVersion};

pub(crate) use self::line::Line;

/// A request of up to so many bytes goes out in one segment, which waits for no other's acknowledgement.
const SEGMENT: usize = 1_200;

/// The dedicated transport of one target.
pub struct Dedicated {
    line: Arc<Line>,
    url: Arc<str>,
    place: Place,
    /// The request as it goes out, if it is not the usual one.
    wire: Option<Box<[u8]>>,
    /// The same for HTTP/2, where that may be spoken.
    request: Option<Box<Request>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    opening: Option<Box<Opening>>,
    peer: Peer,
}

/// A connection that waits for the next check.
struct Kept {
    connection: Open,
    /// What cannot be told from the target itself.
    facts: Option<Box<Facts>>,
}

/// A connection, by what is spoken over it.
enum Open {
    Http1(Link),
    Http2(Box<H2>),
}

impl Open {
    fn worker(&self) -> &Arc<Worker> {
        match self {
            Self::Http1(link) => link.worker(),
            Self::Http2(h2) => h2.worker(),
        }
    }

    fn millis(&self) -> u32 {
        match self {
            Self::Http1(link) => link.worker().millis(),
            Self::Http2(h2) => h2.worker().millis_now(),
        }
    }
}

#[derive(Clone, Copy)]
struct Facts {
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl Dedicated {
    /// The transport of one target, everything that it shares with its like in `line`.
    pub(crate) fn new(spec: &HttpSpec, request: &Request, line: Arc<Line>, url: Arc<str>) -> Self {
        let connect = spec.connect.as_ref();
        let place = place(&request.url, connect, line.server_name.as_deref());
        let is_forwarded = line.proxy.is_some() && place.secure.is_none();
        let Request {
            url: target,
            method,
            headers,
            body,
            ..
        } = request;
        let may_speak_h2 = match line.version {
            HttpVersion::Auto => place.secure.is_some(),
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        };
        let wire = compose(method, target, headers, body, is_forwarded);
        let is_usual = line.is_usual(&url, &wire, request);
        Self {
            request: (may_speak_h2 && !is_usual).then(|| Box::new(request.clone())),
            wire: (!is_usual).then_some(wire),
            place,
            url,
            state: Mutex::default(),
            line,
        }
    }

    /// The URL that it was made for.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks what it was made for.
    ///
    /// # Errors
    /// The failure, classified, without evidence; what was learnt before is left in `trail`.
    pub(crate) async fn ask(
        &self,
        cx: &CheckContext,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        let wire = match &self.wire {
            Some(wire) => Outgoing::Whole(wire),
            None => self
                .line
                .usual(&self.url)
                .expect("a request that is not usual is kept whole"),
        };
        let home = Asking {
            place: &self.place,
            wire,
            request: self.request.as_deref(),
            asked: self.line.asked(&self.line.method),
            is_home: true,
            is_repeatable: is_repeatable(&self.line.method),
        };
        self.carry(cx, home, wish, trail).await
    }

    async fn carry(
        &self,
        cx: &CheckContext,
        asking: Asking<'_>,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        trail.answered = false;
        // Not where a kept connection failed in this check: that one is opened out of need.
        let is_planned = wish == Wish::Fresh && trail.connection.is_none();
        let (kept, is_hurried) = self.take(&asking, wish).await;
        let kept = match kept {
            Some(kept) => {
                trail.connection = Some(Connection::Reused);
                cx.note_connection(Connection::Reused);
                kept
            }
            None => {
                trail.connection = Some(Connection::New);
                // Seldom, and large: a check that finds its connection has no room for it.
                Box::pin(self.connect(cx, &asking, trail, is_planned)).await?
            }
        };
        let Kept { connection, facts } = kept;
        let address = match (&facts, &asking.place.dial) {
            (Some(facts), _) => Some(facts.address),
            (None, Dial::Address(address)) => Some(*address),
            (None, Dial::Name(..)) => None,
        };
        if let Some(address) = address {
            cx.note_address(address);
        }
        trail.address = address;
        trail.certificate = facts.as_ref().and_then(|facts| facts.certificate);
        let is_reused = trail.connection == Some(Connection::Reused);
        match connection {
            Open::Http1(link) => {
                let talk = Talk {
                    cx,
                    link: &link,
                    wire: asking.wire,
                    reader: Reader::new(asking.asked),
                    is_reused,
                    is_hurried: is_hurried || cx.wants_fresh_connection(),
                    begun: trail.begun.take().filter(|_| is_reused),
                };
                let said = talk.hold().await;
                let Said { answer, at } = said.map_err(|failed| noted(failed, trail))?;
                (trail.answered, trail.ended) = (true, at);
                if asking.is_home && answer.reusable {
                    self.lay_down(cx, Open::Http1(link), facts, answer.keep_alive);
                }
                Ok(Exchange {
                    status: answer.status,
                    version: answer.version,
                    headers: answer.headers,
                    body: answer.body,
                    length: answer.length,
                    cut: answer.cut,
                })
            }
            Open::Http2(mut h2) => {
                let usual;
                let request = match asking.request {
                    Some(request) => request,
                    None => {
                        usual = self.line.usual_request(&self.url);
                        usual.as_ref().expect("what is not usual is kept whole")
                    }
                };
                let said = Box::pin(h2.ask(cx, request, !is_reused)).await;
                let exchange = said.map_err(|failed| noted(failed, trail))?;
                (trail.answered, trail.ended) = (true, None);
                if asking.is_home && !exchange.cut {
                    self.lay_down(cx, Open::Http2(h2), facts, None);
                }
                Ok(exchange)
            }
        }
    }

    /// A new connection; a planned one is there to have a look at the listener and its certificate.
    async fn connect(
        &self,
        cx: &CheckContext,
        asking: &Asking<'_>,
        trail: &mut Trail,
        is_planned: bool,
    ) -> Result<Kept, Failure> {
        let outcome = self.open(cx, asking, is_planned).await;
        trail.opened = trail.opened.saturating_add(outcome.was_connected.into());
        let opened = outcome.result?;
        trail.continued = !outcome.was_connected;
        let facts = self.facts_of(&opened);
        if let Some(facts) = &facts {
            trail.address = Some(facts.address);
        }
        let Opened {
            link, speaks_h2, ..
        } = opened;
        let connection = match speaks_h2 {
            false => {
                if asking.wire.with(<[u8]>::len) > SEGMENT {
                    link.hurry();
                }
                Open::Http1(link)
            }
            true => {
                let worker = link.worker().clone();
                let broken = |error| classify::io_error(&error, Phase::Send);
                let parts = link.detach().map_err(broken)?;
                let h2 = H2::start(&worker, parts, self.line.max_headers).await?;
                Open::Http2(Box::new(h2))
            }
        };
        Ok(Kept { connection, facts })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half written: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kept connection, if it may still be used, and whether checks follow each other closely. Whatever is not
    /// used is given up.
    async fn take(&self, asking: &Asking<'_>, wish: Wish) -> (Option<Kept>, bool) {
        if !asking.is_home {
            return (None, false);
        }
        let (kept, is_hurried) = {
            let mut state = self.state();
            let kept = state.kept.take();
            state.peer.settle();
            match &kept {
                Some(kept) => state.peer.begins(kept.connection.millis()),
                // Without one, how far checks are from each other still decides whether one is kept.
                None if state.peer.has_a_habit() => {
                    let worker = self.line.workers.here();
                    worker
                        .into_iter()
                        .for_each(|worker| state.peer.begins(worker.millis_now()));
                }
                None => {}
            }
            (kept, state.peer.is_hurried())
        };
        let Some(mut kept) = kept else {
            return (None, is_hurried);
        };
        let worker = kept.connection.worker();
        let is_alive = !worker.is_dead() && worker.is_here();
        // What must not be sent twice is not sent where it cannot arrive.
        let must_know = !asking.is_repeatable;
        let (fate, is_quiet) = match &mut kept.connection {
            Open::Http1(link) => (link.take_up(), !link.has_news(must_know)),
            Open::Http2(h2) if is_alive => (h2.take_up().await, true),
            Open::Http2(_) => (Fate::Expired, true),
        };
        self.state().peer.learns(fate);
        let is_usable = wish == Wish::Kept && is_alive && is_quiet && matches!(fate, Fate::Open(_));
        (is_usable.then_some(kept), is_hurried)
    }

    /// Keeps a connection for the next check, if it will be of use then.
    fn lay_down(
        &self,
        cx: &CheckContext,
        mut connection: Open,
        facts: Option<Box<Facts>>,
        says: Option<std::time::Duration>,
    ) {
        let keep = millis_of(self.line.keep_alive);
        let mut state = self.state();
        state.peer.ended(connection.millis(), says);
        if keep == 0 || !state.peer.is_worth_keeping() {
            return;
        }
        let parking = Parking {
            nudge: cx.nudge(),
            keep,
            expected: state.peer.expected(),
        };
        match &mut connection {
            Open::Http1(link) => link.park(parking),
            Open::Http2(h2) => h2.park(parking),
        }
        state.kept = Some(Kept { connection, facts });
    }

    async fn open(&self, cx: &CheckContext, asking: &Asking<'_>, is_planned: bool) -> Outcome {
        let worker = match self.line.workers.here() {
            Ok(worker) => worker,
            Err(error) => {
                return Outcome::failed(classify::io_error(&error, Phase::Connect));
            }
        };
        if asking.place.secure.is_none() {
            return open(cx, &self.line, &worker, asking.place).await;
        }
        let opening = match asking.is_home {
            true => self.state().opening.take(),
            false => None,
        };
        let opening = match opening.and_then(Opening::if_of_use) {
            Some(opening) => {
                opening.go_on(cx);
                opening
            }
            None => self.begin(cx, &worker, asking.place, is_planned),
        };
        let mut hold = Hold {
            of: self,
            opening: Some(opening),
            is_home: asking.is_home,
        };
        let outcome = match &mut hold.opening {
            Some(opening) => opening.wait(cx).await,
            None => unreachable!("it was put there above"),
        };
        let is_over =
            !matches!(&outcome.result, Err(failure) if failure.code == Some(opening::NO_TURN));
        if is_over {
            hold.opening = None;
        }
        outcome
    }

    fn begin(
        &self,
        cx: &CheckContext,
        worker: &Arc<Worker>,
        place: &Place,
        anew: bool,
    ) -> Box<Opening> {
        let place = place.clone();
        Box::new(Opening::begin(cx, &self.line, worker, place, anew))
    }

    /// What is to be remembered of a connection beside the connection.
    fn facts_of(&self, opened: &Opened) -> Option<Box<Facts>> {
        let is_known = opened.certificate.is_none()
            && matches!(&self.place.dial, Dial::Address(address) if *address == opened.address);
        let facts = Facts {
            address: opened.address,
            certificate: opened.certificate,
        };
        (!is_known).then(|| Box::new(facts))
    }
}

/// Leaves in the trail whether the answer had begun.
fn noted((failure, answered): (Failure, bool), trail: &mut Trail) -> Failure {
    trail.answered = answered;
    failure
}

/// A handshake under way that a check waits for; it outlives a check that gives up.
struct Hold<'a> {
    of: &'a Dedicated,
    opening: Option<Box<Opening>>,
    is_home: bool,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if self.is_home
            && let Some(mut opening) = self.opening.take()
        {
            opening.leave();
            self.of.state().opening = Some(opening);
        }
    }
}

/// One request, as this transport needs it.
struct Asking<'a> {
    place: &'a Place,
    wire: Outgoing<'a>,
    /// None: it is the usual one.
    request: Option<&'a Request>,
    asked: Asked,
    /// Whether it goes to the target's own server, whose connection is kept.
    is_home: bool,
    /// Whether it may be sent again where it met a connection that was closed just then.
    is_repeatable: bool,
}

#[async_trait]
impl Transport for Dedicated {
    async fn exchange(
        &self,
        cx: &CheckContext,
        request: &Request,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        let Request {
            url,
            method,
            headers,
            body,
            ..
        } = request;
        let is_home = self
            .url
            .parse()
            .is_ok_and(|home: Url| same_origin(&home, url));
        let away;
        let place = match is_home {
            true => &self.place,
            false => {
                away = place(url, None, None);
                &away
            }
        };
        let is_forwarded = self.line.proxy.is_some() && place.secure.is_none();
        let wire = compose(method, url, headers, body, is_forwarded);
        let asked = self.line.asked(method);
        let asking = Asking {
            place,
            wire: Outgoing::Whole(&wire),
            request: Some(request),
            asked,
            is_home,
            is_repeatable: is_repeatable(method),
        };
        self.carry(cx, asking, wish, trail).await
    }
}

/// Where a URL leads.
fn place(url: &Url, connect: Option<&Dial>, server_name: Option<&str>) -> Place {
    let host = url.host_str().unwrap_or_default();
    let own = || {
        let port = url.port_or_known_default().unwrap_or(80);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(ip) => Dial::Address(SocketAddr::new(ip, port)),
            Err(_) => Dial::Name(host.to_owned(), port),
        }
    };
    let is_tls = url.scheme() == "https";
    Place {
        dial: connect.cloned().unwrap_or_else(own),
        secure: is_tls.then(|| server_name.unwrap_or(host).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{size_of, size_of_val};

    use super::*;

    struct Still;

    impl hc_core::Clock for Still {
        fn now(&self) -> hc_core::Timestamp {
            hc_core::Timestamp::ZERO
        }

        fn wall(&self) -> std::time::SystemTime {
            std::time::SystemTime::UNIX_EPOCH
        }
    }

    /// A million targets are kept, and thousands of checks are under way at once: bytes that are not looked at show.
    #[test]
    fn a_target_and_a_check_that_finds_its_connection_are_small() {
        let clients = crate::Clients::new();
        let spec = HttpSpec::new("http://127.0.0.1/".parse().unwrap());
        let line = clients.line(&clients.settings(&spec)).unwrap();
        let request = crate::compose::compose(&spec).unwrap();
        let transport = Dedicated::new(&spec, &request, line, "http://127.0.0.1/".into());
        assert!(transport.wire.is_none(), "the usual request is not kept");
        let spec = HttpSpec::new("https://127.0.0.1/".parse().unwrap());
        let line = clients.line(&clients.settings(&spec)).unwrap();
        let request = crate::compose::compose(&spec).unwrap();
        let secure = Dedicated::new(&spec, &request, line, "https://127.0.0.1/".into());
        assert!(secure.request.is_none(), "nor is that for HTTP/2");
        let cx = CheckContext::new(
            "a".into(),
            Arc::new(Still),
            hc_core::Timestamp::NEVER,
            hc_core::Nudge::nowhere(),
        );
        let mut trail = Trail::default();
        let check = size_of_val(&transport.ask(&cx, Wish::Kept, &mut trail));
        assert!(check <= 1_200, "{check} bytes a check");
        assert!(size_of::<crate::HttpProbe>() <= 200);
    }
}
