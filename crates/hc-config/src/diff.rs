//! What a reload changes.

use crate::config::Config;
use crate::outline::Outline;

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
    /// Keys that differ and that only a restart changes: `instance`, `limits.slot`, `limits.threads`, `log.format`,
    /// `listen`, `control`, `state`.
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
    Outline::of(old).diff(new)
}
