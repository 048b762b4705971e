//! One target, in a list and by itself.

use std::collections::BTreeMap;
use std::time::SystemTime;

use hc_core::{CheckResult, Overlay, TargetHandle, Timestamp};
use hc_scheduler::{Checked, Description, Reason};
use serde::Serialize;
use utoipa::ToSchema;

use super::check::{CheckBody, Told, Why};
use super::event::EventBody;
use super::{millis, timestamp, uid_of, whole_millis};
use crate::ledger::{self, FailedCheck, Past, Recent, Seen};
use crate::shown::Setting;

/// A page of targets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetPage {
    /// The number of the last event: it grows with every change.
    pub(crate) version: u64,
    pub(crate) items: Vec<TargetBody>,
    /// How many targets the filters let through, over all pages.
    pub(crate) matched: usize,
    /// Where the next page begins. Absent: this was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// One target.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Target)]
pub(crate) struct TargetBody {
    /// A short name that fits into a path: made of the name, the same in every process.
    uid: String,
    /// Its name, unique in the process.
    name: String,
    /// The group it is in. Absent outside of groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    labels: BTreeMap<String, String>,
    /// The short name of the probe: `http`.
    probe: &'static str,
    /// The URL as people may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// `unknown`, `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// What lies over the status: `suspect`, `recovering`, `flapping`, `unsteady`, `paused`, `stale`.
    overlays: Vec<&'static str>,
    /// Whether the status is what was known before a restart: no check has ended since.
    restored: bool,
    /// Since when the status holds, RFC 3339.
    since: String,
    streak: Streak,
    /// Why, while it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    next: NextBody,
    /// Absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_check: Option<CheckBody>,
    /// Its last results, oldest first: `.` pass, `d` degraded, `x` failure, `?` inconclusive.
    recent: String,
    /// How long those took, in the same order.
    recent_ms: Vec<f64>,
}

/// Results in a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Streak {
    passes: u32,
    failures: u32,
    /// What turns it healthy.
    rise: u8,
    /// What turns it unhealthy.
    fall: u8,
}

/// When it is asked next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Next)]
pub(crate) struct NextBody {
    /// In so many milliseconds; 0 while it is being asked. Absent while it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_ms: Option<u64>,
    /// `first`, `interval`, `fast`, `backoff`, `slow`, `quiet`, `nudged`, `asked` or `paused`.
    reason: &'static str,
    /// How many intervals lie between by that reason.
    factor: u32,
}

/// One target with its past.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetDetail {
    /// The number of the last event.
    pub(crate) version: u64,
    #[serde(flatten)]
    pub(crate) target: TargetBody,
    /// How it is asked and judged, and who said so.
    pub(crate) policy: Vec<Setting>,
    /// The last changes of its status, oldest first, 20 at most.
    pub(crate) transitions: Vec<EventBody>,
    /// The last checks that failed, oldest first, 5 at most, whatever passed after them.
    pub(crate) failures: Vec<CheckBody>,
    /// Changes of status since it is known to this process.
    pub(crate) transitions_total: u64,
    /// Failed checks since it is known to this process.
    pub(crate) failures_total: u64,
}

/// What a target's JSON is made of.
pub(crate) struct Parts<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) description: &'a Description,
    pub(crate) recent: &'a Recent,
    pub(crate) url: Option<&'a str>,
    /// By the monitor's clock.
    pub(crate) now: Timestamp,
    /// The same moment for people.
    pub(crate) wall: SystemTime,
}

/// What lies over a status, staleness included.
pub(crate) fn overlays(handle: &TargetHandle, now: Timestamp) -> impl Iterator<Item = Overlay> {
    let is_stale = handle.is_stale(now).then_some(Overlay::Stale);
    handle.word().overlays().iter().chain(is_stale)
}

impl TargetBody {
    pub(crate) fn of(parts: &Parts<'_>) -> Self {
        let Parts {
            seen,
            description,
            recent,
            url,
            now,
            wall,
        } = parts;
        let name = seen.handle.id().as_str();
        let (health, policy) = (&description.health, &description.policy);
        let age = now.since(description.since);
        Self {
            uid: uid_of(seen.key),
            name: name.to_owned(),
            group: (!seen.about.group.is_empty()).then(|| seen.about.group.to_string()),
            labels: seen
                .about
                .labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            probe: seen.about.probe_name,
            url: url.map(ToOwned::to_owned),
            status: description.word.status().as_str(),
            overlays: overlays(&seen.handle, *now).map(Overlay::as_str).collect(),
            restored: description.is_restored,
            since: timestamp(wall.checked_sub(age).unwrap_or(*wall)),
            streak: Streak {
                passes: health.passes_in_row(),
                failures: health.failures_in_row(),
                rise: policy.rise(),
                fall: policy.fall(),
            },
            why: seen.why.as_deref().map(Why::from),
            next: next(description, *now),
            last_check: description.last.as_ref().map(|last| last_check(last, *url)),
            recent: recent.iter().map(|(result, _)| sign(result)).collect(),
            recent_ms: recent.iter().map(|(_, latency)| millis(latency)).collect(),
        }
    }
}

fn next(description: &Description, now: Timestamp) -> NextBody {
    let next = description.next;
    let wait = if description.in_flight {
        Some(0)
    } else if next.at == Timestamp::NEVER || next.reason == Reason::Paused {
        None
    } else {
        Some(whole_millis(next.at.since(now)))
    };
    NextBody {
        in_ms: wait,
        reason: next.reason.as_str(),
        factor: next.factor,
    }
}

fn last_check(last: &Checked, url: Option<&str>) -> CheckBody {
    CheckBody::of(&Told {
        wall: last.wall,
        target: last.target.as_str(),
        probe: last.probe,
        url,
        result: last.result.as_str(),
        failure: last.why(),
        evidence: ledger::evidence(last),
        total: last.duration,
    })
}

fn sign(result: CheckResult) -> char {
    match result {
        CheckResult::Pass => '.',
        CheckResult::Degraded => 'd',
        CheckResult::Failure => 'x',
        CheckResult::Inconclusive => '?',
    }
}

/// The transitions and failures of a target's past.
pub(crate) fn past(
    past: &Past,
    seen: &Seen,
    url: Option<&str>,
) -> (Vec<EventBody>, Vec<CheckBody>) {
    let transitions = past.transitions.iter();
    let failures = past.failures.iter().map(|failed| {
        let FailedCheck {
            wall,
            duration,
            failure,
        } = &**failed;
        CheckBody::of(&Told {
            wall: *wall,
            target: seen.handle.id().as_str(),
            probe: seen.about.probe_name,
            url,
            result: CheckResult::Failure.as_str(),
            failure: Some(failure),
            evidence: failure.evidence.as_deref(),
            total: *duration,
        })
    });
    (
        transitions.map(|event| EventBody::of(event)).collect(),
        failures.collect(),
    )
}
