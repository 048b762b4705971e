//! One event, schema `hc.event/1`: the same keys as the log's JSON. The log leaves out what is not worth a line; here
//! every event of the feed is told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hc_core::{Edge, Event, EventKind, Failure, Overlay, Status, Turn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Why;
use super::{timestamp, whole_millis};

/// The name and version of the shape; fields may be added to it, never removed.
const SCHEMA: &str = "hc.event/1";

/// One event. Which fields there are depends on `event`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// `hc.event/1`.
    pub schema: Cow<'static, str>,
    /// Process start and number, by which a stream is resumed: `19a8f3c2d41-8812`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When, RFC 3339.
    pub time: String,
    /// `info`, `warn` or `error`.
    pub level: Cow<'static, str>,
    /// `added`, `removed`, `transition`, an overlay that began (`flapping`) or ended (`flapping_end`), `overlap`,
    /// `overload`, `isolated`, `panicked` and their ends.
    pub event: String,
    /// The target that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of an added target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Of an added target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The status before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Cow<'static, str>>,
    /// The status from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Cow<'static, str>>,
    /// How long the status before had held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
    /// How many results in a row led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streak: Option<u32>,
    /// Why: of a transition for the worse, and of `panicked`.
    #[serde(flatten)]
    pub why: Why,
    /// The interval of a target whose checks take longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// How long such a check took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Real time over running time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stretch: Option<f64>,
    /// Targets that were silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<usize>,
    /// On so many hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<usize>,
    /// How long nothing has shown life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u64>,
    /// Of what ended: how long it lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasted_ms: Option<u64>,
}

impl EventBody {
    /// An event without an id.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let body = Self {
            schema: SCHEMA.into(),
            time: timestamp(event.wall),
            level: "info".into(),
            target: event.kind.target().map(ToString::to_string),
            ..Self::default()
        };
        match &event.kind {
            EventKind::Added { group, labels, .. } => Self {
                event: "added".to_owned(),
                group: (!group.is_empty()).then(|| group.to_string()),
                labels: (!labels.is_empty()).then(|| owned(labels.iter())),
                ..body
            },
            EventKind::Removed { .. } => body.called("removed"),
            EventKind::Transition { turn, cause, .. } => {
                body.called("transition").turned(turn, cause.as_deref())
            }
            EventKind::Overlay { overlay, edge, .. } => {
                let level = match overlay {
                    Overlay::Flapping | Overlay::Stale => "warn",
                    _ => "info",
                };
                body.edged(overlay.as_str(), *edge, level)
            }
            EventKind::Overlap {
                interval,
                took,
                edge,
                ..
            } => Self {
                interval_ms: Some(whole_millis(*interval)),
                took_ms: Some(whole_millis(*took)),
                ..body.edged("overlap", *edge, "warn")
            },
            EventKind::Panicked { failure, edge, .. } => Self {
                why: Why::from(&**failure),
                ..body.edged("panicked", *edge, "error")
            },
            EventKind::Overload { stretch, edge } => Self {
                stretch: Some((stretch * 1000.0).round() / 1000.0),
                ..body.edged("overload", *edge, "warn")
            },
            EventKind::Isolated {
                targets,
                hosts,
                silent,
                edge,
            } => Self {
                targets: Some(*targets),
                hosts: Some(*hosts),
                silent_ms: Some(whole_millis(*silent)),
                ..body.edged("isolated", *edge, "error")
            },
            // A kind to come is told by its time alone rather than not at all.
            _ => body.called("other"),
        }
    }

    /// What it is about: `transition`.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    pub(crate) fn with_id(mut self, id: String) -> Self {
        self.id = Some(id);
        self
    }

    fn called(mut self, event: &str) -> Self {
        event.clone_into(&mut self.event);
        self
    }

    fn turned(self, turn: &Turn, cause: Option<&Failure>) -> Self {
        Self {
            level: match turn.to {
                Status::Healthy => "info".into(),
                _ => "warn".into(),
            },
            from: Some(turn.from.as_str().into()),
            to: Some(turn.to.as_str().into()),
            held_ms: Some(whole_millis(turn.held)),
            streak: Some(turn.streak),
            why: cause.map(Why::from).unwrap_or_default(),
            ..self
        }
    }

    /// What begins is as bad as it is; its end is good news.
    fn edged(mut self, name: &str, edge: Edge, level: &'static str) -> Self {
        match edge {
            Edge::Begin => {
                name.clone_into(&mut self.event);
                self.level = level.into();
            }
            Edge::End { lasted } => {
                self.event = format!("{name}_end");
                self.lasted_ms = Some(whole_millis(lasted));
            }
        }
        self
    }
}

fn owned<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A page of events, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The number of the last event that there is.
    pub version: u64,
    /// The events after the cursor.
    pub items: Vec<EventBody>,
    /// Events after the cursor that are kept no more. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
    /// Where the next page begins. Always there: what comes later lies behind it.
    pub next_cursor: String,
}

/// Sent in a stream for events that it does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// How many. Absent: not known, as after a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
    /// Where the state that they led to is.
    pub resync: Cow<'static, str>,
}

impl Gap {
    pub(crate) fn of(missed: Option<u64>) -> Self {
        Self {
            missed,
            resync: "/api/v1/targets".into(),
        }
    }
}
