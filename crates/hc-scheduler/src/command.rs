//! What a monitor's owner may ask of its driver, and what comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Policy, Probe, Target, TargetId};
use tokio::sync::oneshot;

use crate::isolation::IsolationRules;
use crate::plan::{Checked, Description};
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
    /// Another policy: everything else stays.
    SetPolicy(TargetId, Arc<Policy>),
    /// Another probe: the status stays, the streaks are zeroed, and it is asked soon.
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

pub(crate) enum Command {
    Alter {
        alterations: Vec<Alteration>,
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
        reply: Reply<Shutdown>,
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
