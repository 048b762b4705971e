//! When a target is asked next, and why. A pure rule: everything it needs comes in as an argument.
//!
//! The reference is section "When next, and why" of the concepts guide: fast while a streak has begun, else the
//! target's own grid, of which backoff, slowness and quiet only skip ticks.

use std::fmt;
use std::time::Duration;

use hc_core::{Health, Policy, Status, Timestamp, nanos};

/// Why the next check is when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The first check after it was added, its probe replaced or it was resumed.
    First,
    /// The grid's next tick.
    Interval,
    /// A streak has begun.
    Fast,
    /// Unhealthy: the grid's tick after that many intervals.
    Backoff,
    /// Checks take a share of the interval: the tick after that many intervals.
    Slow,
    /// Traffic tells already: the tick after that many intervals.
    Quiet,
    /// It was nudged.
    Nudged,
    /// Somebody asked for a check now.
    Asked,
    /// It is paused: never.
    Paused,
}

impl Reason {
    /// The one spelling used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Interval => "interval",
            Self::Fast => "fast",
            Self::Backoff => "backoff",
            Self::Slow => "slow",
            Self::Quiet => "quiet",
            Self::Nudged => "nudged",
            Self::Asked => "asked",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a target is asked next, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// In running time.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// How many intervals lie between the two checks by that reason; 1 where it skips none.
    pub factor: u32,
}

/// A target's own ticks: `offset + k x interval`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    offset: u64,
    interval: u64,
}

impl Grid {
    /// The grid of a target with that hash of its id and the checker's name.
    pub(crate) fn new(hash: u64, interval: Duration) -> Self {
        let interval = nanos(interval).max(1);
        Self {
            offset: hash % interval,
            interval,
        }
    }

    /// The first tick at or after `at`.
    pub(crate) fn at_or_after(self, at: Timestamp) -> Timestamp {
        let ticks = at
            .as_nanos()
            .saturating_sub(self.offset)
            .div_ceil(self.interval);
        Timestamp::from_nanos(
            self.offset
                .saturating_add(ticks.saturating_mul(self.interval)),
        )
    }

    /// How many ticks lie after `from`, up to and with `to`.
    pub(crate) fn between(self, from: Timestamp, to: Timestamp) -> u64 {
        let ticks = |at: Timestamp| {
            (at.as_nanos() + self.interval).saturating_sub(self.offset) / self.interval
        };
        ticks(to).saturating_sub(ticks(from))
    }
}

/// What the rule looks at when a check has ended. Times are running time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) health: &'a Health,
    pub(crate) grid: Grid,
    /// Now.
    pub(crate) now: Timestamp,
    /// When the check was due.
    pub(crate) start: Timestamp,
    /// When it was first polled.
    pub(crate) first_poll: Timestamp,
    /// How long it took.
    pub(crate) duration: Duration,
    /// Whether it said anything about the target.
    pub(crate) conclusive: bool,
    /// Whether it failed while hc doubts itself, and is not yet isolated.
    pub(crate) doubted: bool,
    /// Checks passed in a row with a passed report since each.
    pub(crate) quiet: u32,
    /// Uniform in [0, 1).
    pub(crate) u: f64,
}

/// Rules 2 and 3; pauses and nudges are the plan's.
pub(crate) fn next(asked: &Asked<'_>) -> Next {
    let Asked {
        policy,
        health,
        now,
        ..
    } = *asked;
    let streak = health.is_suspect() || health.is_recovering();
    if (streak && asked.conclusive) || asked.doubted {
        return Next {
            at: now + policy.fast_interval(),
            reason: Reason::Fast,
            factor: 1,
        };
    }
    let (reason, factor) = stretch(asked);
    let interval = policy.interval();
    // (n - 1/2) intervals after the start: the tick n intervals on is met from either side of it.
    let half = interval / 2;
    let earliest = asked.start + interval.saturating_mul(factor) - half;
    let tick = asked.grid.at_or_after(earliest.max(now));
    let at = (tick + jitter(policy, asked.u)).max(asked.first_poll + half);
    Next { at, reason, factor }
}

/// How much later than its tick a check is, for `u` uniform in [0, 1).
pub(crate) fn jitter(policy: &Policy, u: f64) -> Duration {
    // A duration's own product with a fraction costs more than all else here.
    let interval = nanos(policy.interval()) as f64;
    Duration::from_nanos((interval * (policy.jitter().ratio() * u)) as u64)
}

/// The tick that [`next`] would find, before jitter, for a check on the grid that nothing stretches: of a target that
/// is well, without quiet, whose check took no more than half an interval. None: it is not that simple, or a
/// tick has passed since the check `started`.
pub(crate) fn usual_tick(
    policy: &Policy,
    grid: Grid,
    now: Timestamp,
    start: Timestamp,
    started: Timestamp,
    duration: Duration,
) -> Option<Timestamp> {
    let interval = nanos(policy.interval());
    let half = interval / 2;
    let is_usual = !policy.quiet() && nanos(duration) <= half && start <= started && started <= now;
    if !is_usual {
        return None;
    }
    let earliest = start.as_nanos().saturating_add(interval) - half;
    let tick = grid.at_or_after(Timestamp::from_nanos(earliest).max(now));
    // The last tick by now: one or two before.
    let mut last = tick.as_nanos();
    while last > now.as_nanos() && last >= interval {
        last -= interval;
    }
    let has_passed = last > started.as_nanos() && last <= now.as_nanos();
    (!has_passed).then_some(tick)
}

/// How many intervals, and why so many.
fn stretch(asked: &Asked<'_>) -> (Reason, u32) {
    let Asked { policy, health, .. } = *asked;
    let limit = whole_times(policy.max_interval(), policy.interval());
    let backoff = if health.status() == Status::Unhealthy {
        let failures = i32::try_from(health.failures_after_turn()).unwrap_or(i32::MAX);
        // Saturates at the largest u32, far over any limit.
        policy.backoff().powi(failures) as u32
    } else {
        1
    };
    let half = nanos(policy.interval()) / 2;
    let busy = u32::try_from(nanos(asked.duration).div_ceil(half.max(1))).unwrap_or(u32::MAX);
    let quiet = if policy.quiet() {
        asked.quiet.saturating_add(1)
    } else {
        1
    };
    let causes = [
        (Reason::Backoff, backoff),
        (Reason::Slow, busy),
        (Reason::Quiet, quiet),
    ];
    let mut most = (Reason::Interval, 1);
    for (reason, times) in causes {
        let times = times.min(limit);
        if times > most.1 {
            most = (reason, times);
        }
    }
    most
}

fn whole_times(long: Duration, short: Duration) -> u32 {
    let times = nanos(long) / nanos(short).max(1);
    u32::try_from(times).unwrap_or(u32::MAX).max(1)
}

/// The first check of a target: spread over `min(interval, 10 s)` by its rank among those added with it.
pub(crate) fn first(now: Timestamp, rank: u32, count: u32, interval: Duration) -> Timestamp {
    let span = nanos(interval.min(FIRST_SWEEP));
    let share = u128::from(span) * u128::from(rank) / u128::from(count.max(1));
    now + Duration::from_nanos(u64::try_from(share).unwrap_or(span))
}

/// Over how long a first sweep is paced at most.
const FIRST_SWEEP: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
