//! The line a minute: how the fleet stands, and what was counted since the line before.

use std::time::{Duration, SystemTime};

use hc_core::{CheckResult, HealthView, Overlay, Status, Timestamp};
use hc_scheduler::{Counters, Stats};

use super::{Level, Record, Value};

/// How many targets have each status, and each overlay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    statuses: [usize; 4],
    overlays: [usize; Overlay::ALL.len()],
}

impl Tally {
    /// Counts a view's targets, as of `now` by the monitor's clock.
    #[must_use]
    pub fn of(view: &HealthView, now: Timestamp) -> Self {
        let mut tally = Self::default();
        for handle in view.handles() {
            let word = handle.word();
            tally.statuses[word.status() as usize] += 1;
            for overlay in word.overlays().iter() {
                tally.overlays[overlay as usize] += 1;
            }
            tally.overlays[Overlay::Stale as usize] += usize::from(handle.is_stale(now));
        }
        tally
    }

    /// Targets of that status.
    #[must_use]
    pub fn status(&self, status: Status) -> usize {
        self.statuses[status as usize]
    }

    /// Targets with that overlay.
    #[must_use]
    pub fn overlay(&self, overlay: Overlay) -> usize {
        self.overlays[overlay as usize]
    }
}

/// Makes summaries, each of what was counted since the one before.
#[derive(Debug, Default)]
pub struct Summaries {
    before: Counters,
}

impl Summaries {
    /// The record of the first sweep.
    #[must_use]
    pub fn first_sweep(wall: SystemTime, tally: &Tally, took: Duration) -> Record {
        let mut record = Record::new(wall, Level::Info, "first_sweep")
            .with("healthy", tally.status(Status::Healthy))
            .with("degraded", tally.status(Status::Degraded))
            .with("unhealthy", tally.status(Status::Unhealthy));
        for (key, count) in [
            ("unknown", tally.status(Status::Unknown)),
            ("paused", tally.overlay(Overlay::Paused)),
        ] {
            if count > 0 {
                record = record.with(key, count);
            }
        }
        record.with("took", Value::Seconds(took))
    }

    /// The record of what was counted since the last call.
    pub fn next(&mut self, wall: SystemTime, tally: &Tally, stats: &Stats) -> Record {
        let (now, before) = (&stats.counters, &self.before);
        let since = |of: fn(&Counters) -> u64| of(now).saturating_sub(of(before));
        let mut late = now.lateness_us.clone();
        // The histograms have the same bounds, and the older one holds no more than the newer.
        let _ = late.subtract(&before.lateness_us);
        let record = Record::new(wall, Level::Info, "summary")
            .with("healthy", tally.status(Status::Healthy))
            .with("degraded", tally.status(Status::Degraded))
            .with("unhealthy", tally.status(Status::Unhealthy))
            .with("unknown", tally.status(Status::Unknown))
            .with("suspect", tally.overlay(Overlay::Suspect))
            .with("flapping", tally.overlay(Overlay::Flapping))
            .with("paused", tally.overlay(Overlay::Paused))
            .with("stale", tally.overlay(Overlay::Stale))
            .with("checks", since(Counters::checks))
            .with("failures", since(|c| c.ended(CheckResult::Failure)))
            .with(
                "inconclusive",
                since(|c| c.ended(CheckResult::Inconclusive)),
            )
            .with("overlaps", since(|c| c.overlaps))
            .with(
                "late_p99_ms",
                Value::Decimal(late.value_at_quantile(0.99) as f64 / 1000.0),
            )
            .with("opened", since(|c| c.opened))
            .with("reused", since(|c| c.reused))
            .with("stretch", Value::Decimal(stats.stretch));
        self.before = stats.counters.clone();
        record
    }
}
