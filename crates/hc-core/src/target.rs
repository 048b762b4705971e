//! A target: the thing asked about, the probe that asks, and the policy by which answers are judged.

use std::fmt;
use std::sync::Arc;

use crate::id::{Labels, TargetId};
use crate::machine::Memory;
use crate::policy::Policy;
use crate::probe::Probe;

/// The thing asked about. Plain data: any value is valid.
#[derive(Clone)]
#[non_exhaustive]
pub struct Target {
    /// Its name, unique in a monitor.
    pub id: TargetId,
    /// The group it belongs to; empty outside of groups.
    pub group: Arc<str>,
    /// What it carries to every output.
    pub labels: Labels,
    /// The short name of the probe: `http`.
    pub probe_name: &'static str,
    /// The host whose limit of checks in flight this target shares; by default its id, so that it shares with none.
    pub host: Arc<str>,
    /// Who asks.
    pub probe: Arc<dyn Probe>,
    /// How answers are judged and when it is asked.
    pub policy: Arc<Policy>,
    /// Known, shown, and not asked until resumed.
    pub paused: bool,
    /// Targets of one host with the same key are asked once; see [`with_shared`](Self::with_shared).
    pub shared: Option<u128>,
    /// What is known of it already; see [`with_memory`](Self::with_memory).
    pub memory: Option<Box<Memory>>,
}

impl Target {
    /// A target with the default policy.
    #[must_use]
    pub fn new(id: impl Into<TargetId>, probe: impl Probe + 'static) -> Self {
        let id = id.into();
        Self {
            host: id.as_arc().clone(),
            id,
            group: Arc::default(),
            labels: Labels::default(),
            probe_name: "custom",
            probe: Arc::new(probe),
            policy: Arc::default(),
            paused: false,
            shared: None,
            memory: None,
        }
    }

    /// The same with a policy. Share one `Arc` among the targets that it fits.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = policy.into();
        self
    }

    /// The same with the host whose limit it shares.
    #[must_use]
    pub fn with_host(mut self, host: impl AsRef<str>) -> Self {
        self.host = Arc::from(host.as_ref());
        self
    }

    /// The same with labels.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The same in a group.
    #[must_use]
    pub fn with_group(mut self, group: impl AsRef<str>) -> Self {
        self.group = Arc::from(group.as_ref());
        self
    }

    /// The same with the probe's short name.
    #[must_use]
    pub fn with_probe_name(mut self, name: &'static str) -> Self {
        self.probe_name = name;
        self
    }

    /// The same, asked together with all targets of its host that have this key: one check, and each hears the result.
    ///
    /// The key must say all that matters to the answer and to the times: the probe with its settings, the
    /// address, the policy. A hash of these serves. Each target keeps its own status, streaks, events and labels; a nudge or a
    /// report of any is one for all. Default: a target is asked by itself.
    #[must_use]
    pub fn with_shared(mut self, key: u128) -> Self {
        self.shared = Some(key);
        self
    }

    /// The same with what was known of it before, by another process say: a new target begins there. Of one that is there
    /// already (an update) it changes nothing.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = Some(Box::new(memory));
        self
    }

    /// The same, paused from the start.
    #[must_use]
    pub fn with_paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }
}

/// What outputs are told of a target beside its id. Targets that share it share one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The group it belongs to; empty outside of groups.
    pub group: Arc<str>,
    /// What it carries to every output.
    pub labels: Labels,
    /// The short name of the probe.
    pub probe_name: &'static str,
}

impl About {
    /// What outputs are told of that target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self {
            group: target.group.clone(),
            labels: target.labels.clone(),
            probe_name: target.probe_name,
        }
    }

    /// Whether outputs are told just this of that target.
    #[must_use]
    pub fn fits(&self, target: &Target) -> bool {
        self.probe_name == target.probe_name
            && self.group == target.group
            && self.labels == target.labels
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("id", &self.id)
            .field("group", &self.group)
            .field("labels", &self.labels)
            .field("probe_name", &self.probe_name)
            .field("host", &self.host)
            .field("policy", &self.policy)
            .field("paused", &self.paused)
            .finish_non_exhaustive()
    }
}
