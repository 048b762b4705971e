//! What the plan knows of one target.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{Cell, Failure, Health, Status, Target, Timestamp, Word};

use super::describe::Checked;
use crate::admission::HostIndex;
use crate::interval::{Grid, Reason};
use crate::list::{Link, Linked};
use crate::wheel::Timed;

/// Where a target stands. It is in exactly one list, or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// In the wheel with its due time.
    Idle,
    /// In no list: paused, or hc stops.
    Parked,
    /// In its host's queue.
    Waiting,
    /// In the ready queue, with its host's permit.
    Ready,
    /// In the wheel with its deadline.
    InFlight,
    /// In flight, past its deadline: in no list until its task has given up.
    Expired,
}

/// What the plan knows of one target.
pub(crate) struct Entry {
    pub(crate) target: Target,
    pub(crate) cell: Arc<Cell>,
    pub(crate) health: Health,
    pub(crate) last: Option<Arc<Checked>>,
    /// The last failure since it turned or warning: the cause that an unsteady pass is shown with.
    pub(crate) last_failure: Option<Arc<Failure>>,
    link: Link,
    tick: u64,
    hash: u64,
    pub(crate) host: HostIndex,
    pub(crate) state: State,

    /// When it is asked next, or was due for the check in flight (running time).
    pub(crate) due: Timestamp,
    pub(crate) reason: Reason,
    pub(crate) factor: u32,
    /// When it asked for permits for the check in flight (running time).
    pub(crate) fell_due: Timestamp,
    /// When the check in flight was started (running time).
    pub(crate) started: Timestamp,
    /// When the last check was due and first polled: what a changed policy is applied to (running time).
    pub(crate) last_start: Timestamp,
    pub(crate) last_first_poll: Timestamp,
    pub(crate) last_duration: Duration,
    /// Lost time that mattered to its timeout when the check in flight began.
    pub(crate) lost_before: Duration,
    /// All time lost when the check in flight began.
    pub(crate) all_lost_before: Duration,
    /// The timeout that the check in flight began with.
    pub(crate) timeout: Duration,
    pub(crate) last_nudged: Option<Timestamp>,
    pub(crate) last_counted: Option<Timestamp>,

    /// When it was added, in the order of additions.
    pub(crate) number: u64,
    pub(crate) quiet: u32,
    /// The silence in which it was last counted, being neither suspect nor Unhealthy.
    pub(crate) silence: u64,
    /// The silence in which it was last silent at all.
    pub(crate) silent_in: u64,
    /// Whether its last check showed life.
    pub(crate) showed_life: Option<bool>,
    pub(crate) overlap_since: Option<Timestamp>,
    pub(crate) stale_since: Option<Timestamp>,
    pub(crate) panicked_since: Option<Timestamp>,
    pub(crate) flapping_since: Timestamp,
    pub(crate) unsteady_since: Timestamp,
    pub(crate) paused_since: Timestamp,

    pub(crate) paused: bool,
    pub(crate) removed: bool,
    /// A nudge came in flight or in admission.
    pub(crate) remembered: bool,
    /// Somebody waits for the result of the next check.
    pub(crate) asked_for: bool,
    /// What comes of the check in flight does not count: its probe was replaced, or it was paused.
    pub(crate) void: Option<&'static str>,
    /// It is to be asked soon after the check in flight ends: that long after.
    pub(crate) soon: Option<Duration>,
    /// Neither suspect nor Unhealthy when the check in flight began.
    pub(crate) was_clear: bool,
    pub(crate) counted_clear: bool,
    pub(crate) swept: bool,
    pub(crate) is_reference: bool,
}

impl Entry {
    pub(crate) fn new(
        target: Target,
        cell: Arc<Cell>,
        hash: u64,
        host: HostIndex,
        now: Timestamp,
    ) -> Self {
        let health = Health::new(target.policy.start(), now);
        Self {
            health,
            last: None,
            last_failure: None,
            link: Link::default(),
            tick: 0,
            hash,
            host,
            state: State::Parked,
            due: Timestamp::NEVER,
            reason: Reason::First,
            factor: 1,
            fell_due: now,
            started: now,
            last_start: now,
            last_first_poll: now,
            last_duration: Duration::ZERO,
            lost_before: Duration::ZERO,
            all_lost_before: Duration::ZERO,
            timeout: target.policy.timeout(),
            last_nudged: None,
            last_counted: None,
            number: 0,
            quiet: 0,
            silence: 0,
            silent_in: 0,
            showed_life: None,
            overlap_since: None,
            stale_since: None,
            panicked_since: None,
            flapping_since: now,
            unsteady_since: now,
            paused_since: now,
            paused: target.paused,
            removed: false,
            remembered: false,
            asked_for: false,
            void: None,
            soon: None,
            was_clear: true,
            counted_clear: false,
            swept: false,
            is_reference: false,
            target,
            cell,
        }
    }

    pub(crate) fn grid(&self) -> Grid {
        Grid::new(self.hash, self.target.policy.interval())
    }

    pub(crate) fn word(&self) -> Word {
        Word::new(&self.health, &self.target.policy, self.paused)
    }

    /// Neither suspect nor Unhealthy.
    pub(crate) fn is_clear(&self) -> bool {
        !self.health.is_suspect() && self.health.status() != Status::Unhealthy
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight | State::Expired)
    }
}

impl Linked for Entry {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Timed for Entry {
    fn tick(&mut self) -> &mut u64 {
        &mut self.tick
    }
}
