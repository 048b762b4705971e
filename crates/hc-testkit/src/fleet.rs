//! Simulated fleets: the pure plan of hc-scheduler, driven in virtual time against a made-up world.
//!
//! An hour of ten thousand targets takes seconds, and the same seed gives the same actions (see
//! [`Fleet::hash`]). The turn imitates the real driver's step by step; every start and end is checked against the
//! invariants as it happens. Leaves to the tests what the world does and what is to come of it.
//!
//! ```
//! use std::time::Duration;
//! use hc_testkit::fleet::Fleet;
//!
//! let mut fleet = Fleet::builder().targets(100).build();
//! fleet.run_for(Duration::from_secs(60));
//! assert_eq!(fleet.tally(), [0, 100, 0, 0]);
//! ```

use std::collections::BinaryHeap;
use std::time::{Duration, SystemTime};

use hc_core::{HealthView, Publisher, Status, Subscription, Timestamp};
use hc_scheduler::plan::{Action, Input, Now, Plan, PlanConfig};
use hc_scheduler::{IsolationRules, Key};

mod builder;
mod control;
mod drive;
mod record;
mod world;

pub use builder::FleetBuilder;
pub use record::{CheckRecord, Record, TransitionRecord};
pub use world::{Answer, Ask};

use drive::{Completion, Flight};
use world::World;

/// A fleet in virtual time.
pub struct Fleet {
    plan: Plan,
    publisher: Publisher,
    view: HealthView,
    feed: Subscription,
    world: World,
    /// What happened so far.
    pub record: Record,
    now: Timestamp,
    rng: fastrand::Rng,
    wake_latency: Duration,
    cost: Duration,
    in_flight_limit: usize,
    per_host_limit: usize,

    make: builder::Make,
    keys: Vec<Option<Key>>,
    host_numbers: Vec<u32>,
    hosts_in_flight: Vec<usize>,
    /// By the index part of a key: what is in flight there.
    flights: Vec<Option<Flight>>,
    in_flight: usize,
    started: Vec<Key>,
    told: Vec<Key>,
    completions: BinaryHeap<std::cmp::Reverse<Completion>>,
    ready: Vec<Completion>,
    serial: u64,
    actions: Vec<Action>,
    sweeps: u64,
    /// The check whose end the plan is being told.
    ending: Option<Flight>,
}

impl Fleet {
    /// Begins a fleet of nothing, with the plan's defaults.
    pub fn builder() -> FleetBuilder {
        FleetBuilder::new()
    }

    /// Real time of the simulation.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The plan, to be looked at.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What is published.
    #[must_use]
    pub fn view(&self) -> &HealthView {
        &self.view
    }

    /// How many targets have each status: unknown, healthy, degraded, unhealthy.
    #[must_use]
    pub fn tally(&self) -> [usize; 4] {
        self.view.tally()
    }

    /// The status of the `n`-th target.
    ///
    /// # Panics
    /// If it is not known.
    #[must_use]
    pub fn status(&self, n: usize) -> Status {
        self.view
            .get(&name(n))
            .expect("the target is known")
            .status()
    }

    /// A number of all actions so far and their times: two runs with the same seed and inputs agree.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.record.hash
    }

    /// Checks in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn moment(&self) -> Now {
        Now {
            mono: self.now,
            wall: SystemTime::UNIX_EPOCH + self.now.since(Timestamp::ZERO),
        }
    }

    fn plan_input(&mut self, input: Input) {
        let now = self.moment();
        let mut actions = std::mem::take(&mut self.actions);
        self.plan.on(now, input, &mut actions);
        for action in actions.drain(..) {
            self.perform(action);
        }
        self.actions = actions;
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet")
            .field("now", &self.now)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// The id of the `n`-th target.
#[must_use]
pub fn name(n: usize) -> String {
    format!("t-{n}")
}

/// The number of the target of that id.
fn number(id: &str) -> usize {
    id.trim_start_matches("t-")
        .parse()
        .expect("every id of a fleet was made by `name`")
}

/// Rules of isolation with those references.
#[must_use]
pub fn isolation_with_references(references: &[usize]) -> IsolationRules {
    IsolationRules {
        references: references.iter().map(|n| name(*n).into()).collect(),
        ..IsolationRules::default()
    }
}

/// The plan's settings that most simulations want: room for everything, the default rules.
fn roomy() -> PlanConfig {
    PlanConfig {
        in_flight: 100_000,
        per_host: 10_000,
        ..PlanConfig::default()
    }
}
