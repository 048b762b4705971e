//! What happened to a simulated fleet.

use std::ops::Range;
use std::time::Duration;

use hc_core::{CheckResult, Edge, EventKind, Kind, Overlay, Status, Timestamp};
use hc_scheduler::Reason;

/// The grain in which starts are counted.
const GRAIN: Duration = Duration::from_millis(10);

/// One check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckRecord {
    /// When it was started (real time).
    pub started: Timestamp,
    /// When it ended (real time).
    pub ended: Timestamp,
    /// How.
    pub result: CheckResult,
    /// Why it was made.
    pub reason: Reason,
    /// Whether its failure was not believed.
    pub doubted: bool,
}

/// One change of status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransitionRecord {
    /// When (real time).
    pub at: Timestamp,
    /// Of which target.
    pub target: usize,
    /// From what.
    pub from: Status,
    /// To what.
    pub to: Status,
    /// The kind of the failure or warning that led to it.
    pub kind: Option<Kind>,
}

/// What happened to a simulated fleet.
#[derive(Debug, Default)]
pub struct Record {
    /// Checks started.
    pub started: u64,
    /// Checks ended, by result.
    pub ended: [u64; 4],
    /// The most checks in flight at once.
    pub most_in_flight: usize,
    /// The most checks in flight at once of one host.
    pub most_of_host: usize,
    /// Changes of status, in order.
    pub transitions: Vec<TransitionRecord>,
    /// All other events but additions and removals, in order.
    pub events: Vec<(Timestamp, EventKind)>,
    /// Answers of first sweeps, by number.
    pub sweeps_done: Vec<u64>,
    /// Checks that were asked for and declined.
    pub declined: u64,
    /// Each target's checks, if they are kept.
    pub checks: Vec<Vec<CheckRecord>>,
    /// How many checks of each target were started.
    pub started_of: Vec<u32>,
    pub(super) keep_checks: bool,
    pub(super) hash: u64,
    pub(super) starts: Vec<u32>,
}

impl Record {
    pub(super) fn start(&mut self, target: usize, at: Timestamp) {
        self.started += 1;
        if self.started_of.len() <= target {
            self.started_of.resize(target + 1, 0);
        }
        self.started_of[target] += 1;
        let slot = slot(at.since(Timestamp::ZERO));
        if self.starts.len() <= slot {
            self.starts.resize(slot + 1, 0);
        }
        self.starts[slot] += 1;
    }

    pub(super) fn check(&mut self, target: usize, check: CheckRecord) {
        if !self.keep_checks {
            return;
        }
        if self.checks.len() <= target {
            self.checks.resize(target + 1, Vec::new());
        }
        self.checks[target].push(check);
    }

    pub(super) fn mix(&mut self, word: u64) {
        // FNV-1a over words.
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Checks that ended.
    #[must_use]
    pub fn ended_in_all(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// Checks started in that span of real time.
    #[must_use]
    pub fn started_in(&self, span: Range<Duration>) -> u64 {
        self.slots(span).iter().map(|count| u64::from(*count)).sum()
    }

    /// The most checks started in any 100 ms of that span.
    #[must_use]
    pub fn busiest_100ms(&self, span: Range<Duration>) -> u64 {
        let slots = self.slots(span);
        let sums = slots
            .windows(10)
            .map(|window| window.iter().map(|count| u64::from(*count)).sum());
        sums.max().unwrap_or(0)
    }

    /// The average number of checks started in 100 ms of that span.
    #[must_use]
    pub fn average_100ms(&self, span: Range<Duration>) -> f64 {
        let tenths = (span.end - span.start).as_secs_f64() * 10.0;
        self.started_in(span) as f64 / tenths
    }

    fn slots(&self, span: Range<Duration>) -> &[u32] {
        let end = slot(span.end).min(self.starts.len());
        &self.starts[slot(span.start).min(end)..end]
    }

    /// Changes to `to` at or after that time.
    #[must_use]
    pub fn turned(&self, to: Status, since: Duration) -> Vec<TransitionRecord> {
        let since = Timestamp::ZERO + since;
        let turned = self.transitions.iter();
        turned
            .filter(|turn| turn.to == to && turn.at >= since)
            .copied()
            .collect()
    }

    /// When isolations began and ended.
    #[must_use]
    pub fn isolations(&self) -> (Vec<Timestamp>, Vec<Timestamp>) {
        self.edges(|kind| match kind {
            EventKind::Isolated { edge, .. } => Some(*edge),
            _ => None,
        })
    }

    /// When overloads began and ended.
    #[must_use]
    pub fn overloads(&self) -> (Vec<Timestamp>, Vec<Timestamp>) {
        self.edges(|kind| match kind {
            EventKind::Overload { edge, .. } => Some(*edge),
            _ => None,
        })
    }

    /// When overlaps began and ended, of all targets.
    #[must_use]
    pub fn overlaps(&self) -> (Vec<Timestamp>, Vec<Timestamp>) {
        self.edges(|kind| match kind {
            EventKind::Overlap { edge, .. } => Some(*edge),
            _ => None,
        })
    }

    /// When that overlay of any target began and ended.
    #[must_use]
    pub fn overlay(&self, wanted: Overlay) -> (Vec<Timestamp>, Vec<Timestamp>) {
        self.edges(|kind| match kind {
            EventKind::Overlay { overlay, edge, .. } if *overlay == wanted => Some(*edge),
            _ => None,
        })
    }

    fn edges(
        &self,
        mut edge: impl FnMut(&EventKind) -> Option<Edge>,
    ) -> (Vec<Timestamp>, Vec<Timestamp>) {
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        for (at, kind) in &self.events {
            match edge(kind) {
                Some(Edge::Begin) => begun.push(*at),
                Some(Edge::End { .. }) => ended.push(*at),
                None => {}
            }
        }
        (begun, ended)
    }
}

fn slot(at: Duration) -> usize {
    usize::try_from(at.as_nanos() / GRAIN.as_nanos()).unwrap_or(usize::MAX)
}
