//! The pure plan: everything that can happen goes in as one closed enum, what is to be done comes out as actions.
//!
//! It owns the wheel, the admission and every target's health, and publishes to the view. It reads no clock and
//! runs nothing: the same seed and the same inputs give the same actions. So an hour of a fleet runs in seconds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    Cell, Edge, EventKind, Overlay, Policy, Probe, Publisher, TargetId, Timestamp, Word,
};

use crate::admission::Admission;
use crate::clock::RunningClock;
use crate::counters::Counters;
use crate::interval::{self, Next, Reason};
use crate::isolation::{Belief, IsolationRules};
use crate::signs::{References, Signs};
use crate::slab::{Key, Slab};
use crate::sweep::Sweeps;
use crate::wheel::Wheel;

mod action;
mod config;
mod describe;
mod doubt;
mod entry;
mod finish;
mod group;
mod input;
mod last;
mod ranks;
mod relocate;
mod remember;
mod targets;
mod turn;
mod usual;
mod watch;

pub use action::Action;
pub use config::PlanConfig;
pub use describe::{Checked, Description};
pub(crate) use entry::Entry;
use entry::{Flight, Moment, State, Void};
pub use input::{Ended, Finished, Input, Now};
pub(crate) use ranks::ranks;
pub use relocate::Moved;
pub use remember::{Remains, Remembered};

/// A check that misses so little of its timeout is not armed again for the rest.
const GRAIN: Duration = Duration::from_millis(1);

/// What is known of a target, to ask it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Known<'a> {
    /// Its id.
    pub id: &'a TargetId,
    /// Who asks.
    pub probe: &'a Arc<dyn Probe>,
    /// How answers are judged.
    pub policy: &'a Arc<Policy>,
    /// What is shared of it.
    pub cell: &'a Arc<Cell>,
    /// The number of its check in flight: small, of no other check in flight, used again after its end.
    pub flight: Option<u32>,
    /// Whether its last check held its thread for long in one piece.
    pub is_heavy: bool,
}

/// The pure plan.
pub struct Plan {
    config: PlanConfig,
    publisher: Publisher,
    slab: Slab<Entry>,
    wheel: Wheel,
    admission: Admission,
    clock: RunningClock,
    signs: Arc<Signs>,
    /// How often help was called when this plan last looked.
    calls: u64,
    /// What the other workers were told of this one's references.
    told_references: References,
    references: Vec<Key>,
    groups: group::Groups,
    sweeps: Sweeps,
    counters: Counters,
    rng: fastrand::Rng,
    fired: Vec<u32>,
    /// What is known of the checks in flight, and which places of it are free.
    flights: Vec<Flight>,
    free_flights: Vec<u32>,
    wall: SystemTime,
    overloaded_since: Option<Timestamp>,
    /// Targets that are known and not paused.
    asked: usize,
    /// Of these, neither suspect nor Unhealthy.
    clear: usize,
    helper_cursor: u32,
    stopping: bool,
}

impl Plan {
    /// A plan without targets that begins at `now` and publishes there.
    #[must_use]
    pub fn new(config: PlanConfig, publisher: Publisher, now: Now) -> Self {
        let signs = Signs::new(config.isolation.clone(), vec![publisher.clone()], now.mono);
        Self::beside(signs, config, publisher, now)
    }

    /// A plan for each worker of one process, in their order: they share what the process knows of its own trouble.
    /// The limits of the configuration are those of each.
    #[must_use]
    pub fn of_workers(config: &PlanConfig, publishers: Vec<Publisher>, now: Now) -> Vec<Self> {
        let signs = Signs::new(config.isolation.clone(), publishers.clone(), now.mono);
        let plans = publishers.into_iter().map(|publisher| {
            let mut config = config.clone();
            config.seed = config
                .seed
                .wrapping_add(u64::from(publisher.worker()) << 32);
            Self::beside(signs.clone(), config, publisher, now)
        });
        plans.collect()
    }

    fn beside(signs: Arc<Signs>, config: PlanConfig, publisher: Publisher, now: Now) -> Self {
        let mut clock = RunningClock::new(config.slot);
        clock.start(now.mono);
        Self {
            publisher,
            slab: Slab::new(),
            wheel: Wheel::new(config.slot),
            admission: Admission::new(config.in_flight, config.per_host),
            calls: signs.calls(),
            told_references: References::default(),
            signs,
            references: Vec::new(),
            groups: group::Groups::default(),
            sweeps: Sweeps::default(),
            counters: Counters::default(),
            rng: fastrand::Rng::with_seed(config.seed),
            fired: Vec::new(),
            flights: Vec::new(),
            free_flights: Vec::new(),
            wall: now.wall,
            overloaded_since: None,
            asked: 0,
            clear: 0,
            helper_cursor: 0,
            stopping: false,
            clock,
            config,
        }
    }

    /// Takes one input and appends what is to be done.
    ///
    /// Inputs of one turn carry the same `now`, and the first of them is [`Input::Tick`].
    pub fn on(&mut self, now: Now, input: Input, actions: &mut Vec<Action>) {
        self.wall = now.wall;
        match input {
            Input::Tick => self.tick(now.mono, actions),
            Input::Finished {
                key,
                first_poll,
                ended_at,
                ended,
            } => {
                let finished = Finished {
                    key,
                    first_poll,
                    ended_at,
                    ended,
                };
                let mut told = Vec::with_capacity(1);
                self.finish(now.wall, finished, true, actions, |key, checked| {
                    let checked = Arc::new(checked.clone());
                    told.push(Action::Ended { key, checked });
                });
                actions.append(&mut told);
                return;
            }
            Input::Postponed { key, first_poll } => self.postponed(key, first_poll),
            Input::Heard { key, pending } => self.heard(key, pending),
            Input::Add {
                target,
                rank,
                count,
            } => self.add(target, rank, count, actions),
            Input::Remove { key } => self.remove(key, actions),
            Input::Update {
                key,
                target,
                rank,
                count,
            } => {
                self.update(key, target, (rank, count), actions);
            }
            Input::Depart { key } => self.depart(key, actions),
            Input::Adopt {
                moved,
                target,
                rank,
                count,
            } => self.adopt(moved, target, (rank, count), actions),
            Input::Replace { key, probe } => self.replace(key, probe, (0, 1), actions),
            Input::SetPolicy { key, policy } => self.set_policy(key, policy),
            Input::Share { key, with } => self.share(key, with),
            Input::Pause { key } => self.pause(key, actions),
            Input::Resume { key, rank, count } => self.resume(key, (rank, count)),
            Input::CheckNow { key } => self.check_now(key, actions),
            Input::FirstSweep { waiter } => self.first_sweep(waiter, actions),
            Input::SetLimits {
                in_flight,
                per_host,
            } => self.set_limits(in_flight, per_host),
            Input::SetIsolation(rules) => self.set_isolation(rules),
            Input::Stop => self.stop(actions),
        }
        self.admit(actions);
        self.tell_share();
    }

    /// As [`Input::Finished`], for whom the way through an action is too long: what came of the check is told by
    /// a call of `tell` for each target that heard it, and there is no [`Action::Ended`]. Unless `observed`, only of
    /// a target that somebody asked for.
    pub fn finish(
        &mut self,
        wall: SystemTime,
        mut finished: Finished,
        observed: bool,
        actions: &mut Vec<Action>,
        tell: impl FnMut(Key, &Checked),
    ) {
        self.wall = wall;
        let mut tell = tell;
        if let Ended::Answered(Ok(evidence)) = &mut finished.ended {
            let (first_poll, at) = (finished.first_poll, finished.ended_at);
            let key = finished.key;
            if self.finish_usual(
                wall,
                key,
                (first_poll, at),
                evidence,
                observed,
                actions,
                &mut tell,
            ) {
                return;
            }
        }
        self.finished(finished, observed, actions, tell);
        self.admit(actions);
        self.tell_share();
    }

    /// When to wake at the latest, in real time; `None`: when something comes in. Ends a turn: the driver sleeps until then.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        let wake = self.wheel.next_wake();
        self.clock.ask(wake.unwrap_or(Timestamp::NEVER));
        wake.map(|wake| self.clock.to_real(wake))
    }

    /// The target of that key.
    #[must_use]
    pub fn target(&self, key: Key) -> Option<Known<'_>> {
        self.slab.get(key).map(|entry| Known {
            id: entry.id(),
            probe: &entry.probe,
            policy: &entry.policy,
            cell: &entry.cell,
            flight: entry.is_in_flight().then_some(entry.flight),
            is_heavy: entry.is_heavy,
        })
    }

    /// Notes whether the target's last check held its thread for long in one piece.
    pub fn note_heavy(&mut self, key: Key, is_heavy: bool) {
        if let Some(entry) = self.slab.get_mut(key) {
            entry.is_heavy = is_heavy;
        }
    }

    /// What was counted since the beginning.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Checks in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    /// Targets that are due and wait for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.admission.waiting()
    }

    /// How many targets are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slab.len() == 0
    }

    /// Real time over running time: 1 unless hc lacks processor time.
    #[must_use]
    pub fn stretch(&self) -> f64 {
        self.clock.stretch()
    }

    /// Whether nothing answers any more, so that failures do not count.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.signs.belief() == Belief::Isolated
    }

    /// Running time: real time less what was lost.
    #[must_use]
    pub fn running_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The real time at which a check that starts now is to end.
    #[must_use]
    pub fn deadline_of(&self, key: Key) -> Timestamp {
        let timeout = self
            .slab
            .get(key)
            .map_or(Duration::ZERO, |e| e.policy.timeout());
        self.clock.real() + timeout
    }

    /// The real time at which a check by that policy that starts now is to end.
    pub(crate) fn deadline_by(&self, policy: &Policy) -> Timestamp {
        self.clock.real() + policy.timeout()
    }

    /// The keys of all known targets.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..u32::try_from(self.slab.span()).unwrap_or(u32::MAX))
            .filter_map(|index| self.slab.key_at(index))
    }

    /// The timeout that the check in flight began with.
    #[must_use]
    pub fn timeout_in_flight(&self, key: Key) -> Duration {
        self.slab
            .get(key)
            .filter(|entry| entry.is_in_flight())
            .map_or(Duration::ZERO, |entry| {
                self.flights[entry.flight as usize].timeout
            })
    }

    /// Whether a check that was first polled then has had its timeout, less what the wheel's slots may take off.
    #[must_use]
    pub fn is_over(&self, first_poll: Timestamp, timeout: Duration, now: Timestamp) -> bool {
        let had = self
            .clock
            .to_running(now)
            .since(self.clock.to_running(first_poll));
        had + GRAIN >= timeout
    }

    /// The ranks, by hash, of targets that are changed in one command, in the order given.
    pub fn ranks<'a>(&self, ids: impl Iterator<Item = &'a TargetId>) -> std::vec::IntoIter<u32> {
        ranks(ids, &self.config.checker)
    }

    fn announce(&self, kind: EventKind) {
        self.publisher.announce(kind, self.clock.real(), self.wall);
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("targets", &self.slab.len())
            .field("in_flight", &self.admission.in_flight())
            .field("running_now", &self.clock.now())
            .finish_non_exhaustive()
    }
}

/// An event's shape is in hc-core; this is where the plan's words meet it.
fn overlay_event(id: &TargetId, overlay: Overlay, edge: Edge, word: Word) -> EventKind {
    EventKind::Overlay {
        target: id.clone(),
        overlay,
        edge,
        word,
    }
}
