//! The pooled transport: reqwest, one client per distinct configuration, shared by all targets that it fits.
//!
//! reqwest hides some things: TLS is inside connect, sending inside waiting, and the first bytes of what is no HTTP are
//! not told; what is not measured is absent. It cannot count interim answers: a flood of them ends at the deadline.
//! Knows nothing of expectations, redirects and retries.

mod asking;
mod client;
mod fit;

pub(crate) use asking::Carried;
pub(crate) use client::{Key, Pair, Shared};
pub(crate) use fit::misfit;

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use hc_core::{CheckContext, Connection, Failure, Kind, Phase};
use http::header;
use url::{Host, Url};

use self::asking::Asking;
use crate::BuildError;
use crate::classify;
use crate::clients::Clients;
use crate::compose::host_header;
use crate::exchange::{Exchange, Request, Trail, Transport, Wish, head_size, version_name};
use crate::proxy;
use crate::redirect::same_origin;
use crate::spec::{Dial, HttpSpec, IpFamily};
use crate::tls;

/// The pooled transport of one target.
///
/// A connection that was asked for anew is closed after its answer; the kept ones stay in the pool, which none can be
/// taken from. So after a check without an answer, given up ones too, the kept ones are not used until a new one has
/// served: they may lead to what no longer listens.
pub struct Pooled {
    clients: Shared,
    home: Url,
    connect: Option<Dial>,
    proxy: Option<Url>,
    ip: IpFamily,
    is_verified: bool,
    is_doubtful: AtomicBool,
}

impl Pooled {
    /// Why it cannot carry a spec out to the letter; completes "the pooled transport ". Nothing: it can.
    #[must_use]
    pub fn misfit(spec: &HttpSpec) -> Option<&'static str> {
        misfit(spec)
    }

    /// The transport of one target, its client shared through `clients`.
    ///
    /// # Errors
    /// If the settings cannot be used, or reqwest cannot carry them out to the letter.
    pub fn try_new(spec: &HttpSpec, clients: &Clients) -> Result<Self, BuildError> {
        if let Some(problem) = misfit(spec) {
            return Err(BuildError::new(format!("the pooled transport {problem}")));
        }
        Ok(Self {
            clients: clients.pair(spec)?,
            home: spec.url.clone(),
            connect: spec.connect.clone(),
            proxy: spec.proxy.as_ref().map(|proxy| proxy.url.clone()),
            ip: spec.ip,
            is_verified: !spec.tls.insecure,
            is_doubtful: AtomicBool::new(false),
        })
    }

    /// The address to dial, where no name needs to be resolved for it.
    fn literal(&self, url: &Url) -> Result<Option<SocketAddr>, Failure> {
        let dialled = self.proxy.as_ref().unwrap_or(url);
        let ip: IpAddr = match dialled.host() {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            _ => return Ok(None),
        };
        let address = SocketAddr::new(ip, dialled.port_or_known_default().unwrap_or(80));
        match self.ip.admits(&address) {
            true => Ok(Some(address)),
            false => Err(classify::no_address(&ip.to_string(), self.ip.name())),
        }
    }

    fn failed(
        &self,
        error: &reqwest::Error,
        asking: &Asking,
        request: &Request,
        trail: &mut Trail,
    ) -> Failure {
        let address = asking.address();
        let failure = classify::reqwest_error(error, address, request.max_headers);
        // What came after the connection was there says that it was.
        if asking.is_connecting() && asking.opened() == 0 && failure.phase == Some(Phase::Tls) {
            trail.opened = trail.opened.saturating_add(1);
            trail.address = address;
        }
        trail.answered |= matches!(failure.kind, Kind::Protocol | Kind::Limit);
        match &self.proxy {
            Some(proxy) if failure.phase <= Some(Phase::Connect) => {
                classify::by_proxy(failure, &proxy::name(proxy))
            }
            _ => failure,
        }
    }
}

#[async_trait]
impl Transport for Pooled {
    async fn exchange(
        &self,
        cx: &CheckContext,
        request: &Request,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        trail.answered = false;
        trail.connection = None;
        let is_fresh = wish == Wish::Fresh || self.is_doubtful.load(Ordering::Relaxed);
        let client = match is_fresh {
            true => &self.clients.fresh,
            false => {
                // What has arrived meanwhile, a close say, is the connection's task's to read: let it run first.
                tokio::task::yield_now().await;
                &self.clients.pooling
            }
        };
        let connect = self
            .connect
            .clone()
            .filter(|_| same_origin(&self.home, &request.url));
        let asking = Asking::new(cx, connect, self.ip, self.literal(&request.url)?);
        // Who gives up drops this future: the doubt is there before.
        self.is_doubtful.store(true, Ordering::Relaxed);
        let result = self.carry(cx, client, request, &asking, trail).await;
        asking.end();
        self.is_doubtful.store(result.is_err(), Ordering::Relaxed);
        result
    }
}

impl Pooled {
    async fn carry(
        &self,
        cx: &CheckContext,
        client: &reqwest::Client,
        request: &Request,
        asking: &Asking,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        let before = cx.now();
        let mut sending = pin!(asking.scope(client.execute(message(request))));
        // The pool answers at once if it has a connection: what has begun none by now uses a kept one.
        let first = poll_fn(|task| Poll::Ready(sending.as_mut().poll(task))).await;
        if !asking.is_connecting() {
            trail.connection = Some(Connection::Reused);
            cx.note_connection(Connection::Reused);
            cx.enter_at(Phase::Wait, before);
        }
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => sending.await,
        };
        trail.opened = trail.opened.saturating_add(asking.opened());
        // One that was begun but did not carry the request, as another became free first, does not make it new.
        trail.connection = match asking.opened() > 0 || asking.is_connecting() && answer.is_err() {
            true => Some(Connection::New),
            false => Some(Connection::Reused),
        };
        let mut answer = answer.map_err(|error| self.failed(&error, asking, request, trail))?;
        cx.enter(Phase::Receive);
        trail.answered = true;
        trail.address = answer.remote_addr();
        trail.address.inspect(|address| cx.note_address(*address));
        trail.certificate = answer
            .extensions()
            .get::<reqwest::tls::TlsInfo>()
            .and_then(reqwest::tls::TlsInfo::peer_certificate)
            .and_then(|leaf| tls::validity(leaf, self.is_verified));
        if head_size(answer.headers()) > u64::from(request.max_headers) {
            return Err(classify::too_many_headers(request.max_headers));
        }
        let (body, cut) = drain(&mut answer, request).await?;
        Ok(Exchange {
            status: answer.status().as_u16(),
            version: version_name(answer.version()),
            headers: std::mem::take(answer.headers_mut()),
            length: body.len() as u64,
            body,
            cut,
        })
    }
}

/// Reads a body to its end, or to the limit and not past it.
async fn drain(
    answer: &mut reqwest::Response,
    request: &Request,
) -> Result<(Vec<u8>, bool), Failure> {
    let limit = usize::try_from(request.max_body).unwrap_or(usize::MAX);
    let mut read = Vec::new();
    loop {
        let data = answer
            .chunk()
            .await
            .map_err(|error| classify::reqwest_body_error(&error, request.max_headers))?;
        let Some(data) = data else {
            return Ok((read, false));
        };
        let room = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((read, true));
        }
    }
}

fn message(request: &Request) -> reqwest::Request {
    let mut message = reqwest::Request::new(request.method.clone(), request.url.clone());
    *message.headers_mut() = request.headers.clone();
    // The URL's own is added where it is wanted: HTTP/2 has it in its authority, and RFC 9113 8.3.1 wants no second.
    let own = host_header(&request.url);
    if request
        .headers
        .get(header::HOST)
        .is_some_and(|host| host.as_bytes() == own.as_bytes())
    {
        message.headers_mut().remove(header::HOST);
    }
    if !request.body.is_empty() {
        *message.body_mut() = Some(request.body.clone().into());
    }
    message
}
