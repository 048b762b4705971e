//! What people ask about one target: its last check, its streaks, when it is asked next and why.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    Cell, CheckResult, Evidence, Failure, Health, Labels, Policy, TargetId, Timestamp, Verdict,
    Word,
};

use super::{Plan, State};
use crate::interval::{Next, Reason};
use crate::slab::Key;

/// A check that has ended and was judged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Whose.
    pub target: TargetId,
    /// Its group.
    pub group: Arc<str>,
    /// The short name of the probe.
    pub probe: &'static str,
    /// When it ended, for people.
    pub wall: SystemTime,
    /// When it ended (real time).
    pub at: Timestamp,
    /// How it ended.
    pub result: CheckResult,
    /// What the state machine heard.
    pub verdict: Verdict,
    /// What the probe said, or what was said for it. A pass of an unsteady target carries that as its warning.
    pub outcome: Result<Evidence, Failure>,
    /// From first poll to end.
    pub duration: Duration,
    /// From due to started, less the wait for permits.
    pub lateness: Duration,
    /// The wait for permits.
    pub waited: Duration,
    /// Why it was made.
    pub reason: Reason,
    /// Whether it was not believed because hc doubted itself.
    pub doubted: bool,
    /// Whether another target was asked, with whom this one [shares](hc_core::Target::with_shared) its checks.
    pub shared: bool,
    /// Grid ticks that passed while it was in flight. Told as it ends, and not remembered: 0 in a [`Description`].
    pub overlaps: u64,
    /// When its target was due next as it ended (real time), and why. `None` where it is not asked any more, and in a
    /// [`Description`], which has a newer one.
    pub next: Option<Next>,
}

/// A check that has ended and was judged, without whose it was: that costs two shared counts, which a check that
/// nobody listens to is spared.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) at: Timestamp,
    pub(crate) result: CheckResult,
    pub(crate) verdict: Verdict,
    pub(crate) outcome: Result<Evidence, Failure>,
    pub(crate) duration: Duration,
    pub(crate) lateness: Duration,
    pub(crate) waited: Duration,
    pub(crate) reason: Reason,
    pub(crate) doubted: bool,
    pub(crate) shared: bool,
}

/// When and why a check was made, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pub(crate) at: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) lateness: Duration,
    pub(crate) waited: Duration,
    pub(crate) reason: Reason,
}

impl Judged {
    /// A plain pass.
    pub(crate) fn pass(course: Course, evidence: Evidence) -> Self {
        Self {
            at: course.at,
            result: CheckResult::Pass,
            verdict: Verdict::Pass,
            outcome: Ok(evidence),
            duration: course.duration,
            lateness: course.lateness,
            waited: course.waited,
            reason: course.reason,
            doubted: false,
            shared: false,
        }
    }

    /// When and why, and how long.
    pub(crate) fn course(&self) -> Course {
        Course {
            at: self.at,
            duration: self.duration,
            lateness: self.lateness,
            waited: self.waited,
            reason: self.reason,
        }
    }

    /// Why it did not simply pass.
    pub(crate) fn why(&self) -> Option<&Failure> {
        why(&self.outcome)
    }

    /// The same with whose it was.
    pub(crate) fn of(self, cell: &Cell, wall: SystemTime) -> Checked {
        let about = cell.about();
        Checked {
            target: cell.id().clone(),
            group: about.group.clone(),
            probe: about.probe_name,
            wall,
            at: self.at,
            result: self.result,
            verdict: self.verdict,
            outcome: self.outcome,
            duration: self.duration,
            lateness: self.lateness,
            waited: self.waited,
            reason: self.reason,
            doubted: self.doubted,
            shared: self.shared,
            overlaps: 0,
            next: None,
        }
    }
}

impl From<Checked> for Judged {
    fn from(checked: Checked) -> Self {
        Self {
            at: checked.at,
            result: checked.result,
            verdict: checked.verdict,
            outcome: checked.outcome,
            duration: checked.duration,
            lateness: checked.lateness,
            waited: checked.waited,
            reason: checked.reason,
            doubted: checked.doubted,
            shared: checked.shared,
        }
    }
}

fn why(outcome: &Result<Evidence, Failure>) -> Option<&Failure> {
    match outcome {
        Ok(evidence) => evidence.warning.as_deref(),
        Err(failure) => Some(failure),
    }
}

impl Checked {
    /// Why it did not simply pass.
    #[must_use]
    pub fn why(&self) -> Option<&Failure> {
        why(&self.outcome)
    }
}

/// All that the plan knows of one target, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Description {
    /// Its id.
    pub id: TargetId,
    /// Its group.
    pub group: Arc<str>,
    /// Its labels.
    pub labels: Labels,
    /// The short name of its probe.
    pub probe: &'static str,
    /// The published state.
    pub word: Word,
    /// Its health, with streaks.
    pub health: Health,
    /// Its policy.
    pub policy: Arc<Policy>,
    /// Since when its status holds (real time).
    pub since: Timestamp,
    /// Whether there was no conclusive check for too long.
    pub is_stale: bool,
    /// Whether it is being asked now, or another one with which it shares its checks.
    pub in_flight: bool,
    /// Whether its health was [restored](hc_core::Target::with_memory), and no check has ended since.
    pub is_restored: bool,
    /// How many targets one check of it is for: 1 unless it [shares](hc_core::Target::with_shared) its checks.
    pub asked_for: usize,
    /// When it is asked next (real time, if nothing is lost), and why; [`Timestamp::NEVER`] while paused.
    pub next: Next,
    /// Its last check.
    pub last: Option<Arc<Checked>>,
}

impl Plan {
    /// All that is known of the targets at the next so many places. False: those were the last.
    pub(crate) fn describe_some(
        &self,
        next: &mut u32,
        places: u32,
        told: &mut Vec<Description>,
    ) -> bool {
        let span = u32::try_from(self.slab.span()).unwrap_or(u32::MAX);
        let end = next.saturating_add(places).min(span);
        let keys = (*next..end).filter_map(|index| self.slab.key_at(index));
        told.extend(keys.filter_map(|key| self.describe(key)));
        *next = end;
        end < span
    }

    /// All that is known of one target.
    #[must_use]
    pub fn describe(&self, key: Key) -> Option<Description> {
        let entry = self.slab.get(key).filter(|entry| !entry.removed)?;
        let at = match entry.state {
            State::Parked => Timestamp::NEVER,
            _ => self.clock.to_real(entry.due),
        };
        let reason = if entry.paused {
            Reason::Paused
        } else {
            entry.reason
        };
        let about = entry.cell.about();
        Some(Description {
            id: entry.id().clone(),
            group: about.group.clone(),
            labels: about.labels.clone(),
            probe: about.probe_name,
            word: entry.cell.word(),
            health: entry.health,
            policy: entry.policy.clone(),
            since: entry.health.since(),
            is_stale: self.clock.real() >= entry.cell.stale_at(),
            in_flight: entry.is_in_flight() || entry.state == State::Riding,
            is_restored: entry.is_restored,
            asked_for: self.asked_for_all(key.index),
            next: Next {
                at,
                reason,
                factor: entry.factor,
            },
            last: entry.last.told(&entry.cell, |at| {
                let age = self.clock.real().since(at);
                self.wall.checked_sub(age).unwrap_or(self.wall)
            }),
        })
    }
}
