//! The kept transport: one kept connection a target, hyper's, driven directly; TLS configurations are shared by all
//! targets that they fit.
//!
//! Having the connection in hand it knows what a pool hides: the TLS phase, the answer's first bytes, how many interim
//! answers came, and surely which connection was used. The dedicated transport will take its place.
//! Knows nothing of expectations and retries.

mod connect;
mod dial;
mod link;
mod tunnel;
mod wire;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hc_core::{CheckContext, Connection, Failure, Kind, Phase, Timestamp};
use http::uri::{PathAndQuery, Uri};
use http::{Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Notify;

use self::connect::Connector;
use self::link::{Link, Sender};
use crate::BuildError;
use crate::classify;
use crate::clients::Clients;
use crate::exchange::{Exchange, Request, Trail, Transport, Wish, head_size, version_name};
use crate::spec::HttpSpec;

/// So many interim answers (1xx) are skipped; more than a handful is a flood (transport.md allows 8).
const MAX_INTERIM: u32 = 8;

/// The kept transport of one target.
pub struct Kept {
    connector: Connector,
    keep_alive: Duration,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    link: Link,
    since: Timestamp,
}

impl Kept {
    /// The transport of one target, its TLS configuration shared through `clients`.
    ///
    /// # Errors
    /// If the TLS settings cannot be used.
    pub fn try_new(spec: &HttpSpec, clients: &Clients) -> Result<Self, BuildError> {
        Ok(Self {
            connector: Connector::try_new(spec, clients)?,
            keep_alive: spec.keep_alive,
            idle: Mutex::new(None),
        })
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Idle>> {
        // A panic cannot leave the slot half written: it is one value.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kept connection, if it may still be used. Whatever is not, is given up.
    async fn take(&self, cx: &CheckContext, request: &Request, wish: Wish) -> Option<Link> {
        let idle = self.slot().take()?;
        let fits = wish == Wish::Kept
            && idle.link.serves(&request.url)
            && cx.now().since(idle.since) <= self.keep_alive;
        let mut link = if fits { idle.link } else { return None };
        link.is_usable().await.then_some(link)
    }
}

#[async_trait]
impl Transport for Kept {
    async fn exchange(
        &self,
        cx: &CheckContext,
        request: &Request,
        wish: Wish,
        trail: &mut Trail,
    ) -> Result<Exchange, Failure> {
        trail.answered = false;
        let mut link = match self.take(cx, request, wish).await {
            Some(link) => {
                trail.connection = Some(Connection::Reused);
                cx.note_connection(Connection::Reused);
                link
            }
            None => {
                trail.connection = Some(Connection::New);
                self.connector.open(cx, request, trail).await?
            }
        };
        cx.note_address(link.address);
        trail
            .connection
            .inspect(|connection| cx.note_connection(*connection));
        trail.address = Some(link.address);
        trail.certificate = link.certificate;
        let result = converse(cx, request, &mut link, trail).await;
        link.wire.end();
        let exchange = result?;
        let keep =
            !exchange.cut && !self.keep_alive.is_zero() && self.connector.is_home(&request.url);
        if keep {
            *self.slot() = Some(Idle {
                link,
                since: cx.now(),
            });
        }
        Ok(exchange)
    }
}

async fn converse(
    cx: &CheckContext,
    request: &Request,
    link: &mut Link,
    trail: &mut Trail,
) -> Result<Exchange, Failure> {
    let interim = Arc::new(Interim::default());
    let message = message(request, link, &interim);
    let is_h2 = matches!(link.sender, Sender::Http2(_));
    match is_h2 {
        true => cx.enter(Phase::Wait),
        false => link.wire.begin(cx),
    }
    let answer = tokio::select! {
        // The answer first: a final answer after the last allowed interim one counts.
        biased;
        answer = link.sender.send(message) => answer,
        () = interim.too_many.notified() => {
            trail.answered = true;
            let message = format!("over {MAX_INTERIM} interim answers");
            return Err(Failure::new(Kind::Limit, Phase::Wait, message).with_code("headers"));
        }
    };
    let first_bytes = link.wire.first_bytes();
    trail.answered = !first_bytes.is_empty() || answer.is_ok();
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let at = if is_h2 {
                Phase::Wait
            } else {
                link.wire.phase()
            };
            let cause = match trail.connection == Some(Connection::New) && error.is_canceled() {
                true => link.cause_of_death().await,
                false => None,
            };
            let error = cause.unwrap_or(error);
            return Err(classify::exchange_error(
                &error,
                at,
                &first_bytes,
                request.max_headers,
            ));
        }
    };
    if is_h2 {
        cx.enter(Phase::Receive);
    }
    let (head, body) = answer.into_parts();
    if head_size(&head.headers) > u64::from(request.max_headers) {
        return Err(classify::too_many_headers(request.max_headers));
    }
    let (body, cut) = drain(body, request).await?;
    Ok(Exchange {
        status: head.status.as_u16(),
        version: version_name(head.version),
        headers: head.headers,
        body,
        cut,
    })
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

#[derive(Default)]
struct Interim {
    seen: AtomicU32,
    too_many: Notify,
}

fn message(request: &Request, link: &Link, interim: &Arc<Interim>) -> http::Request<Full<Bytes>> {
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.headers_mut() = request.headers.clone();
    *message.uri_mut() = uri(request, link);
    if matches!(link.sender, Sender::Http2(_)) {
        *message.version_mut() = Version::HTTP_2;
        // Its authority is in the URI; RFC 9113 8.3.1 wants no second one, and 8.2.2 no connection headers.
        message.headers_mut().remove(header::HOST);
        message.headers_mut().remove(header::CONNECTION);
    }
    let interim = interim.clone();
    hyper::ext::on_informational(&mut message, move |_| {
        if interim.seen.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
            interim.too_many.notify_one();
        }
    });
    message
}

/// Origin form on a connection to the server, absolute form to a proxy, and all of it in HTTP/2.
fn uri(request: &Request, link: &Link) -> Uri {
    let url = &request.url;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let path = PathAndQuery::try_from(path).unwrap_or_else(|_| PathAndQuery::from_static("/"));
    let mut parts = http::uri::Parts::default();
    if matches!(link.sender, Sender::Http2(_)) || link.is_forwarded {
        let host = request
            .headers
            .get(header::HOST)
            .map(http::HeaderValue::as_bytes);
        parts.scheme = url.scheme().parse().ok();
        parts.authority = host.and_then(|host| http::uri::Authority::try_from(host).ok());
    }
    if parts.authority.is_none() {
        parts.scheme = None;
    }
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(path))
}
