//! What a simulated fleet is made of.

use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{Policy, Target, Timestamp, probe_fn};
use hc_scheduler::IsolationRules;
use hc_scheduler::plan::{Now, Plan, PlanConfig};

use super::world::{Answer, Answers, Ask, World};
use super::{Fleet, Record, name, roomy};

/// How the `n`-th target is made.
pub(super) type Make = Box<dyn Fn(usize) -> Target>;

/// Events kept between two looks at the feed: more than one turn can bring.
const FEED: usize = 1 << 17;

/// Collects what a [`Fleet`] is made of.
#[must_use]
pub struct FleetBuilder {
    config: PlanConfig,
    targets: usize,
    hosts: Option<usize>,
    policy: Policy,
    each: Box<dyn Fn(usize, Target) -> Target>,
    answers: Answers,
    cuts: Vec<(Duration, Duration)>,
    cost: Duration,
    wake_latency: Duration,
    keep_checks: bool,
}

impl FleetBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: roomy(),
            targets: 0,
            hosts: None,
            policy: Policy::default(),
            each: Box::new(|_, target| target),
            answers: Box::new(|_| Answer::pass_ms(10)),
            cuts: Vec::new(),
            cost: Duration::ZERO,
            wake_latency: Duration::ZERO,
            keep_checks: false,
        }
    }

    /// So many targets, added in one command at the start. Default none.
    pub fn targets(mut self, count: usize) -> Self {
        self.targets = count;
        self
    }

    /// Spread over so many hosts. Default: each has its own.
    pub fn hosts(mut self, count: usize) -> Self {
        self.hosts = Some(count);
        self
    }

    /// The policy of every target. Default: the defaults.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The defaults of policy but for the interval and the timeout.
    ///
    /// # Panics
    /// If they are out of range.
    pub fn interval(mut self, interval: Duration, timeout: Duration) -> Self {
        self.policy = Policy::builder()
            .interval(interval)
            .timeout(timeout)
            .build()
            .expect("a simulation's policy is valid");
        self
    }

    /// Changes single targets.
    pub fn each(mut self, each: impl Fn(usize, Target) -> Target + 'static) -> Self {
        self.each = Box::new(each);
        self
    }

    /// What checks meet. Default: each passes after 10 ms.
    pub fn world(mut self, answers: impl FnMut(Ask<'_>) -> Answer + 'static) -> Self {
        self.answers = Box::new(answers);
        self
    }

    /// Cuts the checker's own network between those times.
    pub fn cut(mut self, from: Duration, to: Duration) -> Self {
        self.cuts.push((from, to));
        self
    }

    /// What the first poll of each check costs of the one processor. Default nothing.
    pub fn cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    /// The driver wakes up to so much later than it asked for, at random. Default nothing.
    pub fn wake_latency(mut self, latency: Duration) -> Self {
        self.wake_latency = latency;
        self
    }

    /// Checks in flight at most, in all and of a host. Default 100,000 and 10,000.
    pub fn limits(mut self, in_flight: usize, per_host: usize) -> Self {
        self.config.in_flight = in_flight;
        self.config.per_host = per_host;
        self
    }

    /// The rules of self-doubt. Default: the defaults.
    pub fn isolation(mut self, rules: Option<IsolationRules>) -> Self {
        self.config.isolation = rules;
        self
    }

    /// Seeds the plan and the world. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// The checker's name: part of each target's phase. Default `hc`.
    pub fn checker(mut self, name: &str) -> Self {
        name.clone_into(&mut self.config.checker);
        self
    }

    /// Keeps a record of every single check.
    pub fn keep_checks(mut self) -> Self {
        self.keep_checks = true;
        self
    }

    /// The fleet at time zero.
    #[must_use]
    pub fn build(self) -> Fleet {
        let (publisher, view) = hc_core::view(FEED);
        let start = Now {
            mono: Timestamp::ZERO,
            wall: SystemTime::UNIX_EPOCH,
        };
        let plan = Plan::new(self.config.clone(), publisher.clone(), start);
        let policy = Arc::new(self.policy);
        let (hosts, each) = (self.hosts, self.each);
        let make = move |n: usize| {
            let never = probe_fn(|_| async { unreachable!("the world answers") });
            let host = match hosts {
                Some(hosts) => format!("h-{}", n % hosts),
                None => name(n),
            };
            let target = Target::new(name(n), never).with_policy(policy.clone());
            each(n, target.with_host(host))
        };
        let mut fleet = Fleet {
            plan,
            feed: view.subscribe(),
            publisher,
            view,
            world: World {
                answers: self.answers,
                cuts: self.cuts,
            },
            record: Record {
                keep_checks: self.keep_checks,
                ..Record::default()
            },
            now: Timestamp::ZERO,
            rng: fastrand::Rng::with_seed(self.config.seed ^ 0x5eed),
            wake_latency: self.wake_latency,
            cost: self.cost,
            in_flight_limit: self.config.in_flight,
            per_host_limit: self.config.per_host,
            make: Box::new(make),
            keys: Vec::new(),
            host_numbers: Vec::new(),
            hosts_in_flight: Vec::new(),
            flights: Vec::new(),
            in_flight: 0,
            started: Vec::new(),
            told: Vec::new(),
            completions: BinaryHeap::new(),
            ready: Vec::new(),
            serial: 0,
            actions: Vec::new(),
            sweeps: 0,
            ending: None,
        };
        fleet.add(0..self.targets);
        fleet
    }
}

impl fmt::Debug for FleetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetBuilder")
            .field("config", &self.config)
            .field("targets", &self.targets)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
