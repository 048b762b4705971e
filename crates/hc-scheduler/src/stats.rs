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
    /// Whether hc doubts itself, because nothing answers any more.
    pub isolated: bool,
}

impl Stats {
    /// The numbers of several workers as those of one monitor: sums, and the worst stretch.
    pub(crate) fn of_all(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().expect("there is a worker");
        for part in parts {
            all.at = all.at.max(part.at);
            all.counters.add(&part.counters);
            all.targets += part.targets;
            all.in_flight += part.in_flight;
            all.waiting += part.waiting;
            all.stretch = all.stretch.max(part.stretch);
            all.isolated |= part.isolated;
        }
        all
    }
}
