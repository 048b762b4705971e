//! How the whole fleet stands, in the words of the log's summary.

use serde::Serialize;
use utoipa::ToSchema;

/// The fleet. Counts are since the start of the process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fleet)]
pub(crate) struct FleetBody {
    /// The number of the last event: it grows with every change.
    pub(crate) version: u64,
    /// This checker's name.
    pub(crate) instance: String,
    /// The release of hc: `0.1.0`.
    pub(crate) release: String,
    /// When the process started, RFC 3339.
    pub(crate) started: String,
    /// How long it has been running.
    pub(crate) uptime_ms: u64,
    /// Known targets.
    pub(crate) targets: usize,
    pub(crate) healthy: usize,
    pub(crate) degraded: usize,
    pub(crate) unhealthy: usize,
    pub(crate) unknown: usize,
    pub(crate) suspect: usize,
    pub(crate) recovering: usize,
    pub(crate) flapping: usize,
    pub(crate) unsteady: usize,
    pub(crate) paused: usize,
    pub(crate) stale: usize,
    /// Checks that ended.
    pub(crate) checks: u64,
    /// Checks that failed by the target's or the path's fault.
    pub(crate) failures: u64,
    /// Checks that say nothing about their target.
    pub(crate) inconclusive: u64,
    /// Checks that ended, a second, over the last minute or since the start if that is less.
    pub(crate) checks_per_second: f64,
    /// Grid ticks that passed while their target's check was in flight.
    pub(crate) overlaps: u64,
    /// 99 of 100 checks of the last minute started no later than this after they were due.
    pub(crate) late_p99_ms: f64,
    /// Connections that checks opened.
    pub(crate) opened: u64,
    /// Checks over a kept connection.
    pub(crate) reused: u64,
    /// Checks in flight.
    pub(crate) in_flight: usize,
    /// Targets that are due and wait for a permit.
    pub(crate) waiting: usize,
    /// Real time over running time: 1 unless hc lacks processor time.
    pub(crate) stretch: f64,
    /// Whether hc doubts itself, because nothing answers any more.
    pub(crate) isolated: bool,
    /// Whether each target of the start was asked once.
    pub(crate) first_sweep_done: bool,
}
