//! What is left of a config once its targets are made: as much as the next one is compared with, and no more.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Policy, TargetId, stable_hash};
use hc_http::Dial;

use crate::config::{Config, Control, LogFormat, ProbeSpec, State, TargetSpec};
use crate::diff::{Diff, Replaced};

/// What a reload compares a new config with: 56 bytes a target, where a config has some thousand.
///
/// How a target is asked is kept as a hash of 64 bits. Only what has the same name is compared, so that a change goes
/// unseen once in 2^64 changes.
#[derive(Clone, Debug)]
pub struct Outline {
    instance: Option<String>,
    slot: Duration,
    threads: usize,
    log_format: LogFormat,
    listen: Vec<String>,
    control: Control,
    state: Option<State>,
    targets: Arc<[(TargetId, Print)]>,
}

/// The same in every process of one build.
type Hasher = BuildHasherDefault<DefaultHasher>;

/// By what a target is known again in another process: what its health belongs to, and how it is asked. Hashes, which
/// tell nothing of the secrets among it but whether they are the same: also to whoever guesses, so they are for their
/// owner's eyes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imprint {
    /// Of probe, URL and `connect`: with another one it is another thing of the same name.
    pub identity: u64,
    /// Of all settings of the probe: with another one it is asked in another way. A later release of hc may have
    /// another one for the same settings.
    pub asked: u64,
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
    fn of(target: &TargetSpec) -> Self {
        let hasher = Hasher::default();
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
            identity: identity(probe.name(), http),
            about: hasher.hash_one((group, labels, url, host)),
            policy: policy.clone(),
            paused: *paused,
        }
    }
}

/// What health belongs to beside the name. This outlives releases.
fn identity(probe: &str, http: &hc_http::HttpSpec) -> u64 {
    let connect = match &http.connect {
        None => String::new(),
        Some(Dial::Address(address)) => address.to_string(),
        Some(Dial::Name(name, port)) => format!("{name}:{port}"),
    };
    stable_hash(&[probe, http.url.as_str(), &connect])
}

impl Outline {
    /// The outline of a config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::with(config, |name| TargetId::new(name))
    }

    /// The outline of the config that takes this one's place. Ids that stay are shared with it.
    #[must_use]
    pub fn next(&self, config: &Config) -> Self {
        let ids: HashMap<&str, &TargetId> = self.ids().map(|id| (id.as_str(), id)).collect();
        Self::with(config, |name| {
            ids.get(name)
                .map_or_else(|| TargetId::new(name), |id| (*id).clone())
        })
    }

    fn with(config: &Config, mut id: impl FnMut(&str) -> TargetId) -> Self {
        let targets = config.targets.iter();
        Self {
            instance: config.instance.clone(),
            slot: config.limits.slot,
            threads: config.limits.threads,
            log_format: config.log.format,
            listen: config.listen.clone(),
            control: config.control.clone(),
            state: config.state.clone(),
            targets: targets
                .map(|target| (id(&target.name), Print::of(target)))
                .collect(),
        }
    }

    /// How many targets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The targets with what they are known again by, so many from that place on in the config's order.
    pub fn imprints(&self, from: usize, most: usize) -> impl Iterator<Item = (&TargetId, Imprint)> {
        let targets = self.targets.iter().skip(from).take(most);
        targets.map(|(id, print)| {
            let imprint = Imprint {
                identity: print.identity,
                asked: print.probe,
            };
            (id, imprint)
        })
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
                Some(old) => compare(old, target, &mut diff),
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
            ("state", self.state != new.state),
        ];
        let differing = restart.into_iter().filter(|(_, differs)| *differs);
        diff.restart_only = differing.map(|(key, _)| key).collect();
        diff
    }
}

fn compare(old: &Print, target: &TargetSpec, diff: &mut Diff) {
    let new = Print::of(target);
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

    /// Over processes: a change here makes every restart that comes after it forget.
    #[test]
    fn an_identity_outlives_releases() {
        let text =
            "targets: [{ name: a, url: \"http://u:p@b:81/c?d\", connect: \"d:82\", fall: 5 }]";
        let of = |text: &str| {
            let outline = Outline::of(&load_str("a", text).unwrap());
            let (id, imprint) = outline.imprints(0, 1).next().unwrap();
            (id.to_string(), imprint)
        };
        let (name, imprint) = of(text);
        assert_eq!(name, "a");
        assert_eq!(imprint.identity, IDENTITY);
        assert_eq!(of(&text.replace("fall: 5", "fall: 6")).1, imprint);
        assert_ne!(of(&text.replace("d:82", "d:83")).1.identity, IDENTITY);
        let other = of(&text.replace("fall: 5", "http: { headers: { x: y } }")).1;
        assert_eq!(other.identity, IDENTITY);
        assert_ne!(other.asked, imprint.asked);
    }

    const IDENTITY: u64 = 16_846_846_490_124_117_201;

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
