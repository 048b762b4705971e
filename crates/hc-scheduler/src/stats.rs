//! The state of a monitor in numbers, as of one moment.

use hc_core::Timestamp;

use crate::counters::Counters;

/// The state of a monitor in numbers, as of one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// When it was taken (real time).
    pub at: Timestamp,
    /// What was counted since the start.
    pub counters: Counters,
    /// Known targets.
    pub targets: usize,
    /// Checks in flight.
    pub in_flight: usize,
    /// Targets that are due and wait for a permit.
    pub waiting: usize,
    /// Real time over running time: 1 unless hc lacks processor time.
    pub stretch: f64,
}
