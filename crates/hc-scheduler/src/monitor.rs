//! The monitor: built, started, then spoken to through a handle while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    BasisPoints, Clock, FEED_CAPACITY, HealthView, Mirror, Policy, Probe, Report, Subscription,
    Target, TargetHandle, TargetId, Timestamp,
};
use tokio::sync::{mpsc, oneshot};

use crate::alive::Alive;
use crate::command::{Alteration, Applied, Command, MonitorError, Reply, Shutdown, rank};
use crate::driver::Driver;
use crate::isolation::IsolationRules;
use crate::observer::Observer;
use crate::plan::{
    Action, Checked, Description, Input, Now, Plan, PlanConfig, Remains, Remembered,
};
use crate::shards::{self, Router};
use crate::stats::Stats;
use crate::time::MonitorClock;
use crate::worker;

/// Commands that may wait for the driver. It takes a thousand a turn; who is faster waits.
const COMMANDS: usize = 1_024;

/// A monitor that was built and not yet started. Nothing is asked before [`start`](Self::start).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use hc_core::{Evidence, Target, probe_fn};
/// use hc_scheduler::Monitor;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let always = probe_fn(|_| async { Ok(Evidence::new()) });
/// let monitor = Monitor::builder().target(Target::new("api-1", always)).build().start();
/// monitor.first_sweep().await.expect("it runs");
/// assert!(monitor.get("api-1").expect("it was added").is_healthy());
/// monitor.shutdown(Duration::from_secs(1)).await;
/// # }
/// ```
#[must_use = "a built monitor asks nothing until it is started"]
pub struct Monitor {
    config: PlanConfig,
    targets: Vec<Target>,
    observer: Option<Arc<dyn Observer>>,
    feed_capacity: usize,
    workers: usize,
    own_threads: Option<bool>,
    started: bool,
}

impl Monitor {
    /// Begins a monitor with the defaults.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder {
            config: PlanConfig::default(),
            targets: Vec::new(),
            observer: None,
            feed_capacity: FEED_CAPACITY,
            workers: 1,
            own_threads: None,
        }
    }

    /// Starts it: on the current tokio runtime, or on [threads of its own](MonitorBuilder::own_threads). It runs until
    /// [`MonitorHandle::shutdown`] or until the last handle is dropped.
    ///
    /// Of targets with the same id the first is taken, and the others are warned of.
    ///
    /// # Panics
    /// Without threads of its own: outside of a tokio runtime. With them: if the system gives none.
    #[must_use = "the monitor stops when its last handle is dropped"]
    pub fn start(mut self) -> MonitorHandle {
        self.started = true;
        let clock = Arc::new(MonitorClock::start(&self.targets));
        let now = Now {
            mono: clock.now(),
            wall: clock.wall(),
        };
        let workers = self.workers.min(self.config.in_flight).min(shards::MOST);
        let number = u8::try_from(workers).expect("there are 64 at most");
        let (publishers, view) = hc_core::view_of_workers(self.feed_capacity, number);
        if let Some(observer) = &self.observer {
            observer.starts(&view);
        }
        let mut plans = Plan::of_workers(&self.config, publishers.clone(), now);
        for (plan, limit) in plans
            .iter_mut()
            .zip(shards::split(self.config.in_flight, workers))
        {
            let limits = Input::SetLimits {
                in_flight: limit,
                per_host: self.config.per_host,
            };
            plan.on(now, limits, &mut Vec::new());
        }
        add_first(&mut plans, now, std::mem::take(&mut self.targets));
        let (alive, ends) = Alive::of_workers(&publishers);
        let finder = publishers[0].clone();
        let mut senders = Vec::with_capacity(workers);
        let mut drivers = Vec::with_capacity(workers);
        for ((plan, publisher), alive) in plans.into_iter().zip(publishers).zip(alive) {
            let (commands, inbox) = mpsc::channel(COMMANDS);
            senders.push(commands);
            let (clock, observer) = (clock.clone(), self.observer.clone());
            drivers.push(Driver::new(plan, publisher, clock, observer, inbox, alive));
        }
        let (commands, router) = match <[_; 1]>::try_from(senders) {
            // One worker is spoken to without a router between.
            Ok([only]) => (only, None),
            Err(senders) => {
                let (commands, inbox) = mpsc::channel(COMMANDS);
                (commands, Some(Router::new(inbox, senders, ends, finder)))
            }
        };
        if self.own_threads.unwrap_or(workers > 1) {
            worker::spawn_threads(drivers, router).expect("the system gives threads");
        } else {
            worker::spawn_here(drivers, router);
        }
        MonitorHandle {
            commands,
            view,
            clock,
            checker: Arc::from(self.config.checker.as_str()),
        }
    }
}

/// Makes the first targets known before anybody can ask for them.
fn add_first(plans: &mut [Plan], now: Now, targets: Vec<Target>) {
    let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let ranks = plans[0].ranks(targets.iter().map(|target| &target.id));
    let workers = plans.len();
    let mut actions = Vec::new();
    for (target, rank) in targets.into_iter().zip(ranks) {
        plans[shards::worker_of(&target.host, workers)].on(
            now,
            Input::Add {
                target,
                rank,
                count,
            },
            &mut actions,
        );
    }
    for action in actions {
        if let Action::Refused { id } = action {
            tracing::warn!(target = %id, "a second target with this id was left out");
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if !self.started {
            let targets = self.targets.len();
            tracing::warn!(
                targets,
                "a monitor was built but never started: nothing was checked"
            );
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("config", &self.config)
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

/// Collects what a [`Monitor`] is made of. Values out of range are taken to the nearest in it.
#[must_use]
pub struct MonitorBuilder {
    config: PlanConfig,
    targets: Vec<Target>,
    observer: Option<Arc<dyn Observer>>,
    feed_capacity: usize,
    workers: usize,
    own_threads: Option<bool>,
}

impl MonitorBuilder {
    /// This checker's name: part of each target's phase, so that two checkers ask at different times. Default `hc`.
    pub fn checker(mut self, name: impl Into<String>) -> Self {
        self.config.checker = name.into();
        self
    }

    /// How many workers share the targets: each asks those whose hosts fall to it. 1 to 64, default 1; no more than
    /// [`in_flight`](Self::in_flight).
    ///
    /// Hosts are dealt out by their names' hash, and so a host's limit holds over all. Every worker gets an even part
    /// of the limit of checks in flight: with few hosts, or hosts of very unequal numbers of targets, one may
    /// wait while another has permits to spare. View, feed, self-doubt and the pace of first checks are common to all.
    ///
    /// A worker that ends unasked (a bug) stops the whole monitor, and every handle says so.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, shards::MOST);
        self
    }

    /// Whether each worker runs on a thread of its own, called `hc-worker-0` and so on, with a runtime of its own: then a busy
    /// host application and the checks do not starve each other, and [`start`](Monitor::start) needs no runtime. By
    /// default only several workers do; a single one runs on the runtime that it is started on.
    ///
    /// A paused clock of tokio's does not reach such threads: in virtual time leave several workers on one runtime.
    pub fn own_threads(mut self, own: bool) -> Self {
        self.own_threads = Some(own);
        self
    }

    /// Checks in flight at most. 1 to 100,000, default 100.
    pub fn in_flight(mut self, limit: usize) -> Self {
        self.config.in_flight = limit.clamp(1, 100_000);
        self
    }

    /// Checks of one host in flight at most. 1 to 10,000, default 16.
    pub fn per_host(mut self, limit: usize) -> Self {
        self.config.per_host = limit.clamp(1, 10_000);
        self
    }

    /// The grain of the wheel: checks start together once a slot. 1 ms to 1 s, default 10 ms.
    pub fn slot(mut self, slot: Duration) -> Self {
        self.config.slot = slot.clamp(Duration::from_millis(1), Duration::from_secs(1));
        self
    }

    /// A timeout met while hc ran late by more than this share of it does not count. Default 25 %.
    pub fn max_lateness(mut self, share: BasisPoints) -> Self {
        self.config.max_lateness = share;
        self
    }

    /// When hc doubts itself; `None`: never.
    pub fn isolation(mut self, rules: Option<IsolationRules>) -> Self {
        self.config.isolation = rules;
        self
    }

    /// Seeds the jitter; the same seed gives the same jitter. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Who hears of every check.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How many events the feed keeps for slow subscribers. Default 4,096.
    pub fn feed_capacity(mut self, events: usize) -> Self {
        self.feed_capacity = events.max(1);
        self
    }

    /// Adds a target.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds targets.
    pub fn targets(mut self, targets: impl IntoIterator<Item = Target>) -> Self {
        self.targets.extend(targets);
        self
    }

    /// The monitor, ready to be started.
    pub fn build(self) -> Monitor {
        Monitor {
            config: self.config,
            targets: self.targets,
            observer: self.observer,
            feed_capacity: self.feed_capacity,
            workers: self.workers,
            own_threads: self.own_threads,
            started: false,
        }
    }
}

impl fmt::Debug for MonitorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Speaks to a running monitor. Cheap to clone; the monitor stops when the last one is dropped.
#[derive(Clone)]
pub struct MonitorHandle {
    commands: mpsc::Sender<Command>,
    view: HealthView,
    clock: Arc<MonitorClock>,
    /// Ranks are made of it.
    checker: Arc<str>,
}

impl MonitorHandle {
    /// Carries out changes in one command: removals first, then the others in order. They take effect in turns
    /// of a thousand; this resolves when all have. Ids are looked up when the command comes in: a change of a target
    /// that the same command adds belongs into that addition, and is reported as unknown otherwise.
    ///
    /// # Errors
    /// [`MonitorError::Stopped`]. Duplicate and unknown ids are no errors: see [`Applied`].
    ///
    /// # Cancel safety
    /// Once the command is accepted it is carried out, though nobody waits for it.
    pub async fn alter(&self, alterations: Vec<Alteration>) -> Result<Applied, MonitorError> {
        let (changes, count) = rank(alterations, &self.checker);
        self.ask(|reply| Command::Alter {
            changes,
            count,
            reply,
        })
        .await
    }

    /// Adds targets. Their first checks are spread over `min(interval, 10 s)`.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn add(
        &self,
        targets: impl IntoIterator<Item = Target>,
    ) -> Result<Applied, MonitorError> {
        self.alter(targets.into_iter().map(Alteration::Add).collect())
            .await
    }

    /// Removes targets. A check in flight is cancelled.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn remove(
        &self,
        ids: impl IntoIterator<Item = TargetId>,
    ) -> Result<Applied, MonitorError> {
        self.alter(ids.into_iter().map(Alteration::Remove).collect())
            .await
    }

    /// Lets another probe ask from now on; a result of the old one that is still to come is void.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn replace(
        &self,
        id: impl Into<TargetId>,
        probe: impl Probe + 'static,
    ) -> Result<Applied, MonitorError> {
        self.alter(vec![Alteration::Replace(id.into(), Arc::new(probe))])
            .await
    }

    /// Lets another policy judge from the next verdict on.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn set_policy(
        &self,
        id: impl Into<TargetId>,
        policy: impl Into<Arc<Policy>>,
    ) -> Result<Applied, MonitorError> {
        self.alter(vec![Alteration::SetPolicy(id.into(), policy.into())])
            .await
    }

    /// Pauses targets: a check in flight is cancelled, and none is started.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn pause(
        &self,
        ids: impl IntoIterator<Item = TargetId>,
    ) -> Result<Applied, MonitorError> {
        self.alter(ids.into_iter().map(Alteration::Pause).collect())
            .await
    }

    /// Resumes targets: status kept, streaks zeroed, asked soon.
    ///
    /// # Errors
    /// As [`alter`](Self::alter).
    pub async fn resume(
        &self,
        ids: impl IntoIterator<Item = TargetId>,
    ) -> Result<Applied, MonitorError> {
        self.alter(ids.into_iter().map(Alteration::Resume).collect())
            .await
    }

    /// Asks a target now, or joins the check that is in flight, and returns what came of it.
    ///
    /// # Errors
    /// The target is unknown, paused or goes meanwhile, or the monitor stops.
    pub async fn check_now(&self, id: impl Into<TargetId>) -> Result<Arc<Checked>, MonitorError> {
        let id = id.into();
        self.ask(|reply| Command::CheckNow { id, reply }).await?
    }

    /// Tells what the caller's own traffic saw of a target. Keep a [`TargetHandle`] to do it without the look-up.
    pub fn report(&self, id: &str, report: Report) {
        if let Some(handle) = self.view.get(id) {
            handle.report(report);
        }
    }

    /// Resolves when each target that is known now has ended one check, or was paused or removed.
    ///
    /// # Errors
    /// The monitor stops first.
    pub async fn first_sweep(&self) -> Result<(), MonitorError> {
        self.ask(|reply| Command::FirstSweep { reply }).await
    }

    /// All that is known of one target: streaks, last check, next check and why.
    ///
    /// # Errors
    /// The target is unknown, or the monitor stops.
    pub async fn describe(&self, id: impl Into<TargetId>) -> Result<Description, MonitorError> {
        let ids = Some(vec![id.into()]);
        let mut found = self.ask(|reply| Command::Describe { ids, reply }).await?;
        found.pop().ok_or(MonitorError::Unknown)
    }

    /// All that is known of these targets, in no order; unknown ones are left out. It is told in one turn of the
    /// driver: ask for hundreds, not for all.
    ///
    /// # Errors
    /// The monitor stops first.
    pub async fn describe_these(
        &self,
        ids: Vec<TargetId>,
    ) -> Result<Vec<Description>, MonitorError> {
        let ids = Some(ids);
        self.ask(|reply| Command::Describe { ids, reply }).await
    }

    /// All that is known of every target, in no order.
    ///
    /// # Errors
    /// The monitor stops first.
    pub async fn describe_all(&self) -> Result<Vec<Description>, MonitorError> {
        self.ask(|reply| Command::Describe { ids: None, reply })
            .await
    }

    /// The monitor in numbers.
    ///
    /// # Errors
    /// The monitor stops first.
    pub async fn stats(&self) -> Result<Stats, MonitorError> {
        self.ask(|reply| Command::Stats { reply }).await
    }

    /// What is to be remembered of these targets beyond this process, in no order; unknown ones are left out. It is told in
    /// one turn of the driver: ask for hundreds, not for all. A target that is [added](hc_core::Target::with_memory) with
    /// it goes on from there.
    ///
    /// # Errors
    /// The monitor stops first.
    pub async fn remember_these(
        &self,
        ids: Vec<TargetId>,
    ) -> Result<Vec<Remembered>, MonitorError> {
        self.ask(|reply| Command::Remember { ids, reply }).await
    }

    /// Sets the limits of checks in flight, in all and of one host. Each worker has one at least.
    ///
    /// # Errors
    /// The monitor has stopped.
    pub async fn set_limits(&self, in_flight: usize, per_host: usize) -> Result<(), MonitorError> {
        let (in_flight, per_host) = (in_flight.clamp(1, 100_000), per_host.clamp(1, 10_000));
        self.send(Command::SetLimits {
            in_flight,
            per_host,
        })
        .await
    }

    /// Sets when hc doubts itself.
    ///
    /// # Errors
    /// The monitor has stopped.
    pub async fn set_isolation(&self, rules: Option<IsolationRules>) -> Result<(), MonitorError> {
        self.send(Command::SetIsolation(rules)).await
    }

    /// The handle of a target: keep it, reading it is one atomic load.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<TargetHandle> {
        self.view.get(id)
    }

    /// What is held to be true now.
    #[must_use]
    pub fn view(&self) -> &HealthView {
        &self.view
    }

    /// All events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.view.subscribe()
    }

    /// A copy of all states that the feed keeps right.
    #[must_use]
    pub fn mirror(&self) -> Mirror {
        Mirror::new(self.view.clone())
    }

    /// When it was started, by its own clock.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.clock.started()
    }

    /// Now, by the monitor's clock: what [`TargetHandle::is_stale`] wants.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Now, for people.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    /// Stops it: no new checks from now on; those in flight get until their deadline or until `grace` is over;
    /// then the feed ends. Resolves when all is done.
    pub async fn shutdown(&self, grace: Duration) -> Shutdown {
        self.shutdown_and_remember(grace).await.0
    }

    /// The same with what was known last, for who wants to remember it. `None` if there is nothing left: the monitor had
    /// been stopped before, or another was told to stop it before.
    pub async fn shutdown_and_remember(&self, grace: Duration) -> (Shutdown, Option<Remains>) {
        let ended = self.ask(|reply| Command::Shutdown { grace, reply }).await;
        match ended {
            Ok((shutdown, remains)) => (shutdown, Some(remains).filter(|it| !it.is_empty())),
            // Who shuts down a stopped monitor has what they want.
            Err(_) => (Shutdown::default(), None),
        }
    }

    async fn send(&self, command: Command) -> Result<(), MonitorError> {
        self.commands
            .send(command)
            .await
            .map_err(|_| MonitorError::Stopped)
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, MonitorError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| MonitorError::Stopped)
    }
}

impl fmt::Debug for MonitorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorHandle")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
