//! A small HTTP client: GET over a unix socket or TCP, one kept connection, everything bounded.
//!
//! Bodies, heads and time have limits, since what answers may be anything. It follows no redirect and uses no proxy.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use hc_server::wire::event::{EventBody, Gap};
use hc_server::wire::problem::Problem;

use super::sse::{Message, Reader};
use super::{Place, Trouble};

/// Connecting and a whole answer may take so long: the server itself gives up at 10 s, and a person before that.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// A page of a thousand targets is one or two; this one would have 32 KiB a target.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// All pages of one list together: 100,000 targets are 150 MB.
const MOST_PAGED: usize = 512 * 1024 * 1024;

/// Problems and errors of others are short.
const LARGEST_PROBLEM: usize = 64 * 1024;

/// The server's heads have ten fields.
const HEAD_FIELDS: usize = 64;
const LARGEST_HEAD: usize = 64 * 1024;

/// A stream has a comment each 15 s: after three of them its connection is dead, as after a suspended laptop.
const SILENCE: Duration = Duration::from_secs(45);

type Sender = SendRequest<Empty<Bytes>>;

/// Asks one place. Requests go one after the other over a connection that is kept.
#[derive(Debug)]
pub(crate) struct Client {
    place: Place,
    kept: Option<Connection>,
    /// Bytes of answers so far.
    taken: usize,
}

/// A connection and the task that drives it, which ends with it.
#[derive(Debug)]
struct Connection {
    sender: Sender,
    _driver: JoinSet<()>,
}

impl Client {
    /// A client that has not connected yet.
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            kept: None,
            taken: 0,
        }
    }

    /// Whom it asks.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// Nobody answers in time, or not as hc does.
    ///
    /// # Cancel safety
    /// The next request goes over a new connection.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Trouble> {
        let asked = timeout(ANSWER_TIME, self.ask(path)).await;
        let body = asked.unwrap_or_else(|_| Err(self.too_slow()))?;
        serde_json::from_slice(&body).map_err(|error| {
            let error = hc_core::escape(&error.to_string(), 120);
            Trouble::strange(&self.place, format_args!("{path}: {error}"))
        })
    }

    /// Bytes of answers so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Whether the pages that came since so many bytes are still no more than a fleet has.
    ///
    /// # Errors
    /// They are: what answers is none, or means ill.
    pub(crate) fn bear(&self, begun: usize) -> Result<(), Trouble> {
        match self.taken.saturating_sub(begun) > MOST_PAGED {
            true => Err(Trouble::strange(&self.place, "its pages never end")),
            false => Ok(()),
        }
    }

    async fn ask(&mut self, path: &str) -> Result<Bytes, Trouble> {
        let kept = self.kept.take();
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let mut response = self.send(&mut connection, path, JSON).await;
        if was_kept && response.is_err() {
            // It was closed while nothing was asked: no trouble of the other side.
            connection = self.connect().await?;
            response = self.send(&mut connection, path, JSON).await;
        }
        let body = self.body(response?, path).await?;
        self.kept = Some(connection);
        self.taken = self.taken.saturating_add(body.len());
        Ok(body)
    }

    /// Opens a stream of events: those after `last`, an event's id, or those that come.
    ///
    /// # Errors
    /// As of [`get`](Self::get).
    pub(crate) async fn follow(&self, last: Option<&str>) -> Result<Told, Trouble> {
        let path = "/api/v1/events";
        let opened = timeout(ANSWER_TIME, async {
            let mut connection = self.connect().await?;
            let response = self
                .send(&mut connection, path, (SSE, last.unwrap_or_default()))
                .await?;
            Ok::<_, Trouble>((connection, response))
        });
        let opened = opened.await.unwrap_or_else(|_| Err(self.too_slow()));
        let (connection, response) = opened?;
        if response.status() != StatusCode::OK || !is(&response, SSE) {
            let body = timeout(ANSWER_TIME, self.body(response, path)).await;
            body.unwrap_or_else(|_| Err(self.too_slow()))?;
            return Err(Trouble::strange(&self.place, "no stream of events"));
        }
        Ok(Told {
            place: self.place.clone(),
            body: response.into_body(),
            reader: Reader::default(),
            ready: Vec::new().into_iter(),
            _connection: connection,
        })
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let failed = |error: io::Error| Trouble::away(&self.place, &error);
        match &self.place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(failed)?;
                self.shake_hands(stream).await
            }
            Place::Http { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(failed)?;
                // Requests are small, and each is waited for.
                stream.set_nodelay(true).map_err(failed)?;
                self.shake_hands(stream).await
            }
        }
    }

    async fn shake_hands(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Connection, Trouble> {
        let made = Builder::new()
            .max_headers(HEAD_FIELDS)
            .max_buf_size(LARGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = made.map_err(|error| self.broken(&error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its error is told by the request that met it.
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            _driver: driver,
        })
    }

    async fn send(
        &self,
        connection: &mut Connection,
        path: &str,
        (accept, last): (&str, &str),
    ) -> Result<Response<Incoming>, Trouble> {
        let mut request = Request::get(format!("{}{path}", self.place.prefix()))
            .header(HOST, self.place.host_header())
            .header(USER_AGENT, concat!("hc/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, accept);
        if !last.is_empty() {
            request = request.header(HeaderName::from_static("last-event-id"), last);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| Trouble::strange(&self.place, error))?;
        let ready = connection.sender.ready().await;
        ready.map_err(|error| self.broken(&error))?;
        let sent = connection.sender.send_request(request).await;
        sent.map_err(|error| self.broken(&error))
    }

    async fn body(&self, response: Response<Incoming>, path: &str) -> Result<Bytes, Trouble> {
        let status = response.status();
        let is_well = status == StatusCode::OK && is(&response, JSON.0);
        let is_problem = is(&response, "application/problem+json");
        let limit = if is_well {
            LARGEST_ANSWER
        } else {
            LARGEST_PROBLEM
        };
        if !is_well && !is_problem {
            let what = format_args!("{path} answers {}, and not with JSON", status.as_u16());
            return Err(match status.as_u16() {
                // A proxy before an hc that is away.
                502..=504 => Trouble::Away(format!("{}: {what}", self.place)),
                _ => Trouble::strange(&self.place, what),
            });
        }
        let read = Limited::new(response.into_body(), limit).collect().await;
        let body = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => Trouble::strange(&self.place, "the answer is too long"),
            None => Trouble::Away(format!("{}: the answer broke off", self.place)),
        })?;
        let body = body.to_bytes();
        if is_well {
            return Ok(body);
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Trouble::Problem(Box::new(problem)),
            Err(_) => Trouble::strange(&self.place, format_args!("status {}", status.as_u16())),
        })
    }

    fn too_slow(&self) -> Trouble {
        let patience = ANSWER_TIME.as_secs();
        Trouble::Away(format!("{}: no answer within {patience} s", self.place))
    }

    fn broken(&self, error: &hyper::Error) -> Trouble {
        if error.is_parse() || error.is_parse_too_large() {
            return Trouble::strange(&self.place, "what answers there speaks no HTTP/1.1");
        }
        Trouble::Away(format!("{}: closed before it answered", self.place))
    }
}

/// The media type that is asked for, and the id that a stream goes on after.
const JSON: (&str, &str) = ("application/json", "");
const SSE: &str = "text/event-stream";

fn is(response: &Response<Incoming>, media: &str) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media)
}

/// One item of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// An event.
    Event(Box<EventBody>),
    /// Events that are missing.
    Gap(Gap),
}

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Told {
    place: Place,
    body: Incoming,
    reader: Reader,
    ready: std::vec::IntoIter<Message>,
    _connection: Connection,
}

impl Told {
    /// The next item; `None`: the stream has ended, as when hc stops.
    ///
    /// # Errors
    /// It broke off, is silent for too long, or is none of hc's.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, Trouble> {
        loop {
            if let Some(message) = self.ready.next() {
                return self.item(&message).map(Some);
            }
            let frame = match timeout(SILENCE, self.body.frame()).await {
                Err(_) => {
                    let silence = SILENCE.as_secs();
                    let why = format!("{}: silent for {silence} s", self.place);
                    return Err(Trouble::Away(why));
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => {
                    return Err(Trouble::Away(format!("{}: broke off", self.place)));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing here.
            if let Ok(bytes) = frame.into_data() {
                let read = self.reader.take(&bytes);
                let read = read.map_err(|_| Trouble::strange(&self.place, "an endless event"))?;
                self.ready = read.into_iter();
            }
        }
    }

    fn item(&self, message: &Message) -> Result<Item, Trouble> {
        let read = match message.event.as_str() {
            "gap" => serde_json::from_str(&message.data).map(Item::Gap),
            _ => serde_json::from_str(&message.data).map(|event| Item::Event(Box::new(event))),
        };
        read.map_err(|error| {
            let error = hc_core::escape(&error.to_string(), 120);
            Trouble::strange(&self.place, format_args!("an event: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_without_end_are_borne_so_long() {
        let place: Place = "http://127.0.0.1:1".parse().unwrap();
        let mut client = Client::new(place);
        client.taken = MOST_PAGED + 7;
        assert!(client.bear(7).is_ok());
        let Err(trouble) = client.bear(6) else {
            panic!("that is one byte too many");
        };
        assert!(trouble.to_string().contains("never end"), "{trouble}");
    }
}
