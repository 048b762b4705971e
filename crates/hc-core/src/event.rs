//! What sinks hear: changes of targets and of the checker itself, each with its number and its time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::id::{Labels, TargetId};
use crate::machine::Turn;
use crate::status::Overlay;
use crate::time::Timestamp;
use crate::word::Word;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckResult {
    /// It passed.
    Pass,
    /// It passed with a warning.
    Degraded,
    /// It failed, by the target's or the path's fault.
    Failure,
    /// It says nothing about the target.
    Inconclusive,
}

impl CheckResult {
    /// Every result.
    pub const ALL: [Self; 4] = [
        Self::Pass,
        Self::Degraded,
        Self::Failure,
        Self::Inconclusive,
    ];

    /// How a check with that outcome ended.
    #[must_use]
    pub fn of(outcome: &Result<Evidence, Failure>) -> Self {
        match outcome {
            Ok(evidence) if evidence.warning.is_some() => Self::Degraded,
            Ok(_) => Self::Pass,
            Err(failure) if failure.blame == crate::Blame::Local => Self::Inconclusive,
            Err(_) => Self::Failure,
        }
    }

    /// The one spelling used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Degraded => "degraded",
            Self::Failure => "failure",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One change, numbered in the order of publishing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Its number: one more than that of the event before it.
    pub sequence: u64,
    /// When, by the driver's monotonic clock (real time).
    pub at: Timestamp,
    /// When, for people.
    pub wall: SystemTime,
    /// What changed.
    pub kind: EventKind,
}

impl Event {
    /// An event of those parts. Those of a feed are made by its [`Publisher`](crate::Publisher).
    #[must_use]
    pub fn new(sequence: u64, at: Timestamp, wall: SystemTime, kind: EventKind) -> Self {
        Self {
            sequence,
            at,
            wall,
            kind,
        }
    }
}

/// Something that lasts: told once when it begins and once when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It begins.
    Begin,
    /// It ends, having lasted so long.
    End {
        /// From begin to end.
        lasted: Duration,
    },
}

/// What changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A target is known from now on.
    Added {
        /// The target.
        target: TargetId,
        /// Its group.
        group: Arc<str>,
        /// Its labels.
        labels: Labels,
        /// Its state as it is added.
        word: Word,
    },
    /// A target is no longer known.
    Removed {
        /// The target.
        target: TargetId,
    },
    /// A target's status changed.
    Transition {
        /// The target.
        target: TargetId,
        /// From what to what, when, after how long.
        turn: Turn,
        /// Its state from now on.
        word: Word,
        /// The last failure or warning behind it; none for a plain recovery.
        cause: Option<Arc<Failure>>,
    },
    /// A target's flapping, unsteadiness, pause or staleness began or ended.
    Overlay {
        /// The target.
        target: TargetId,
        /// Which.
        overlay: Overlay,
        /// Begin or end.
        edge: Edge,
        /// Its state from now on.
        word: Word,
    },
    /// A target fell due while its check was in flight, or no longer does.
    Overlap {
        /// The target.
        target: TargetId,
        /// Its interval.
        interval: Duration,
        /// How long the check took.
        took: Duration,
        /// Begin or end.
        edge: Edge,
    },
    /// A target's probe panicked, for the first time since it last did not.
    Panicked {
        /// The target.
        target: TargetId,
        /// What it said.
        failure: Arc<Failure>,
        /// Begin or end.
        edge: Edge,
    },
    /// The checker lacks processor time, or no longer does.
    Overload {
        /// Real time over running time.
        stretch: f64,
        /// Begin or end.
        edge: Edge,
    },
    /// Nothing answers any more, or something does again.
    Isolated {
        /// How many targets were silent in this silence.
        targets: usize,
        /// On how many hosts.
        hosts: usize,
        /// How long nothing has shown life.
        silent: Duration,
        /// Begin or end.
        edge: Edge,
    },
}

impl EventKind {
    /// The target that it is about, if it is about one.
    #[must_use]
    pub fn target(&self) -> Option<&TargetId> {
        match self {
            Self::Added { target, .. }
            | Self::Removed { target }
            | Self::Transition { target, .. }
            | Self::Overlay { target, .. }
            | Self::Overlap { target, .. }
            | Self::Panicked { target, .. } => Some(target),
            Self::Overload { .. } | Self::Isolated { .. } => None,
        }
    }
}
