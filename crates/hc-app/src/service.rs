//! A config made into a running monitor, reloaded, and shut down in the right order.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use hc_config::{Config, Diff, Outline, TargetSpec};
use hc_core::{Target, TargetId};
use hc_scheduler::{
    Alteration, IsolationRules, Monitor, MonitorError, MonitorHandle, Observer, Shutdown,
};
use tokio::sync::watch;

use crate::registry::{Registry, RegistryError};
use crate::sharing::Sharing;
use crate::state::{Left, Memories};

/// A running service.
#[derive(Debug)]
pub struct Service {
    registry: Registry,
    monitor: MonitorHandle,
    outline: Outline,
    /// The same for who follows it.
    told: watch::Sender<Outline>,
    sharing: Sharing,
    grace: Duration,
    most_in_flight: usize,
}

/// What a service is started with beside its config.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// The checker's name, if the config has none: the host's.
    pub host_name: String,
    /// Seeds the jitter.
    pub seed: u64,
    /// Checks in flight that this process has file descriptors for; 0: no limit known.
    pub descriptors: usize,
    /// Who hears of every check.
    pub observer: Option<std::sync::Arc<dyn Observer>>,
    /// Whether the checks run on threads of their own, as many as `limits.threads` says, so that they and the rest
    /// of the process do not starve each other. Otherwise they run on the runtime that the service is started on.
    pub own_threads: bool,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("host_name", &self.host_name)
            .finish_non_exhaustive()
    }
}

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// New targets.
    pub added: usize,
    /// Targets that are gone.
    pub removed: usize,
    /// Targets that were changed.
    pub changed: usize,
    /// Targets that are as before.
    pub kept: usize,
    /// Keys that differ and take effect only at a restart.
    pub restart_only: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// A service could not be started or reloaded. Nothing was changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// These targets cannot be made.
    Targets(Vec<RegistryError>),
    /// The monitor has stopped.
    Stopped(MonitorError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Targets(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
                }
                Ok(())
            }
            Self::Stopped(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ServiceError {}

impl From<MonitorError> for ServiceError {
    fn from(error: MonitorError) -> Self {
        Self::Stopped(error)
    }
}

impl Service {
    /// Makes all targets and starts the monitor, on the current runtime or on threads of its own. Of the config only an [`Outline`] is kept.
    ///
    /// # Errors
    /// All targets that cannot be made; then nothing was started.
    pub fn start(config: Config, around: &Surroundings) -> Result<Self, ServiceError> {
        Self::restart(config, around, &mut Memories::none())
    }

    /// The same with what is remembered of targets: each takes its own, and goes on from there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(
        mut config: Config,
        around: &Surroundings,
        memories: &mut Memories,
    ) -> Result<Self, ServiceError> {
        let registry = Registry::for_fleet(config.targets.len());
        let outline = Outline::of(&config);
        let sharing = Sharing::among(&config.targets);
        let specs = std::mem::take(&mut config.targets);
        let mut targets =
            targets(&registry, &outline, &sharing, specs).map_err(ServiceError::Targets)?;
        for (target, (_, imprint)) in targets.iter_mut().zip(outline.imprints(0, usize::MAX)) {
            let memory = memories.take(target.id.as_str(), imprint);
            target.memory = memory.map(Box::new);
        }
        let most_in_flight = match around.descriptors {
            0 => usize::MAX,
            some => some,
        };
        let name = config
            .instance
            .clone()
            .unwrap_or_else(|| around.host_name.clone());
        let mut builder = Monitor::builder()
            .checker(name)
            .workers(config.limits.threads)
            .own_threads(around.own_threads)
            .seed(around.seed)
            .slot(config.limits.slot)
            .in_flight(config.limits.in_flight.min(most_in_flight))
            .per_host(config.limits.per_host)
            .max_lateness(config.overload.max_lateness)
            .isolation(isolation(&config))
            .targets(targets);
        if let Some(observer) = &around.observer {
            builder = builder.observer(observer.clone());
        }
        let grace = config.shutdown.grace;
        // It is some thousand bytes a target.
        drop(config);
        Ok(Self {
            registry,
            monitor: builder.build().start(),
            told: watch::Sender::new(outline.clone()),
            outline,
            sharing,
            grace,
            most_in_flight,
        })
    }

    /// Speaks to the running monitor.
    #[must_use]
    pub fn monitor(&self) -> &MonitorHandle {
        &self.monitor
    }

    /// What the targets are, also after each reload.
    #[must_use]
    pub fn outlines(&self) -> watch::Receiver<Outline> {
        self.told.subscribe()
    }

    /// The ids of all targets, in the config's order.
    pub fn ids(&self) -> impl Iterator<Item = &TargetId> {
        self.outline.ids()
    }

    /// How long checks in flight may take at a shutdown, as the config says.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Goes over to another config, all or nothing. Unchanged targets keep their health, their streaks and their
    /// place on the grid; checks of theirs in flight go on.
    ///
    /// # Errors
    /// All targets that cannot be made; then the old config holds.
    pub async fn reload(&mut self, config: Config) -> Result<Reloaded, ServiceError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "how long a reload took is told to people"
        )]
        let began = Instant::now();
        let diff = self.outline.diff(&config);
        let outline = self.outline.next(&config);
        // Everything that can fail comes before the first change.
        let sharing = Sharing::among(&config.targets);
        let alterations = self.alterations(&diff, &outline, &sharing, &config)?;
        let reloaded = Reloaded {
            added: diff.added.len(),
            removed: diff.removed.len(),
            changed: diff.changed(),
            kept: diff.kept.len(),
            restart_only: diff.restart_only.iter().map(ToString::to_string).collect(),
            took: Duration::ZERO,
        };
        self.monitor.alter(alterations).await?;
        let in_flight = config.limits.in_flight.min(self.most_in_flight);
        self.monitor
            .set_limits(in_flight, config.limits.per_host)
            .await?;
        self.monitor.set_isolation(isolation(&config)).await?;
        self.told.send_replace(outline.clone());
        self.outline = outline;
        self.sharing = sharing;
        self.grace = config.shutdown.grace;
        Ok(Reloaded {
            took: began.elapsed(),
            ..reloaded
        })
    }

    fn alterations(
        &self,
        diff: &Diff,
        outline: &Outline,
        sharing: &Sharing,
        config: &Config,
    ) -> Result<Vec<Alteration>, ServiceError> {
        let by_name: HashMap<&str, (&TargetId, &TargetSpec)> = outline
            .ids()
            .zip(&config.targets)
            .map(|(id, spec)| (id.as_str(), (id, spec)))
            .collect();
        let make = |name: &str| {
            let (id, spec) = by_name[name];
            let mut target = self.registry.target_as(id.clone(), spec)?;
            target.shared = sharing.key(name);
            Ok(target)
        };
        let (mut alterations, mut errors) = (Vec::new(), Vec::new());
        let id = |name: &String| TargetId::new(name);
        alterations.extend(diff.removed.iter().map(|name| Alteration::Remove(id(name))));
        for name in &diff.added {
            match make(name) {
                Ok(target) => alterations.push(Alteration::Add(target)),
                Err(error) => errors.push(error),
            }
        }
        // What is asked in another way is told all at once; the rest in the parts that changed.
        let mut whole: HashSet<&str> = HashSet::new();
        for replaced in &diff.replaced {
            whole.insert(&replaced.name);
            match make(&replaced.name) {
                Ok(target) if replaced.identity_changed => {
                    // What was known of the old one says nothing about another thing of the same name.
                    alterations.push(Alteration::Remove(target.id.clone()));
                    alterations.push(Alteration::Add(target));
                }
                Ok(target) => alterations.push(Alteration::Update(target)),
                Err(error) => errors.push(error),
            }
        }
        for name in &diff.moved {
            if whole.insert(name) {
                match make(name) {
                    Ok(target) => alterations.push(Alteration::Update(target)),
                    Err(error) => errors.push(error),
                }
            }
        }
        for name in diff
            .policy_changed
            .iter()
            .filter(|name| !whole.contains(name.as_str()))
        {
            let policy = by_name[name.as_str()].1.policy.clone();
            alterations.push(Alteration::SetPolicy(id(name), policy));
        }
        for name in diff
            .paused_changed
            .iter()
            .filter(|name| !whole.contains(name.as_str()))
        {
            alterations.push(match by_name[name.as_str()].1.paused {
                true => Alteration::Pause(id(name)),
                false => Alteration::Resume(id(name)),
            });
        }
        // Last, and also of those whose policy has just changed: that took them out of whatever group they were in.
        let another_policy: HashSet<&str> =
            diff.policy_changed.iter().map(String::as_str).collect();
        for id in outline.ids() {
            let (old, new) = (self.sharing.key(id.as_str()), sharing.key(id.as_str()));
            if old != new || (new.is_some() && another_policy.contains(id.as_str())) {
                alterations.push(Alteration::Share(id.clone(), new));
            }
        }
        if errors.is_empty() {
            Ok(alterations)
        } else {
            Err(ServiceError::Targets(errors))
        }
    }

    /// Stops it: no new checks; those in flight get until their deadline or the config's grace; then the feed ends.
    pub async fn shutdown(self) -> Shutdown {
        self.monitor.shutdown(self.grace).await
    }

    /// The same with what is left, to be remembered. `None` if it had ended before.
    pub async fn shutdown_and_remember(self) -> (Shutdown, Option<Left>) {
        let (ended, remains) = self.monitor.shutdown_and_remember(self.grace).await;
        let outline = self.outline;
        let left = remains.map(|remains| Left { outline, remains });
        (ended, left)
    }
}

/// The targets of specs under the ids of their outline. Each spec makes room for the next one's target.
fn targets(
    registry: &Registry,
    outline: &Outline,
    sharing: &Sharing,
    specs: Vec<TargetSpec>,
) -> Result<Vec<Target>, Vec<RegistryError>> {
    let (mut targets, mut errors) = (Vec::with_capacity(specs.len()), Vec::new());
    for (id, spec) in outline.ids().zip(specs) {
        match registry.target_as(id.clone(), &spec) {
            Ok(mut target) => {
                target.shared = sharing.key(id.as_str());
                targets.push(target);
            }
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(targets),
        false => Err(errors),
    }
}

fn isolation(config: &Config) -> Option<IsolationRules> {
    config.isolate.as_ref().map(|isolate| IsolationRules {
        targets: isolate.targets,
        min_hosts: isolate.min_hosts,
        references: isolate.reference.iter().map(TargetId::new).collect(),
    })
}
