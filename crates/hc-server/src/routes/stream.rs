//! A stream of server-sent events (WHATWG HTML, 9.2): each with the id by which it is resumed, and a named gap where
//! some are missing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use hc_core::{FeedItem, Subscription};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::listen::Via;
use crate::server::{STREAMS, State};
use crate::wire::event::{EventBody, Gap};
use crate::wire::problem::Problem;

/// A comment so often: proxies close what is silent for half a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// From now on.
    Now,
    /// After that event.
    After(u64),
    /// After an event of another process: whatever came between is not known here.
    Elsewhere,
    /// After something that is no id of ours.
    Unreadable,
}

impl Resume {
    /// After the event of that id.
    pub(super) fn after(state: &State, id: &str) -> Self {
        let parts = id.rsplit_once('-').and_then(|(run, number)| {
            let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let is_run = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = number.parse::<u64>().ok()?;
            (is_plain && is_run).then_some((run, number))
        });
        match parts {
            None => Self::Unreadable,
            Some((run, _)) if run != state.run() => Self::Elsewhere,
            // From the future: nobody was given that one.
            Some((_, number)) if number > state.monitor.view().version() => Self::Unreadable,
            Some((_, number)) => Self::After(number),
        }
    }

    /// The same, unless it is no id.
    pub(super) fn or_bad(self, id: &str) -> Result<Self, Problem> {
        match self {
            Self::Unreadable => Err(Problem::bad_cursor(id)),
            readable => Ok(readable),
        }
    }
}

/// Opens a stream, if there are not too many.
pub(super) fn open(state: &Arc<State>, via: Via, resume: Resume) -> Result<Response, Problem> {
    let permit = state.bounds(via).streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::too_many_streams(STREAMS))?;
    let view = state.monitor.view();
    let feed = match resume {
        Resume::After(sequence) => view.subscribe_after(sequence),
        Resume::Now | Resume::Elsewhere | Resume::Unreadable => view.subscribe(),
    };
    let is_elsewhere = matches!(resume, Resume::Elsewhere | Resume::Unreadable);
    let told = Told {
        run: state.run(),
        state: state.clone(),
        feed,
        stopping: state.stopping.subscribe(),
        gap: is_elsewhere.then(|| Gap::of(None)),
        _permit: permit,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(Events::new(told))
        .keep_alive(keep_alive)
        .into_response())
}

/// What one stream tells.
struct Told {
    run: String,
    state: Arc<State>,
    feed: Subscription,
    stopping: watch::Receiver<bool>,
    gap: Option<Gap>,
    _permit: OwnedSemaphorePermit,
}

impl Told {
    /// The next event; `None` once the feed has ended or the server stops.
    async fn next(mut self) -> Option<(Event, Self)> {
        if let Some(gap) = self.gap.take() {
            return Some((event("gap", None, &gap), self));
        }
        let item = tokio::select! {
            // In order: what is in the feed at the end is told before it.
            biased;
            item = self.feed.next() => item?,
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        };
        let event = match item {
            FeedItem::Missed(missed) => {
                self.state.missed.fetch_add(missed, Ordering::Relaxed);
                event("gap", None, &Gap::of(Some(missed)))
            }
            FeedItem::Event(told) => {
                let id = format!("{}-{}", self.run, told.sequence);
                let body = EventBody::of(&told).with_id(id.clone());
                event(body.event(), Some(&id), &body)
            }
        };
        Some((event, self))
    }
}

fn event(name: &str, id: Option<&str>, body: &impl serde::Serialize) -> Event {
    // One line: JSON escapes line breaks. Texts and numbers cannot fail to be written.
    let data = serde_json::to_string(body).unwrap_or_default();
    let event = Event::default().event(name).data(data);
    match id {
        Some(id) => event.id(id),
        None => event,
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(Event, Told)>> + Send>>;

/// [`Told::next`] again and again.
struct Events(Option<Next>);

impl Events {
    fn new(told: Told) -> Self {
        Self(Some(Box::pin(told.next())))
    }
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(next) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let found = std::task::ready!(next.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(found.map(|(event, told)| {
            self.0 = Some(Box::pin(told.next()));
            Ok(event)
        }))
    }
}
