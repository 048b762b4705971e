//! What the plan knows of one target: compact, because there may be a million of them.
//!
//! What only a check in flight needs is in a [`Flight`] beside; what few targets ever need is boxed ([`Rare`]).

use std::sync::Arc;
use std::time::Duration;

use hc_core::{
    Cell, Health, Phase, Policy, Probe, Span, Status, Target, TargetId, Timestamp, Word,
};

use super::last::Last;
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
    /// In no list until a check of another of its group has ended, which is for this one too.
    Riding,
    /// In flight, past its deadline: in no list until its task has given up.
    Expired,
}

/// Why what comes of the check in flight does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Void {
    Removed,
    Paused,
    Reload,
}

impl Void {
    /// The code of the `cancelled` failure.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Paused => "paused",
            Self::Reload => "reload",
        }
    }
}

/// What is known of a check in flight beside its target. Times are running time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    /// When the target asked for permits.
    pub(crate) fell_due: Timestamp,
    /// When the check was started.
    pub(crate) started: Timestamp,
    /// The timeout that it began with.
    pub(crate) timeout: Duration,
    /// Lost time that mattered to its timeout when it began.
    pub(crate) lost_before: Duration,
    /// All time lost when it began.
    pub(crate) all_lost_before: Duration,
}

/// Something that few targets have a time of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Checks overlap since.
    Overlap,
    /// Stale since.
    Stale,
    /// Its probe panics since.
    Panicked,
    /// Flapping since.
    Flapping,
    /// Unsteady since.
    Unsteady,
    /// Paused since.
    Paused,
    /// The last nudged check was started (running time).
    Nudged,
    /// A row of reports was last counted as a failure (running time).
    Counted,
}

const MOMENTS: usize = Moment::Counted as usize + 1;

struct Rare {
    moments: [Timestamp; MOMENTS],
    /// Its host has changed while it was in flight: it moves there when its permit is given back.
    moves_to: Option<Arc<str>>,
    /// The place of the group that it is in.
    group: Option<u32>,
}

/// What the plan knows of one target.
pub(crate) struct Entry {
    link: Link,
    tick: u64,
    /// When it is asked next, or was due for the check in flight (running time).
    pub(crate) due: Timestamp,
    pub(crate) cell: Arc<Cell>,
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) health: Health,
    pub(crate) last: Last,
    rare: Option<Box<Rare>>,
    hash: u64,
    /// When the last check was due: what a changed policy is applied to (running time).
    pub(crate) last_start: Timestamp,
    /// When it was added, in the order of additions.
    pub(crate) number: u64,

    pub(crate) host: HostIndex,
    /// The place of its check in flight among the flights.
    pub(crate) flight: u32,
    pub(crate) factor: u32,
    /// From the last check's due time to its first poll.
    pub(crate) last_first_poll: Span,
    pub(crate) last_duration: Span,
    /// It is to be asked soon after the check in flight ends: that long after.
    pub(crate) soon: Span,
    pub(crate) quiet: u32,
    /// The silence in which it was last counted, being neither suspect nor Unhealthy.
    pub(crate) silence: u32,
    /// The silence in which it was last silent at all.
    pub(crate) silent_in: u32,

    pub(crate) state: State,
    pub(crate) reason: Reason,
    /// The phase of the last failure since it turned: an unsteady pass is shown with it.
    pub(crate) failed_in: Option<Phase>,
    /// Whether its last check showed life.
    pub(crate) showed_life: Option<bool>,
    /// What comes of the check in flight does not count: its probe was replaced, or it was paused.
    pub(crate) void: Option<Void>,
    pub(crate) paused: bool,
    pub(crate) removed: bool,
    /// It goes to another worker when the check in flight has ended.
    pub(crate) departing: bool,
    /// A nudge came in flight or in admission.
    pub(crate) remembered: bool,
    /// Somebody waits for the result of the next check.
    pub(crate) asked_for: bool,
    /// Neither suspect nor Unhealthy when the check in flight began.
    pub(crate) was_clear: bool,
    pub(crate) counted_clear: bool,
    /// It is counted among those that are asked.
    pub(crate) counted_asked: bool,
    pub(crate) swept: bool,
    /// Its health is another process's: no check of it has ended in this one.
    pub(crate) is_restored: bool,
    pub(crate) is_reference: bool,
    /// Its last check held its thread for long in one piece.
    pub(crate) is_heavy: bool,
}

impl Entry {
    pub(crate) fn new(
        target: Target,
        health: Health,
        cell: Arc<Cell>,
        hash: u64,
        host: HostIndex,
        now: Timestamp,
    ) -> Self {
        let mut entry = Self {
            link: Link::default(),
            tick: 0,
            due: Timestamp::NEVER,
            probe: target.probe,
            health,
            policy: target.policy,
            last: Last::Never,
            rare: None,
            hash,
            last_start: now,
            number: 0,
            host,
            flight: 0,
            factor: 1,
            last_first_poll: Span::of(Duration::ZERO),
            last_duration: Span::of(Duration::ZERO),
            soon: Span::ABSENT,
            quiet: 0,
            silence: 0,
            silent_in: 0,
            state: State::Parked,
            reason: Reason::First,
            failed_in: None,
            showed_life: None,
            void: None,
            paused: target.paused,
            removed: false,
            departing: false,
            remembered: false,
            asked_for: false,
            was_clear: true,
            counted_clear: false,
            counted_asked: false,
            swept: false,
            is_restored: false,
            is_reference: false,
            is_heavy: false,
            cell,
        };
        if entry.paused {
            entry.set(Moment::Paused, Some(now));
        }
        entry
    }

    pub(crate) fn id(&self) -> &TargetId {
        self.cell.id()
    }

    /// Reads from each of its lines of the cache, so that they are there when they are needed.
    pub(crate) fn warm(&self) {
        std::hint::black_box((
            self.cell.word(),
            self.tick,
            self.hash,
            self.health.since(),
            matches!(self.last, Last::Never),
            self.last_start,
            self.state,
            self.quiet,
        ));
    }

    pub(crate) fn grid(&self) -> Grid {
        Grid::new(self.hash, self.policy.interval())
    }

    pub(crate) fn word(&self) -> Word {
        Word::new(&self.health, &self.policy, self.paused)
    }

    /// Neither suspect nor Unhealthy.
    pub(crate) fn is_clear(&self) -> bool {
        !self.health.is_suspect() && self.health.status() != Status::Unhealthy
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight | State::Expired)
    }

    /// In flight, and nothing is to be thought of when that ends but whether it passed.
    pub(crate) fn is_usual(&self) -> bool {
        self.state == State::InFlight
            && self.rare.is_none()
            && self.void.is_none()
            && self.swept
            && !self.is_restored
            && !self.paused
            && !self.removed
            && !self.departing
            && !self.remembered
            && self.soon == Span::ABSENT
    }

    /// When it asked for permits: in the place of its tick, as it stands in no wheel from then until it starts.
    pub(crate) fn fell_due(&self) -> Timestamp {
        debug_assert!(matches!(self.state, State::Waiting | State::Ready));
        Timestamp::from_nanos(self.tick)
    }

    /// It asks for permits now.
    pub(crate) fn fall_due(&mut self, now: Timestamp) {
        self.tick = now.as_nanos();
    }

    /// That moment, if there was one.
    pub(crate) fn at(&self, moment: Moment) -> Option<Timestamp> {
        let rare = self.rare.as_deref()?;
        let at = rare.moments[moment as usize];
        (at != Timestamp::NEVER).then_some(at)
    }

    /// Notes or forgets a moment.
    pub(crate) fn set(&mut self, moment: Moment, at: Option<Timestamp>) {
        match (at, &mut self.rare) {
            (Some(at), _) => self.rare().moments[moment as usize] = at,
            (None, Some(rare)) => {
                rare.moments[moment as usize] = Timestamp::NEVER;
                self.tidy();
            }
            (None, None) => {}
        }
    }

    /// Notes that it moves to that host when the check in flight has ended.
    pub(crate) fn move_later(&mut self, host: Arc<str>) {
        self.rare().moves_to = Some(host);
    }

    /// The host that it is to move to, if there is one.
    pub(crate) fn moves_to(&self) -> Option<&Arc<str>> {
        self.rare.as_deref()?.moves_to.as_ref()
    }

    /// Takes the host that it moves to.
    pub(crate) fn take_move(&mut self) -> Option<Arc<str>> {
        let host = self.rare.as_deref_mut()?.moves_to.take();
        self.tidy();
        host
    }

    /// The place of the group that it is in.
    pub(crate) fn group(&self) -> Option<u32> {
        self.rare.as_deref()?.group
    }

    /// Notes the group that it is in.
    pub(crate) fn set_group(&mut self, group: Option<u32>) {
        if group.is_some() || self.group().is_some() {
            self.rare().group = group;
            self.tidy();
        }
    }

    /// What its grid is made of.
    pub(crate) fn set_hash(&mut self, hash: u64) {
        self.hash = hash;
    }

    /// Forgets a nudged check once it limits nothing any more.
    pub(crate) fn forget_nudge(&mut self, now: Timestamp) {
        if self.rare.is_some()
            && self
                .at(Moment::Nudged)
                .is_some_and(|last| last + self.policy.min_interval() <= now)
        {
            self.set(Moment::Nudged, None);
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| {
            Box::new(Rare {
                moments: [Timestamp::NEVER; MOMENTS],
                moves_to: None,
                group: None,
            })
        })
    }

    fn tidy(&mut self) {
        let is_empty = self.rare.as_deref().is_some_and(|rare| {
            rare.moves_to.is_none()
                && rare.group.is_none()
                && rare.moments == [Timestamp::NEVER; MOMENTS]
        });
        if is_empty {
            self.rare = None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a target takes in the plan, to the byte. Whoever makes it larger says so in docs/benchmarks.md.
    #[test]
    fn an_entry_stays_small() {
        assert_eq!(size_of::<Health>(), 48);
        assert_eq!(size_of::<Last>(), 88);
        assert_eq!(size_of::<Entry>(), 280);
        assert_eq!(size_of::<Rare>(), 88);
        assert_eq!(size_of::<Cell>(), 72);
        assert_eq!(size_of::<Flight>(), 64);
    }
}
