//! The targets: filtered, sorted, a page at a time.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use hc_core::{Overlay, Status, TargetId, Timestamp};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::cursor::{self, Place};
use super::query::Parameters;
use super::version::Version;
use crate::ledger::Seen;
use crate::server::State;
use crate::shown::Catalogue;
use crate::wire::problem::Problem;
use crate::wire::target::{Parts, TargetBody, TargetPage, overlays, trouble};

/// A page is of so many targets unless it is asked for another number.
const USUAL_PAGE: usize = 100;

/// A page's details are told by the driver in one turn, at about a microsecond each.
const LARGEST_PAGE: usize = 1_000;

/// More targets than this are in no process.
const FARTHEST: usize = 10_000_000;

/// The parameters of a list of targets. Filters must all hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `Wanted` reads")]
pub(super) struct TargetParameters {
    /// A status or an overlay: `unhealthy`, `suspect`. Several: any of them.
    #[param(explode = true, value_type = Option<Vec<StateName>>)]
    status: Option<Vec<String>>,
    /// A label's value, `zone=a`, or a label that is there at all, `zone`. Several: all of them.
    #[param(explode = true, value_type = Option<Vec<LabelFilter>>)]
    label: Option<Vec<String>>,
    /// Text in the name, the URL or the group; case does not matter.
    q: Option<String>,
    /// `trouble` (the worst first), `name`, `since` (the last to change first) or `latency` (the slowest last check
    /// first). Default: `trouble`.
    #[param(pattern = "^(trouble|name|since|latency)$")]
    sort: Option<String>,
    /// Targets of a page. Default: 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// How many to pass over first, for a window into a list. Default: 0.
    #[param(minimum = 0, maximum = 10_000_000)]
    offset: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A status or an overlay.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents what `is_state` takes")]
pub(super) enum StateName {
    Unknown,
    Healthy,
    Degraded,
    Unhealthy,
    Suspect,
    Recovering,
    Flapping,
    Unsteady,
    Paused,
    Stale,
}

/// A label's value, `zone=a`, or a label that is there at all, `zone`.
#[derive(ToSchema)]
#[schema(pattern = "^[^=]+")]
#[expect(dead_code, reason = "documents what `Wanted` takes")]
pub(super) struct LabelFilter(String);

/// Targets: filtered, sorted, paged.
#[utoipa::path(
    get, path = "/api/v1/targets", tag = "targets", params(TargetParameters),
    responses(
        (status = 200, description = "A page", body = TargetPage, headers(("etag" = String, description = "Of the version"))),
        (status = 304, description = "No event since the version of If-None-Match"),
        (status = 400, description = "A filter or a cursor cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "hc is being stopped", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn targets(
    Shared(state): App,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(&uri)?;
    // Noted first: what changes while the page is made makes it newer than it says, never older.
    let number = state.monitor.view().version();
    let version = Version::new(&state, number, &headers);
    if version.is_known() {
        return Ok(version.not_modified());
    }
    let page = page(&state, wanted, number).await?;
    Ok(version.json(&page).into_response())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Trouble,
    Name,
    Since,
    Latency,
}

impl Sort {
    fn of(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("trouble") => Ok(Self::Trouble),
            Some("name") => Ok(Self::Name),
            Some("since") => Ok(Self::Since),
            Some("latency") => Ok(Self::Latency),
            Some(other) => Err(Problem::bad_filter(&format!(
                "sort: wanted trouble, name, since or latency, found {other}"
            ))),
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Trouble => 't',
            Self::Name => 'n',
            Self::Since => 's',
            Self::Latency => 'l',
        }
    }
}

/// What a request asks for.
struct Wanted {
    states: Vec<String>,
    labels: Vec<String>,
    text: String,
    sort: Sort,
    limit: usize,
    offset: usize,
    after: Option<Place>,
}

impl Wanted {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(uri)?;
        let states = parameters.many("status");
        if let Some(unknown) = states.iter().find(|state| !is_state(state)) {
            return Err(Problem::bad_filter(&format!(
                "status: {unknown} is neither a status nor an overlay"
            )));
        }
        let labels = parameters.many("label");
        if labels
            .iter()
            .any(|label| label.is_empty() || label.starts_with('='))
        {
            return Err(Problem::bad_filter("label: wanted `name=value` or `name`"));
        }
        let text = parameters.one("q")?.unwrap_or_default().to_lowercase();
        let sort = Sort::of(parameters.one("sort")?.as_deref())?;
        let limit = parameters.number("limit", 1..=LARGEST_PAGE, USUAL_PAGE)?;
        let offset = parameters.number("offset", 0..=FARTHEST, 0)?;
        let after = match parameters.one("cursor")? {
            None => None,
            Some(text) => {
                let place = cursor::read(sort.letter(), &text);
                Some(place.ok_or_else(|| Problem::bad_cursor(&text))?)
            }
        };
        parameters.end()?;
        Ok(Self {
            states,
            labels,
            text,
            sort,
            limit,
            offset,
            after,
        })
    }

    fn lets_through(&self, seen: &Seen, now: Timestamp, catalogue: &dyn Catalogue) -> bool {
        let status = seen.handle.status().as_str();
        let has_state = || {
            self.states.iter().any(|state| {
                state == status
                    || overlays(&seen.handle, now).any(|overlay| overlay.as_str() == state)
            })
        };
        let has_label = |label: &String| match label.split_once('=') {
            Some((name, value)) => seen.about.labels.get(name) == Some(value),
            None => seen.about.labels.get(label).is_some(),
        };
        (self.states.is_empty() || has_state())
            && self.labels.iter().all(has_label)
            && (self.text.is_empty() || self.has_text(seen, catalogue))
    }

    fn has_text(&self, seen: &Seen, catalogue: &dyn Catalogue) -> bool {
        let name = name(seen);
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        has(name) || has(&seen.about.group) || catalogue.url(name).is_some_and(|url| has(&url))
    }

    /// What sorts it before its name.
    fn rank(&self, seen: &Seen, now: Timestamp) -> u64 {
        match self.sort {
            Sort::Trouble => rank(seen, now),
            Sort::Name => 0,
            Sort::Since => newest_first(seen),
            Sort::Latency => slowest_first(seen),
        }
    }
}

fn name(seen: &Seen) -> &str {
    seen.handle.id().as_str()
}

fn is_state(text: &str) -> bool {
    Status::ALL.iter().any(|status| status.as_str() == text)
        || Overlay::ALL.iter().any(|overlay| overlay.as_str() == text)
}

/// How much trouble a target is in: the least number is the worst. Among equals the newest trouble comes first.
fn rank(seen: &Seen, now: Timestamp) -> u64 {
    let word = seen.handle.word();
    let has = |wanted: Overlay| match wanted {
        Overlay::Stale => seen.handle.is_stale(now),
        laid => word.overlays().has(laid),
    };
    let class = u64::from(trouble(word.status(), has));
    // Of what is well the name alone decides: a list should not be shuffled by what is over.
    let newest_first = if class < 5 { newest_first(seen) } else { 0 };
    class << 60 | newest_first
}

/// The least number has changed its status last; under 2^60.
fn newest_first(seen: &Seen) -> u64 {
    let since = seen.since.duration_since(std::time::SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default().as_millis() as u64;
    (1 << 60) - 1 - since.min((1 << 60) - 1)
}

/// The least number had the slowest last check; those without one come last.
fn slowest_first(seen: &Seen) -> u64 {
    let last = seen.last.and_then(|last| last.duration.get());
    last.map_or(u64::MAX, |spent| {
        (u64::MAX - 1).saturating_sub(hc_core::nanos(spent))
    })
}

async fn page(state: &Arc<State>, wanted: Wanted, version: u64) -> Result<TargetPage, Problem> {
    let configured = state.configured();
    let catalogue = &*configured.catalogue;
    let (now, wall) = (state.monitor.now(), state.monitor.wall());
    let mut found: Vec<(u64, Seen)> = state
        .ledger
        .targets()
        .into_iter()
        .filter(|seen| wanted.lets_through(seen, now, catalogue))
        .map(|seen| (wanted.rank(&seen, now), seen))
        .collect();
    let matched = found.len();
    let in_order = |a: &(u64, Seen), b: &(u64, Seen)| (a.0, name(&a.1)).cmp(&(b.0, name(&b.1)));
    if let Some(after) = &wanted.after {
        found.retain(|(rank, seen)| (*rank, name(seen)) > (after.rank, &after.name));
    }
    let passed_over = wanted.offset.min(found.len());
    if passed_over > 0 && passed_over < found.len() {
        found.select_nth_unstable_by(passed_over - 1, in_order);
    }
    found.drain(..passed_over);
    let rest = found.len().saturating_sub(wanted.limit);
    if rest > 0 {
        found.select_nth_unstable_by(wanted.limit - 1, in_order);
        found.truncate(wanted.limit);
    }
    found.sort_unstable_by(in_order);
    let ids: Vec<TargetId> = found
        .iter()
        .map(|(_, seen)| seen.handle.id().clone())
        .collect();
    let described = state.monitor.describe_these(ids).await;
    let described = described.map_err(|_| Problem::stopping())?;
    let by_name: std::collections::HashMap<_, _> = described
        .iter()
        .map(|description| (description.id.as_str(), description))
        .collect();
    let items = found.iter().filter_map(|(_, seen)| {
        // Gone since it was found.
        let name = name(seen);
        let description = by_name.get(name)?;
        let url = catalogue.url(name);
        let (recent, past) = state.ledger.details(name);
        Some(TargetBody::of(&Parts {
            seen,
            description,
            recent: &recent,
            past: &past,
            url: url.as_deref(),
            now,
            wall,
        }))
    });
    let items = items.collect();
    let last = found.pop().filter(|_| rest > 0);
    Ok(TargetPage {
        version,
        items,
        matched,
        next_cursor: last.map(|(rank, seen)| {
            let name = name(&seen).to_owned();
            cursor::write(wanted.sort.letter(), Place { rank, name })
        }),
    })
}
