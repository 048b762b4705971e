//! The state machine: two debouncers that share `rise` and `fall`. Pure: policy, health and time come in, health goes out.
//!
//! `failing` hears failures, `impaired` hears failures and warnings. It is HAProxy's counter, twice.
//! Knows nothing about probes, schedules or sinks.

use std::time::Duration;

use crate::evidence::Evidence;
use crate::failure::{Blame, Failure};
use crate::flapping::Flapping;
use crate::policy::{Policy, Start};
use crate::status::{Overlay, Overlays, Status};
use crate::steadiness::Steadiness;
use crate::time::Timestamp;

mod memory;

pub use memory::{Leaning, Memory, MemoryError, MemoryParts};

/// What the state machine hears of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Pass,
    /// It passed with a warning.
    Warn,
    /// It failed, and counts for so many failures (at least 1).
    Fail(u8),
    /// It says nothing about the target, and changes nothing.
    Inconclusive,
}

impl Verdict {
    /// What a check's outcome says by that policy.
    #[must_use]
    pub fn of(outcome: &Result<Evidence, Failure>, policy: &Policy) -> Self {
        match outcome {
            Ok(evidence) if evidence.warning.is_some() => Self::Warn,
            Ok(_) => Self::Pass,
            Err(failure) if failure.blame == Blame::Local => Self::Inconclusive,
            Err(failure) => Self::Fail(policy.weight(failure.kind)),
        }
    }
}

/// A yes or no that changes only after enough contrary evidence in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Debounced {
    on: bool,
    against: u8,
}

impl Debounced {
    fn hear(&mut self, bad: bool, weight: u8, policy: &Policy) {
        if bad == self.on {
            self.against = 0;
        } else {
            // Both are at most 100, so the sum fits.
            self.against = self.against.saturating_add(weight);
            let threshold = if self.on {
                policy.rise()
            } else {
                policy.fall()
            };
            if self.against >= threshold {
                *self = Self {
                    on: bad,
                    against: 0,
                };
            }
        }
    }
}

/// A change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Turn {
    /// The status before.
    pub from: Status,
    /// The status from now on.
    pub to: Status,
    /// When.
    pub at: Timestamp,
    /// How long the status before had held.
    pub held: Duration,
    /// How many results in a row led to it: failures to Unhealthy, passes (degraded ones too) back from it, results
    /// that were no plain passes to Degraded, and plain passes back from that.
    pub streak: u32,
}

/// What is known of one target's health. `Copy`, so that a step can be computed beside the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    failing: Debounced,
    impaired: Debounced,
    decided: bool,
    flapping: Flapping,
    steadiness: Steadiness,
    since: Timestamp,
    passes: u32,
    /// Conclusive results in a row that were heard as plain passes, and as anything else.
    clean: u32,
    unclean: u32,
    failures: u32,
    failures_after_turn: u32,
}

impl Health {
    /// Nothing known yet, since `now`.
    #[must_use]
    pub fn new(start: Start, now: Timestamp) -> Self {
        let assumed = Debounced {
            on: start == Start::Unhealthy,
            against: 0,
        };
        Self {
            failing: assumed,
            impaired: assumed,
            decided: false,
            flapping: Flapping::default(),
            steadiness: Steadiness::default(),
            since: now,
            passes: 0,
            clean: 0,
            unclean: 0,
            failures: 0,
            failures_after_turn: 0,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.decided, self.failing.on, self.impaired.on) {
            (false, _, _) => Status::Unknown,
            (true, true, _) => Status::Unhealthy,
            (true, false, true) => Status::Degraded,
            (true, false, false) => Status::Healthy,
        }
    }

    /// Whether it should get traffic. While unknown, what `start` says.
    #[must_use]
    pub fn is_healthy(&self, policy: &Policy) -> bool {
        if self.decided {
            !self.failing.on
        } else {
            policy.start() == Start::Healthy
        }
    }

    /// Failures have begun against a passing status.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        !self.failing.on && self.failing.against > 0
    }

    /// Passes have begun against a failing one.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.failing.on && self.failing.against > 0
    }

    /// Whether its status changes too often.
    #[must_use]
    pub fn is_flapping(&self) -> bool {
        self.flapping.is_on()
    }

    /// Whether it fails often, but never often enough in a row.
    #[must_use]
    pub fn is_unsteady(&self) -> bool {
        self.steadiness.is_unsteady()
    }

    /// How many of the last results that are looked at were failures, and how many those are.
    #[must_use]
    pub fn recent_failures(&self) -> (u32, u32) {
        self.steadiness.recent()
    }

    /// The overlays that the machine itself knows.
    #[must_use]
    pub fn overlays(&self) -> Overlays {
        let mut overlays = Overlays::default();
        overlays.set(Overlay::Suspect, self.is_suspect());
        overlays.set(Overlay::Recovering, self.is_recovering());
        overlays.set(Overlay::Flapping, self.is_flapping());
        overlays.set(Overlay::Unsteady, self.is_unsteady());
        overlays
    }

    /// The streak against the status, and the threshold it runs up to: `(1, 3)` of a suspect target.
    #[must_use]
    pub fn streak_against(&self, policy: &Policy) -> (u8, u8) {
        let threshold = if self.failing.on {
            policy.rise()
        } else {
            policy.fall()
        };
        (self.failing.against, threshold)
    }

    /// Since when the status holds.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Conclusive passes in a row, degraded ones included.
    #[must_use]
    pub fn passes_in_row(&self) -> u32 {
        self.passes
    }

    /// Conclusive failures in a row.
    #[must_use]
    pub fn failures_in_row(&self) -> u32 {
        self.failures
    }

    /// Failures heard after the one that turned it unhealthy: what backoff grows with.
    #[must_use]
    pub fn failures_after_turn(&self) -> u32 {
        self.failures_after_turn
    }

    /// Forgets the streaks and the backoff, keeps the status: for a resumed target and a changed probe.
    pub fn zero_streaks(&mut self) {
        self.failing.against = 0;
        self.impaired.against = 0;
        self.steadiness = Steadiness::default();
        self.passes = 0;
        self.clean = 0;
        self.unclean = 0;
        self.failures = 0;
        self.failures_after_turn = 0;
    }

    /// Folds in a pass of a target that has been well for as long as is looked back, as nearly every check is one.
    ///
    /// True: all is as after a [`step`] with [`Verdict::Pass`], which would have given no turn, and what is published
    /// of the target stays as it is. False: nothing has happened, and it takes such a step.
    #[must_use]
    pub fn pass_as_usual(&mut self, policy: &Policy) -> bool {
        let is_well = self.decided
            && self.failing == Debounced::default()
            && self.impaired == Debounced::default()
            && self.flapping.is_settled();
        if !is_well || !self.steadiness.pass_as_usual(policy) {
            return false;
        }
        self.passes = self.passes.saturating_add(1);
        self.clean = self.clean.saturating_add(1);
        self.failures = 0;
        self.unclean = 0;
        self.failures_after_turn = 0;
        true
    }

    fn hear(&mut self, verdict: Verdict, policy: &Policy) {
        let (fail, warn, weight) = match verdict {
            Verdict::Pass => (false, false, 1),
            Verdict::Warn => (false, true, 1),
            Verdict::Fail(weight) => (true, true, weight.clamp(1, policy.fall())),
            Verdict::Inconclusive => return,
        };
        if self.status() == Status::Unknown && policy.start() == Start::First {
            self.failing = Debounced {
                on: fail,
                against: 0,
            };
            self.impaired = Debounced {
                on: warn,
                against: 0,
            };
        } else {
            self.failing.hear(fail, weight, policy);
            self.impaired.hear(warn, weight, policy);
        }
        self.decided |= self.failing.against == 0;
        debug_assert!(
            !self.failing.on || self.impaired.on,
            "failing implies impaired: {self:?}"
        );
    }

    fn count(&mut self, raw: Verdict, heard: Verdict) {
        let count = |holds: bool, streak: u32| if holds { streak.saturating_add(1) } else { 0 };
        let failed = matches!(raw, Verdict::Fail(_));
        self.failures = count(failed, self.failures);
        self.passes = count(!failed, self.passes);
        self.clean = count(heard == Verdict::Pass, self.clean);
        self.unclean = count(heard != Verdict::Pass, self.unclean);
    }
}

/// Folds one verdict into a target's health. `Inconclusive` changes nothing.
///
/// ```
/// use hc_core::{Health, Policy, Start, Status, Timestamp, Verdict, step};
///
/// let policy = Policy::default();
/// let health = Health::new(Start::First, Timestamp::ZERO);
/// let (health, turn) = step(&policy, health, Verdict::Pass, Timestamp::from_millis(3));
/// assert_eq!(health.status(), Status::Healthy);
/// assert_eq!(turn.map(|t| (t.from, t.to)), Some((Status::Unknown, Status::Healthy)));
/// ```
pub fn step(
    policy: &Policy,
    health: Health,
    verdict: Verdict,
    now: Timestamp,
) -> (Health, Option<Turn>) {
    if verdict == Verdict::Inconclusive {
        return (health, None);
    }
    let mut next = health;
    let heard = if health.failing.on {
        verdict
    } else {
        next.steadiness.hear(verdict, policy)
    };
    next.hear(heard, policy);
    next.count(verdict, heard);
    if next.failing.on != health.failing.on {
        next.steadiness = Steadiness::default();
    }
    next.flapping.hear(next.failing.on, policy.flap());

    let (from, to) = (health.status(), next.status());
    next.failures_after_turn = match (to, verdict) {
        (Status::Unhealthy, Verdict::Fail(_)) if from == Status::Unhealthy => {
            health.failures_after_turn.saturating_add(1)
        }
        (Status::Unhealthy, _) if from == Status::Unhealthy => health.failures_after_turn,
        _ => 0,
    };
    if from == to {
        return (next, None);
    }
    next.since = now;
    let streak = match to {
        Status::Unhealthy => next.failures,
        _ if health.failing.on => next.passes,
        Status::Degraded => next.unclean,
        // Under `start: healthy` a warning confirms it.
        _ if heard != Verdict::Pass => next.passes,
        _ => next.clean,
    };
    let turn = Turn {
        from,
        to,
        at: now,
        held: now.since(health.since),
        streak,
    };
    (next, Some(turn))
}

#[cfg(test)]
mod tests;
