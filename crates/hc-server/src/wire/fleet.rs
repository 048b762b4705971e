//! How the whole fleet stands, in the words of the log's summary.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The fleet. Counts are since the start of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Fleet)]
pub struct FleetBody {
    /// The number of the last event: it grows with every change.
    pub version: u64,
    /// This checker's name.
    pub instance: String,
    /// The release of hc: `0.1.0`.
    pub release: String,
    /// When the process started, RFC 3339.
    pub started: String,
    /// What time it is there, RFC 3339: what `since` is to be compared with.
    #[serde(default)]
    #[schema(required)]
    pub now: String,
    /// How long it has been running, without the time that the machine slept.
    pub uptime_ms: u64,
    /// Known targets.
    pub targets: usize,
    /// Of them healthy.
    pub healthy: usize,
    /// Passing with a warning.
    pub degraded: usize,
    /// Failing.
    pub unhealthy: usize,
    /// Not judged yet.
    pub unknown: usize,
    /// Passing so far, with failures begun.
    pub suspect: usize,
    /// Failing so far, with passes begun.
    pub recovering: usize,
    /// Changing too often.
    pub flapping: usize,
    /// Failing often, never often enough in a row.
    pub unsteady: usize,
    /// Not asked.
    pub paused: usize,
    /// Without a conclusive check for three intervals.
    pub stale: usize,
    /// Checks that ended.
    pub checks: u64,
    /// Checks that failed by the target's or the path's fault.
    pub failures: u64,
    /// Checks that say nothing about their target.
    pub inconclusive: u64,
    /// Checks that ended, a second, over the last minute or since the start if that is less.
    pub checks_per_second: f64,
    /// Grid ticks that passed while their target's check was in flight.
    pub overlaps: u64,
    /// 99 of 100 checks of the last minute started no later than this after they were due.
    pub late_p99_ms: f64,
    /// Connections that checks opened.
    pub opened: u64,
    /// Checks over a kept connection.
    pub reused: u64,
    /// Checks in flight.
    pub in_flight: usize,
    /// Targets that are due and wait for a permit.
    pub waiting: usize,
    /// Real time over running time: 1 unless hc lacks processor time.
    pub stretch: f64,
    /// Whether hc doubts itself, because nothing answers any more.
    pub isolated: bool,
    /// Whether each target of the start was asked once.
    pub first_sweep_done: bool,
}
