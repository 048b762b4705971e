//! Health that outlives its process: what there is to know of it, in times for people, as no monotonic clock does either.
//!
//! A [`Memory`] is only ever one that the machine can have been in, so that who restores it cannot bring about what no
//! verdicts would. How it is written down is the business of whoever owns the format: [`MemoryParts`] are for that.

use std::fmt;
use std::time::SystemTime;

use super::{Debounced, Health};
use crate::failure::Phase;
use crate::flapping::Flapping;
use crate::steadiness::Steadiness;
use crate::time::Timestamp;

/// What is remembered of a target's health.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use hc_core::{Health, Memory, Policy, Start, Status, Timestamp, Verdict, step};
///
/// let (policy, noon) = (Policy::default(), SystemTime::UNIX_EPOCH + Duration::from_secs(43_200));
/// let health = Health::new(Start::First, Timestamp::ZERO);
/// let (health, _) = step(&policy, health, Verdict::Fail(1), Timestamp::ZERO);
/// let memory = Memory::of(&health, Timestamp::from_millis(5_000), noon);
///
/// // A minute later, in another process with another clock.
/// let now = Timestamp::from_millis(600_000);
/// let restored = memory.health_at(now, noon + Duration::from_secs(60));
/// assert_eq!(restored.status(), Status::Unhealthy);
/// assert_eq!(now.since(restored.since()), Duration::from_secs(65));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its `since` means nothing: the one beside it does.
    health: Health,
    since: SystemTime,
    /// The phase of the last failure since it turned.
    pub failed_in: Option<Phase>,
    /// Since when it is flapping, if it is.
    pub flapping_since: Option<SystemTime>,
    /// Since when it is unsteady, if it is.
    pub unsteady_since: Option<SystemTime>,
    /// Since when it is paused, if it is.
    pub paused_since: Option<SystemTime>,
}

/// A yes or no, and the evidence in a row against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaning {
    /// What holds.
    pub on: bool,
    /// How much speaks against it.
    pub against: u8,
}

/// A [`Memory`] as plain data, for a format to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryParts {
    /// Whether a status has been decided.
    pub decided: bool,
    /// Whether it fails.
    pub failing: Leaning,
    /// Whether it fails or warns.
    pub impaired: Leaning,
    /// Whether any conclusive verdict was heard.
    pub heard: bool,
    /// Where `failing` changed among the last 21 verdicts; bit 0 is the newest pair of 20.
    pub changes: u32,
    /// Whether it changes too often.
    pub is_flapping: bool,
    /// Which of the last results were failures; bit 0 is the newest.
    pub recent_failures: u32,
    /// How many of the last results were heard, 32 at most.
    pub recent: u8,
    /// Whether too many of them failed.
    pub is_unsteady: bool,
    /// Since when the status holds.
    pub since: SystemTime,
    /// Conclusive passes in a row, degraded ones included.
    pub passes: u32,
    /// Results in a row that were heard as plain passes.
    pub clean: u32,
    /// Results in a row that were heard as anything else.
    pub unclean: u32,
    /// Conclusive failures in a row.
    pub failures: u32,
    /// Failures heard after the one that turned it unhealthy.
    pub failures_after_turn: u32,
    /// The phase of the last failure since it turned.
    pub failed_in: Option<Phase>,
    /// Since when it is flapping.
    pub flapping_since: Option<SystemTime>,
    /// Since when it is unsteady.
    pub unsteady_since: Option<SystemTime>,
    /// Since when it is paused.
    pub paused_since: Option<SystemTime>,
}

/// These parts make no health: completes "failed to remember: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryError(&'static str);

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for MemoryError {}

/// The largest streak against something: thresholds are at most 100.
const MOST_AGAINST: u8 = 100;

impl Memory {
    /// What there is to remember of that health, at a moment told by both clocks.
    #[must_use]
    pub fn of(health: &Health, now: Timestamp, wall: SystemTime) -> Self {
        Self {
            health: Health {
                since: Timestamp::ZERO,
                ..*health
            },
            since: now.wall_of(health.since, wall),
            failed_in: None,
            flapping_since: None,
            unsteady_since: None,
            paused_since: None,
        }
    }

    /// The health as it was, at a moment told by both clocks. What lies in the future of the wall clock, because that
    /// was set back, is taken for now; what lies before the monotonic clock's origin, for the origin.
    #[must_use]
    pub fn health_at(&self, now: Timestamp, wall: SystemTime) -> Health {
        Health {
            since: now.at_wall(self.since, wall),
            ..self.health
        }
    }

    /// Since when its status holds.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// The earliest time in it.
    #[must_use]
    pub fn earliest(&self) -> SystemTime {
        let others = [self.flapping_since, self.unsteady_since, self.paused_since];
        let others = others.into_iter().flatten();
        others.fold(self.since, SystemTime::min)
    }

    /// The status, the streaks and the rest, without their times.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Forgets the streaks and the backoff, keeps the status: as [`Health::zero_streaks`].
    pub fn zero_streaks(&mut self) {
        self.health.zero_streaks();
        self.failed_in = None;
        self.unsteady_since = None;
    }

    /// The parts, to be written down.
    #[must_use]
    pub fn parts(&self) -> MemoryParts {
        let health = &self.health;
        let leaning = |it: Debounced| Leaning {
            on: it.on,
            against: it.against,
        };
        let (heard, changes, is_flapping) = health.flapping.parts();
        let (recent_failures, recent, is_unsteady) = health.steadiness.parts();
        MemoryParts {
            decided: health.decided,
            failing: leaning(health.failing),
            impaired: leaning(health.impaired),
            heard,
            changes,
            is_flapping,
            recent_failures,
            recent,
            is_unsteady,
            since: self.since,
            passes: health.passes,
            clean: health.clean,
            unclean: health.unclean,
            failures: health.failures,
            failures_after_turn: health.failures_after_turn,
            failed_in: self.failed_in,
            flapping_since: self.flapping_since,
            unsteady_since: self.unsteady_since,
            paused_since: self.paused_since,
        }
    }

    /// What those parts say.
    ///
    /// # Errors
    /// No verdicts lead to such a health.
    pub fn try_new(parts: &MemoryParts) -> Result<Self, MemoryError> {
        if let Some((_, trouble)) = impossible(parts).into_iter().find(|(holds, _)| *holds) {
            return Err(MemoryError(trouble));
        }
        let debounced = |it: Leaning| Debounced {
            on: it.on,
            against: it.against,
        };
        let flapping = parts.heard.then_some(parts.failing.on);
        Ok(Self {
            health: Health {
                failing: debounced(parts.failing),
                impaired: debounced(parts.impaired),
                decided: parts.decided,
                flapping: Flapping::of_parts(flapping, parts.changes, parts.is_flapping),
                steadiness: Steadiness::of_parts(
                    parts.recent_failures,
                    parts.recent,
                    parts.is_unsteady,
                ),
                since: Timestamp::ZERO,
                passes: parts.passes,
                clean: parts.clean,
                unclean: parts.unclean,
                failures: parts.failures,
                failures_after_turn: parts.failures_after_turn,
            },
            since: parts.since,
            failed_in: parts.failed_in,
            flapping_since: parts.flapping_since,
            unsteady_since: parts.unsteady_since,
            paused_since: parts.paused_since,
        })
    }
}

/// What no verdicts lead to, and whether these parts say so.
fn impossible(parts: &MemoryParts) -> [(bool, &'static str); 9] {
    let MemoryParts {
        failing, impaired, ..
    } = *parts;
    let is_unhealthy = parts.decided && failing.on;
    [
        (failing.on && !impaired.on, "it fails and is not impaired"),
        (
            failing.against > MOST_AGAINST || impaired.against > MOST_AGAINST,
            "a streak is longer than any threshold",
        ),
        (
            !parts.heard && (parts.decided || parts.changes != 0 || parts.is_flapping),
            "nothing was heard, and something came of it",
        ),
        (
            parts.changes >> Flapping::PAIRS != 0,
            "more changes than are looked at",
        ),
        (
            parts.recent > 32 || u64::from(parts.recent_failures) >> parts.recent.min(32) != 0,
            "more failures than results",
        ),
        (
            failing.on && (parts.recent != 0 || parts.is_unsteady),
            "results are collected while it fails",
        ),
        (
            parts.is_unsteady && parts.recent_failures == 0,
            "it is unsteady without a failure",
        ),
        (
            parts.passes > 0 && parts.failures > 0 || parts.clean > 0 && parts.unclean > 0,
            "two streaks at once",
        ),
        (
            parts.failures_after_turn > 0 && !is_unhealthy,
            "it backs off and is not unhealthy",
        ),
    ]
}
