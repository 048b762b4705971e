//! What a reload changes.

use std::collections::HashMap;

use crate::config::{Config, TargetSpec};

/// What differs between two configs. Lists of targets are in the new config's order; `removed` in the old one's.
///
/// A target may be in several of `replaced`, `policy_changed`, `moved` and `paused_changed`: they are separate
/// matters. It is in `kept` when it is in none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diff {
    /// New targets.
    pub added: Vec<String>,
    /// Targets that are gone.
    pub removed: Vec<String>,
    /// Targets that are asked in another way. They keep their status; streaks start anew, and a check comes soon.
    pub replaced: Vec<Replaced>,
    /// Targets with another policy. They keep everything.
    pub policy_changed: Vec<String>,
    /// Targets with another group, other labels, another shown URL or another host.
    pub moved: Vec<String>,
    /// Targets that were paused or resumed.
    pub paused_changed: Vec<String>,
    /// Targets of which nothing changed.
    pub kept: Vec<String>,
    /// Keys that differ and that only a restart changes: `instance`, `limits.slot`, `limits.threads`, `log.format`.
    pub restart_only: Vec<&'static str>,
}

/// A target that is asked in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its name.
    pub name: String,
    /// Whether URL or `connect` changed too: whether it is another thing under the same name.
    pub identity_changed: bool,
}

impl Diff {
    /// How many targets changed in any way.
    #[must_use]
    pub fn changed(&self) -> usize {
        let mut names: Vec<&str> = self
            .replaced
            .iter()
            .map(|replaced| replaced.name.as_str())
            .collect();
        for list in [&self.policy_changed, &self.moved, &self.paused_changed] {
            names.extend(list.iter().map(String::as_str));
        }
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}

/// Compares two configs by what they mean.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Diff {
    let mut diff = Diff::default();
    let mut before: HashMap<&str, &TargetSpec> =
        old.targets.iter().map(|t| (t.name.as_str(), t)).collect();
    for target in &new.targets {
        match before.remove(target.name.as_str()) {
            None => diff.added.push(target.name.clone()),
            Some(old) => compare(old, target, &mut diff),
        }
    }
    let gone = old
        .targets
        .iter()
        .filter(|target| before.contains_key(target.name.as_str()));
    diff.removed = gone.map(|target| target.name.clone()).collect();
    let restart = [
        ("instance", old.instance != new.instance),
        ("limits.slot", old.limits.slot != new.limits.slot),
        ("limits.threads", old.limits.threads != new.limits.threads),
        ("log.format", old.log.format != new.log.format),
    ];
    diff.restart_only = restart
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key)
        .collect();
    diff
}

fn compare(old: &TargetSpec, new: &TargetSpec, diff: &mut Diff) {
    if old == new {
        diff.kept.push(new.name.clone());
        return;
    }
    if old.probe != new.probe {
        let identity_changed = old.identity() != new.identity();
        diff.replaced.push(Replaced {
            name: new.name.clone(),
            identity_changed,
        });
    }
    if old.policy != new.policy {
        diff.policy_changed.push(new.name.clone());
    }
    if (&old.group, &old.labels, &old.url, &old.host)
        != (&new.group, &new.labels, &new.url, &new.host)
    {
        diff.moved.push(new.name.clone());
    }
    if old.paused != new.paused {
        diff.paused_changed.push(new.name.clone());
    }
}
