//! What the plan counts since its beginning. Differences of two snapshots make a summary.

use std::time::Duration;

use hc_core::{CheckResult, Connection, Evidence, Fact};
use hdrhistogram::Histogram;

/// Latenesses are kept to one digit's third: 1 us to 1 hour in about 10 KB.
const LONGEST_US: u64 = 3_600_000_000;

/// What was counted since the beginning.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Checks that ended, by result, in the order of [`CheckResult::ALL`].
    pub results: [u64; 4],
    /// Results heard by targets that share the check of another one; they are no checks.
    pub shared: u64,
    /// Changes of status.
    pub transitions: u64,
    /// Grid ticks that passed while their target's check was in flight.
    pub overlaps: u64,
    /// Grid ticks that backoff, slowness and quiet left out.
    pub skipped_ticks: u64,
    /// Nudges that were heeded.
    pub nudges: u64,
    /// Nudges of paused or removed targets.
    pub dropped_nudges: u64,
    /// Rows of reported failures that were acted on.
    pub reports: u64,
    /// Connections opened by checks, as far as probes told.
    pub opened: u64,
    /// Checks over a kept connection, as far as probes told.
    pub reused: u64,
    /// Checks that were tried again on a fresh connection.
    pub retries: u64,
    /// Bodies that were longer than was read, so that their connection was closed.
    pub bodies_cut: u64,
    /// Checks that had to wait for a permit.
    pub waits: u64,
    /// Start minus due, in microseconds.
    pub lateness_us: Histogram<u64>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            results: [0; 4],
            shared: 0,
            transitions: 0,
            overlaps: 0,
            skipped_ticks: 0,
            nudges: 0,
            dropped_nudges: 0,
            reports: 0,
            opened: 0,
            reused: 0,
            retries: 0,
            bodies_cut: 0,
            waits: 0,
            lateness_us: Histogram::new_with_max(LONGEST_US, 1).expect("the bounds are constants"),
        }
    }
}

impl Counters {
    /// All checks that ended.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.results.iter().sum()
    }

    /// Checks that ended in that way.
    #[must_use]
    pub fn ended(&self, result: CheckResult) -> u64 {
        self.results[result as usize]
    }

    /// Adds what another worker counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, part) in self.results.iter_mut().zip(other.results) {
            *sum += part;
        }
        self.shared += other.shared;
        self.transitions += other.transitions;
        self.overlaps += other.overlaps;
        self.skipped_ticks += other.skipped_ticks;
        self.nudges += other.nudges;
        self.dropped_nudges += other.dropped_nudges;
        self.reports += other.reports;
        self.opened += other.opened;
        self.reused += other.reused;
        self.retries += other.retries;
        self.bodies_cut += other.bodies_cut;
        self.waits += other.waits;
        self.lateness_us
            .add(&other.lateness_us)
            .expect("both have the same bounds");
    }

    pub(crate) fn late(&mut self, lateness: Duration) {
        let micros = u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX);
        self.lateness_us.saturating_record(micros.min(LONGEST_US));
    }

    pub(crate) fn connections(&mut self, evidence: &Evidence) {
        self.opened += u64::from(evidence.opened);
        self.reused += u64::from(evidence.connection == Some(Connection::Reused));
        self.retries += u64::from(evidence.retried);
        self.bodies_cut += u64::from(evidence.facts.contains(&Fact::BodyCut));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_were_cut_are_counted() {
        let mut counters = Counters::default();
        counters.connections(&Evidence::new());
        counters.connections(&Evidence::new().with(Fact::BodyBytes(7)).with(Fact::BodyCut));
        assert_eq!(counters.bodies_cut, 1);
    }
}
