//! What a monitor's owner may ask of its driver, and what comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Policy, Probe, Target, TargetId};
use tokio::sync::oneshot;

use crate::isolation::IsolationRules;
use crate::plan::{Checked, Description, Moved, Remains, Remembered};
use crate::stats::Stats;

/// One change to the set of targets. Several in one command are ranked together, so that they do not bunch.
#[derive(Debug)]
#[non_exhaustive]
pub enum Alteration {
    /// A new target.
    Add(Target),
    /// A target goes.
    Remove(TargetId),
    /// The same target (by id) with other settings: its status stays, its streaks are zeroed, and it is asked soon.
    Update(Target),
    /// Another policy: everything else stays. The target shares its checks with no others until it is told to.
    SetPolicy(TargetId, Arc<Policy>),
    /// The target shares its checks with those of that key from now on, or with none: everything else stays.
    Share(TargetId, Option<u128>),
    /// Another probe: the status stays, the streaks are zeroed, and it is asked soon. The target shares its checks with
    /// no others until it is told to.
    Replace(TargetId, Arc<dyn Probe>),
    /// Not to be asked for now.
    Pause(TargetId),
    /// To be asked again.
    Resume(TargetId),
}

/// What became of a command's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Additions whose ids were known already; nothing was changed by them.
    pub duplicates: Vec<TargetId>,
    /// Ids that are not known; nothing was changed by them.
    pub unknown: Vec<TargetId>,
}

impl Applied {
    /// Whether every change took effect.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.duplicates.is_empty() && self.unknown.is_empty()
    }
}

/// Why an answer did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorError {
    /// The monitor has been shut down.
    Stopped,
    /// No target has that id.
    Unknown,
    /// The target is paused, was removed meanwhile, or the monitor is being shut down.
    Declined,
}

impl fmt::Display for MonitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "the monitor has been shut down",
            Self::Unknown => "no target has that id",
            Self::Declined => "the target is paused or gone, or the monitor is shutting down",
        })
    }
}

impl std::error::Error for MonitorError {}

pub(crate) type Reply<T> = oneshot::Sender<T>;

/// One change as a worker is told of it.
pub(crate) enum Change {
    Alter(Alteration),
    /// The target goes to another worker, with all that is known of it, once its check in flight has ended.
    Depart(TargetId, Reply<Moved>),
    /// A target comes from another worker, and is this from now on.
    Adopt(Moved, Target),
}

impl Change {
    /// The target that is spread over time among its likes, if it is a change of that kind.
    fn is_ranked(&self) -> Option<&TargetId> {
        match self {
            Self::Alter(Alteration::Add(target) | Alteration::Update(target))
            | Self::Adopt(_, target) => Some(&target.id),
            Self::Alter(Alteration::Resume(id)) => Some(id),
            _ => None,
        }
    }
}

/// A change, and its rank by hash among those that are made with it.
pub(crate) struct Ranked {
    pub(crate) change: Change,
    pub(crate) rank: u32,
}

/// Ranks the changes of one command, over all workers, in the task of who asks for them.
pub(crate) fn rank(alterations: Vec<Alteration>, checker: &str) -> (Vec<Ranked>, u32) {
    let mut changes: Vec<Ranked> = alterations
        .into_iter()
        .map(|alteration| Ranked {
            change: Change::Alter(alteration),
            rank: 0,
        })
        .collect();
    let ids = changes
        .iter()
        .filter_map(|ranked| ranked.change.is_ranked());
    let ranks = crate::plan::ranks(ids, checker);
    let count = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
    let spread = changes
        .iter_mut()
        .filter(|ranked| ranked.change.is_ranked().is_some());
    for (ranked, rank) in spread.zip(ranks) {
        ranked.rank = rank;
    }
    (changes, count)
}

pub(crate) enum Command {
    Alter {
        changes: Vec<Ranked>,
        /// How many of them are spread over time.
        count: u32,
        reply: Reply<Applied>,
    },
    CheckNow {
        id: TargetId,
        reply: Reply<Result<Arc<Checked>, MonitorError>>,
    },
    Describe {
        ids: Option<Vec<TargetId>>,
        reply: Reply<Vec<Description>>,
    },
    Remember {
        ids: Vec<TargetId>,
        reply: Reply<Vec<Remembered>>,
    },
    FirstSweep {
        reply: Reply<()>,
    },
    Stats {
        reply: Reply<Stats>,
    },
    SetLimits {
        in_flight: usize,
        per_host: usize,
    },
    SetIsolation(Option<IsolationRules>),
    Shutdown {
        grace: Duration,
        reply: Reply<(Shutdown, Remains)>,
    },
}

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Checks that were in flight and ended by themselves.
    pub drained: usize,
    /// Checks that were cancelled when the grace was over.
    pub cancelled: usize,
}
