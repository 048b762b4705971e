//! One target, in a list and by itself.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use hc_core::{CheckResult, Overlay, Status, TargetHandle, Timestamp};
use hc_scheduler::{Checked, Description, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{CheckBody, Told, Why};
use super::event::EventBody;
use super::{millis, timestamp, uid_of, whole_millis};
use crate::ledger::{self, FailedCheck, Past, Recent, Seen};
use crate::shown::Setting;

/// A page of targets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TargetPage {
    /// The number of the last event: it grows with every change.
    pub version: u64,
    /// The targets of this page.
    pub items: Vec<TargetBody>,
    /// How many targets the filters let through, over all pages.
    pub matched: usize,
    /// Where the next page begins. Absent: this was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One target.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Target)]
pub struct TargetBody {
    /// A short name that fits into a path: made of the name, the same in every process.
    pub uid: String,
    /// Its name, unique in the process.
    pub name: String,
    /// The group it is in. Absent outside of groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The short name of the probe: `http`.
    pub probe: Cow<'static, str>,
    /// The URL as people may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `unknown`, `healthy`, `degraded` or `unhealthy`.
    pub status: Cow<'static, str>,
    /// What lies over the status: `suspect`, `recovering`, `flapping`, `unsteady`, `paused`, `stale`.
    pub overlays: Vec<Cow<'static, str>>,
    /// Whether the status is what was known before a restart: no check has ended since.
    pub restored: bool,
    /// Since when the status holds, RFC 3339.
    pub since: String,
    /// Results in a row.
    pub streak: Streak,
    /// Why, while it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// When it is asked next.
    pub next: NextBody,
    /// Absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check: Option<CheckBody>,
    /// Its last results, oldest first: `.` pass, `d` degraded, `x` failure, `?` inconclusive.
    pub recent: String,
    /// How long those took, in the same order.
    pub recent_ms: Vec<f64>,
}

/// Results in a row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Streak {
    /// Conclusive checks in a row that passed.
    pub passes: u32,
    /// Checks in a row that failed.
    pub failures: u32,
    /// What turns it healthy.
    pub rise: u8,
    /// What turns it unhealthy.
    pub fall: u8,
    /// When the failures in a row began, RFC 3339. Absent: there are none, or more than are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
}

/// When it is asked next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Next)]
pub struct NextBody {
    /// In so many milliseconds; 0 while it is being asked. Absent while it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
    /// `first`, `interval`, `fast`, `backoff`, `slow`, `quiet`, `nudged`, `asked` or `paused`.
    pub reason: Cow<'static, str>,
    /// How many intervals lie between by that reason.
    pub factor: u32,
}

/// One target with its past.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TargetDetail {
    /// The number of the last event.
    pub version: u64,
    /// What a list tells of it.
    #[serde(flatten)]
    pub target: TargetBody,
    /// How it is asked and judged, and who said so.
    pub policy: Vec<Setting>,
    /// The last changes of its status, oldest first, 20 at most.
    pub transitions: Vec<EventBody>,
    /// The last checks that failed, oldest first, 5 at most, whatever passed after them.
    pub failures: Vec<CheckBody>,
    /// Changes of status since it is known to this process.
    pub transitions_total: u64,
    /// Failed checks since it is known to this process.
    pub failures_total: u64,
}

/// What a target's JSON is made of.
pub(crate) struct Parts<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) description: &'a Description,
    pub(crate) recent: &'a Recent,
    pub(crate) past: &'a Past,
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

/// How much trouble a target is in: 0 is the worst, 6 is well, 7 is paused.
#[must_use]
pub fn trouble(status: Status, has: impl Fn(Overlay) -> bool) -> u8 {
    match status {
        _ if has(Overlay::Paused) => 7,
        Status::Unhealthy => 0,
        _ if has(Overlay::Suspect) => 1,
        Status::Degraded => 2,
        _ if has(Overlay::Stale) => 3,
        _ if has(Overlay::Flapping) || has(Overlay::Unsteady) => 4,
        Status::Unknown => 5,
        Status::Healthy => 6,
    }
}

impl TargetBody {
    /// Sorts as `sort=trouble` does: the worst first, among equals the newest, and what is well by name.
    #[must_use]
    pub fn rank(&self) -> (u8, Reverse<&str>, &str) {
        let known = Status::ALL
            .iter()
            .find(|status| status.as_str() == self.status);
        let has = |overlay: Overlay| self.overlays.iter().any(|name| name == overlay.as_str());
        let class = trouble(known.copied().unwrap_or(Status::Unknown), has);
        // RFC 3339 in UTC with as many digits sorts as the times do.
        let since = if class < 5 { self.since.as_str() } else { "" };
        (class, Reverse(since), &self.name)
    }

    pub(crate) fn of(parts: &Parts<'_>) -> Self {
        let Parts {
            seen,
            description,
            recent,
            past,
            url,
            now,
            wall,
        } = parts;
        let name = seen.handle.id().as_str();
        let (health, policy) = (&description.health, &description.policy);
        // What a clock said then, and not this one less the time that passed: a machine that sleeps counts none of it.
        let heard = Some(seen.since).filter(|since| *since != SystemTime::UNIX_EPOCH);
        let counted = || wall.checked_sub(now.since(description.since));
        let since = heard.or_else(counted).unwrap_or(*wall);
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
            probe: seen.about.probe_name.into(),
            url: url.map(ToOwned::to_owned),
            status: description.word.status().as_str().into(),
            overlays: overlays(&seen.handle, *now)
                .map(|overlay| overlay.as_str().into())
                .collect(),
            restored: description.is_restored,
            since: timestamp(since),
            streak: Streak {
                passes: health.passes_in_row(),
                failures: health.failures_in_row(),
                rise: policy.rise(),
                fall: policy.fall(),
                failing_since: failing_since(past, health.failures_in_row()),
            },
            why: seen.why.as_deref().map(Why::from),
            next: next(description, *now),
            last_check: description.last.as_ref().map(|last| last_check(last, *url)),
            recent: recent.iter().map(|(result, _)| sign(result)).collect(),
            recent_ms: recent.iter().map(|(_, latency)| millis(latency)).collect(),
        }
    }
}

/// When the failures in a row began: each of them is among those that are kept, unless there are too many.
fn failing_since(past: &Past, in_row: u32) -> Option<String> {
    let first = past.failures.len().checked_sub(in_row as usize)?;
    past.failures
        .get(first)
        .map(|failed| timestamp(failed.wall))
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
        reason: next.reason.as_str().into(),
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
        total: ledger::took(last),
        is_insecure: false,
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
            is_insecure: false,
        })
    });
    (
        transitions.map(|event| EventBody::of(event)).collect(),
        failures.collect(),
    )
}
