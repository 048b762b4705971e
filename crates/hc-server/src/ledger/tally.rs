//! What is counted of one group's checks by one kind of probe. Several workers count at once, without a lock but for
//! failures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hc_core::{Blame, Connection, Evidence, Kind, Phase};
use hc_scheduler::{Checked, Reason};

use super::histogram::{Histogram, SharedHistogram};

const PHASES: usize = 6;

/// Why a check failed, by the closed lists: fit for labels.
pub(crate) type Cause = (Kind, Option<Phase>, Blame);

/// The counters of one group and probe.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) group: Arc<str>,
    pub(crate) probe: &'static str,
    results: [AtomicU64; 4],
    duration: SharedHistogram,
    phases: [SharedHistogram; PHASES],
    opened: AtomicU64,
    reused: AtomicU64,
    retries: AtomicU64,
    nudges: AtomicU64,
    overlaps: AtomicU64,
    skipped_ticks: AtomicU64,
    failures: Mutex<BTreeMap<Cause, u64>>,
}

/// The same as of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) results: [u64; 4],
    pub(crate) duration: Histogram,
    pub(crate) phases: [Histogram; PHASES],
    pub(crate) opened: u64,
    pub(crate) reused: u64,
    pub(crate) retries: u64,
    pub(crate) nudges: u64,
    pub(crate) overlaps: u64,
    pub(crate) skipped_ticks: u64,
    pub(crate) failures: BTreeMap<Cause, u64>,
}

impl Tally {
    pub(crate) fn new(group: Arc<str>, probe: &'static str) -> Self {
        Self {
            group,
            probe,
            results: Default::default(),
            duration: SharedHistogram::default(),
            phases: Default::default(),
            opened: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            nudges: AtomicU64::new(0),
            overlaps: AtomicU64::new(0),
            skipped_ticks: AtomicU64::new(0),
            failures: Mutex::default(),
        }
    }

    /// Counts a check. What another target was asked for is no check.
    pub(crate) fn count(&self, check: &Checked, evidence: Option<&Evidence>) {
        if check.shared {
            return;
        }
        let add = |counter: &AtomicU64, by: u64| {
            if by > 0 {
                counter.fetch_add(by, Ordering::Relaxed);
            }
        };
        add(&self.results[check.result as usize], 1);
        self.duration.record(super::took(check));
        add(&self.nudges, u64::from(check.reason == Reason::Nudged));
        add(&self.overlaps, check.overlaps);
        if let Some(next) = check.next {
            add(
                &self.skipped_ticks,
                u64::from(next.factor.saturating_sub(1)),
            );
        }
        if let Some(evidence) = evidence {
            for (phase, spent) in evidence.phases.iter() {
                self.phases[phase as usize].record(spent);
            }
            add(&self.opened, u64::from(evidence.opened));
            let is_reused = evidence.connection == Some(Connection::Reused);
            add(&self.reused, u64::from(is_reused));
            add(&self.retries, u64::from(evidence.retried));
        }
        if let Err(failure) = &check.outcome {
            let cause = (failure.kind, failure.phase, failure.blame);
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            *failures.entry(cause).or_default() += 1;
        }
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Counted {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        Counted {
            results: std::array::from_fn(|at| load(&self.results[at])),
            duration: self.duration.snapshot(),
            phases: std::array::from_fn(|at| self.phases[at].snapshot()),
            opened: load(&self.opened),
            reused: load(&self.reused),
            retries: load(&self.retries),
            nudges: load(&self.nudges),
            overlaps: load(&self.overlaps),
            skipped_ticks: load(&self.skipped_ticks),
            failures: failures.clone(),
        }
    }
}

impl Counted {
    /// Adds what another probe of the group counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, part) in self.results.iter_mut().zip(other.results) {
            *sum += part;
        }
        self.duration.add(&other.duration);
        for (sum, part) in self.phases.iter_mut().zip(&other.phases) {
            sum.add(part);
        }
        self.opened += other.opened;
        self.reused += other.reused;
        self.retries += other.retries;
        self.nudges += other.nudges;
        self.overlaps += other.overlaps;
        self.skipped_ticks += other.skipped_ticks;
        for (cause, count) in &other.failures {
            *self.failures.entry(*cause).or_default() += count;
        }
    }
}
