//! All that goes into a plan: a reader of [`Input`] knows every cause of work.

use std::sync::Arc;
use std::time::SystemTime;

use hc_core::{Evidence, Failure, Pending, Policy, Probe, Target, Timestamp};

use super::Moved;
use crate::isolation::IsolationRules;
use crate::slab::Key;

/// Now, by both clocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For arithmetic. Real time since the driver's start.
    pub mono: Timestamp,
    /// For people.
    pub wall: SystemTime,
}

/// How a check ended.
#[derive(Debug)]
pub enum Ended {
    /// The probe answered.
    Answered(Result<Evidence, Failure>),
    /// Its time was over; the failure says in which phase.
    TimedOut(Failure),
    /// It panicked, and said this.
    Panicked(Failure),
    /// It was told to stop.
    Cancelled(Failure),
}

/// A check has ended.
#[derive(Debug)]
pub struct Finished {
    /// Whose.
    pub key: Key,
    /// When it was first polled (real time).
    pub first_poll: Timestamp,
    /// When it ended (real time).
    pub ended_at: Timestamp,
    /// How.
    pub ended: Ended,
}

/// Everything that can happen.
#[derive(Debug)]
pub enum Input {
    /// Time has passed. The first input of every turn.
    Tick,
    /// A check has ended.
    Finished {
        /// Whose.
        key: Key,
        /// When it was first polled (real time).
        first_poll: Timestamp,
        /// When it ended (real time).
        ended_at: Timestamp,
        /// How.
        ended: Ended,
    },
    /// A check whose deadline came was first polled later than it was started: the deadline counts from there.
    Postponed {
        /// Whose.
        key: Key,
        /// When it was first polled (real time); none if it has not been yet.
        first_poll: Option<Timestamp>,
    },
    /// Nudges and reports came in.
    Heard {
        /// About whom.
        key: Key,
        /// What.
        pending: Pending,
    },
    /// A new target: the `rank`-th of the `count` that were added with it.
    Add {
        /// The target.
        target: Target,
        /// Its rank by hash among those added in one command.
        rank: u32,
        /// How many were added in that command.
        count: u32,
    },
    /// A target goes.
    Remove {
        /// Which.
        key: Key,
    },
    /// The same target with other settings. What its identity is, the caller decides.
    Update {
        /// Which.
        key: Key,
        /// What it is from now on; the id stays.
        target: Target,
        /// The `rank`-th of the `count` changed with it.
        rank: u32,
        /// How many were changed in that command.
        count: u32,
    },
    /// The target goes to another worker, once its check in flight has ended: [`Action::Departed`](super::Action::Departed).
    Depart {
        /// Which.
        key: Key,
    },
    /// A target comes from another worker, with all that is known of it, and has these settings from now on.
    Adopt {
        /// What another plan knew of it.
        moved: Moved,
        /// What it is from now on; the id stays.
        target: Target,
        /// The `rank`-th of the `count` changed with it.
        rank: u32,
        /// How many were changed in that command.
        count: u32,
    },
    /// Another probe asks from now on.
    Replace {
        /// Which.
        key: Key,
        /// The probe.
        probe: Arc<dyn Probe>,
    },
    /// Another policy judges from now on.
    SetPolicy {
        /// Which.
        key: Key,
        /// The policy.
        policy: Arc<Policy>,
    },
    /// It shares its checks with others from now on, or with none.
    Share {
        /// Which.
        key: Key,
        /// With those of that key.
        with: Option<u128>,
    },
    /// Not to be asked for now.
    Pause {
        /// Which.
        key: Key,
    },
    /// To be asked again.
    Resume {
        /// Which.
        key: Key,
        /// The `rank`-th of the `count` resumed with it.
        rank: u32,
        /// How many were resumed in that command.
        count: u32,
    },
    /// A check now; one that is in flight serves.
    CheckNow {
        /// Of whom.
        key: Key,
    },
    /// Tell when each target that is known now has ended one check.
    FirstSweep {
        /// The caller's number for this question.
        waiter: u64,
    },
    /// Other limits.
    SetLimits {
        /// Checks in flight at most.
        in_flight: usize,
        /// Of one host.
        per_host: usize,
    },
    /// Other rules of self-doubt.
    SetIsolation(Option<IsolationRules>),
    /// No new checks from now on.
    Stop,
}
