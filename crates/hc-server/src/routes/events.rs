//! Events: a page of those that are kept, or a stream of those that come.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use hc_core::FeedItem;
use utoipa::IntoParams;

use super::App;
use super::query::Parameters;
use super::stream::{self, Resume};
use crate::listen::Via;
use crate::server::State;
use crate::wire::event::{EventBody, EventPage};
use crate::wire::problem::Problem;

/// The parameters of a page of events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `events` reads")]
pub(super) struct EventParameters {
    /// Events of a page. Default: 100. A stream takes none.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// `next_cursor` of the page before, or the `id` of an event. Default: the oldest that is kept; of a stream: from
    /// now on.
    #[param(pattern = "^[0-9a-f]+-[0-9]{1,19}$")]
    cursor: Option<String>,
}

/// The last events, oldest first; with `Accept: text/event-stream` those that come, as they come.
///
/// A stream goes on after the event of `Last-Event-ID`. What it does not have any more, or was too slow for, it names in
/// an event `gap`, and goes on.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(EventParameters),
    responses(
        (status = 200, description = "A page, or a stream", content(
            (EventPage = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = 400, description = "A parameter or a cursor cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(
    Shared(state): App,
    Extension(via): Extension<Via>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(&uri)?;
    let cursor = parameters.one("cursor")?;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let is_stream = accept.is_some_and(|accept| accept.contains("text/event-stream"));
    if is_stream {
        parameters.end()?;
        // A browser that connects again sends the header beside the old parameter: it is the newer one.
        let last = headers
            .get("last-event-id")
            .and_then(|value| value.to_str().ok());
        let resume = match (last, &cursor) {
            (Some(id), _) => Resume::after(&state, id),
            (None, Some(id)) => Resume::after(&state, id).or_bad(id)?,
            (None, None) => Resume::Now,
        };
        return stream::open(&state, via, resume);
    }
    let limit = parameters.number("limit", 1..=1_000, 100)?;
    parameters.end()?;
    let after = match &cursor {
        None => 0,
        Some(id) => match Resume::after(&state, id).or_bad(id)? {
            Resume::After(sequence) => sequence,
            // Of another process: its events are not here, and all of these came later.
            Resume::Elsewhere | Resume::Unreadable | Resume::Now => 0,
        },
    };
    Ok(Json(page(&state, after, limit)).into_response())
}

fn page(state: &State, after: u64, limit: usize) -> EventPage {
    let view = state.monitor.view();
    let version = view.version();
    let run = state.run();
    let mut feed = view.subscribe_after(after);
    let (mut items, mut missed) = (Vec::new(), 0);
    let mut last = after.min(version);
    while items.len() < limit {
        match feed.try_next() {
            None => break,
            Some(FeedItem::Missed(more)) => missed += more,
            Some(FeedItem::Event(event)) => {
                last = event.sequence;
                items.push(EventBody::of(&event).with_id(format!("{run}-{last}")));
            }
        }
    }
    EventPage {
        version,
        items,
        missed: (missed > 0 && after > 0).then_some(missed),
        next_cursor: format!("{run}-{last}"),
    }
}
