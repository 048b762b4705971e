//! What is left of a config once its targets are made: as much as the next one is compared with, and no more.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Policy, TargetId};

use crate::config::{Config, Control, LogFormat, ProbeSpec, TargetSpec};
use crate::diff::{Diff, Replaced};

/// What a reload compares a new config with: 56 bytes a target, where a config has some thousand.
///
/// How a target is asked is kept as a hash of 64 bits under a key of this process. Only what has the same name is
/// compared, so that a change goes unseen once in 2^64 changes.
#[derive(Clone, Debug)]
pub struct Outline {
    instance: Option<String>,
    slot: Duration,
    threads: usize,
    log_format: LogFormat,
    listen: Vec<String>,
    control: Control,
    targets: Vec<(TargetId, Print)>,
    hasher: RandomState,
}

/// What may change of a target, each part by itself.
#[derive(Clone, Debug, PartialEq)]
struct Print {
    probe: u64,
    identity: u64,
    about: u64,
    policy: Arc<Policy>,
    paused: bool,
}

impl Print {
    fn of(target: &TargetSpec, hasher: &RandomState) -> Self {
        // A new field is to be put into one of the parts.
        let TargetSpec {
            name: _,
            group,
            labels,
            url,
            probe,
            policy,
            paused,
            host,
        } = target;
        let ProbeSpec::Http(http) = probe;
        let labels: Vec<(&str, &str)> = labels.iter().collect();
        Self {
            probe: hasher.hash_one((probe.name(), http)),
            identity: hasher.hash_one((probe.name(), &http.url, &http.connect)),
            about: hasher.hash_one((group, labels, url, host)),
            policy: policy.clone(),
            paused: *paused,
        }
    }
}

impl Outline {
    /// The outline of a config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::with(config, RandomState::new(), |name| TargetId::new(name))
    }

    /// The outline of the config that takes this one's place. Ids that stay are shared with it.
    #[must_use]
    pub fn next(&self, config: &Config) -> Self {
        let ids: HashMap<&str, &TargetId> = self.ids().map(|id| (id.as_str(), id)).collect();
        Self::with(config, self.hasher.clone(), |name| {
            ids.get(name)
                .map_or_else(|| TargetId::new(name), |id| (*id).clone())
        })
    }

    fn with(config: &Config, hasher: RandomState, mut id: impl FnMut(&str) -> TargetId) -> Self {
        let targets = config.targets.iter();
        Self {
            instance: config.instance.clone(),
            slot: config.limits.slot,
            threads: config.limits.threads,
            log_format: config.log.format,
            listen: config.listen.clone(),
            control: config.control.clone(),
            targets: targets
                .map(|target| (id(&target.name), Print::of(target, &hasher)))
                .collect(),
            hasher,
        }
    }

    /// The ids of the targets, in the config's order.
    pub fn ids(&self) -> impl Iterator<Item = &TargetId> {
        self.targets.iter().map(|(id, _)| id)
    }

    /// What changes with another config.
    #[must_use]
    pub fn diff(&self, new: &Config) -> Diff {
        let mut diff = Diff::default();
        let mut before: HashMap<&str, &Print> = self
            .targets
            .iter()
            .map(|(id, print)| (id.as_str(), print))
            .collect();
        for target in &new.targets {
            match before.remove(target.name.as_str()) {
                None => diff.added.push(target.name.clone()),
                Some(old) => compare(old, target, &self.hasher, &mut diff),
            }
        }
        let gone = self.ids().filter(|id| before.contains_key(id.as_str()));
        diff.removed = gone.map(ToString::to_string).collect();
        let restart = [
            ("instance", self.instance != new.instance),
            ("limits.slot", self.slot != new.limits.slot),
            ("limits.threads", self.threads != new.limits.threads),
            ("log.format", self.log_format != new.log.format),
            ("listen", self.listen != new.listen),
            ("control", self.control != new.control),
        ];
        let differing = restart.into_iter().filter(|(_, differs)| *differs);
        diff.restart_only = differing.map(|(key, _)| key).collect();
        diff
    }
}

fn compare(old: &Print, target: &TargetSpec, hasher: &RandomState, diff: &mut Diff) {
    let new = Print::of(target, hasher);
    let name = || target.name.clone();
    if *old == new {
        diff.kept.push(name());
        return;
    }
    if old.probe != new.probe {
        diff.replaced.push(Replaced {
            name: name(),
            identity_changed: old.identity != new.identity,
        });
    }
    if old.policy != new.policy {
        diff.policy_changed.push(name());
    }
    if old.about != new.about {
        diff.moved.push(name());
    }
    if old.paused != new.paused {
        diff.paused_changed.push(name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load_str;

    #[test]
    fn an_outline_is_small() {
        assert_eq!(size_of::<(TargetId, Print)>(), 56);
    }

    #[test]
    fn ids_that_stay_are_shared() {
        let old = Outline::of(&load_str("a", "targets: [a, b]").unwrap());
        let new = old.next(&load_str("a", "targets: [b, c]").unwrap());
        let ids: Vec<&TargetId> = new.ids().collect();
        assert_eq!(
            ids,
            [&TargetId::new("http://b/"), &TargetId::new("http://c/")]
        );
        let b = old.ids().nth(1).unwrap();
        assert!(Arc::ptr_eq(b.as_arc(), ids[0].as_arc()));
    }
}
