//! What is left of a config to be shown while it runs: URLs, and every value with its origin. Targets of which nothing
//! was written by itself share their settings.

use std::collections::HashMap;
use std::sync::Arc;

use hc_core::TargetId;

use crate::config::{Config, ProbeSpec, Profile, Written};
use crate::show::{self, Shown};

/// The values of a config, kept without its specs.
///
/// ```
/// let config = hc_config::load_str("hc.yaml", "targets: [\":8080\"]")?;
/// let effective = config.effective();
/// let name = "http://localhost:8080/";
/// assert_eq!(effective.url(name).as_deref(), Some(name));
/// assert!(effective.target(name).is_some_and(|shown| shown.iter().any(|s| s.path() == "interval")));
/// # Ok::<(), hc_config::ConfigErrors>(())
/// ```
#[derive(Clone)]
pub struct Effective {
    written: Arc<Written>,
    profile: Profile,
    /// Shared: a config is shown in more than one place.
    targets: Arc<HashMap<TargetId, Kept>>,
}

#[derive(Clone)]
struct Kept {
    /// In the order of the config.
    at: u32,
    over_tls: bool,
    /// None: it is the name.
    url: Option<Arc<str>>,
    group: Option<Arc<str>>,
}

impl std::fmt::Debug for Effective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Effective")
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

impl Config {
    /// What is to be shown of this config while it runs.
    #[must_use]
    pub fn effective(&self) -> Effective {
        self.effective_as(
            self.targets
                .iter()
                .map(|target| TargetId::new(&target.name)),
        )
    }

    /// The same with ids that are there already, in the config's order, so that names are not there twice.
    #[must_use]
    pub fn effective_as(&self, ids: impl Iterator<Item = TargetId>) -> Effective {
        let mut groups: HashMap<&str, Arc<str>> = HashMap::new();
        let targets = ids
            .zip(&self.targets)
            .enumerate()
            .map(|(at, (id, target))| {
                let ProbeSpec::Http(http) = &target.probe;
                let group = target.group.as_deref().map(|group| {
                    groups
                        .entry(group)
                        .or_insert_with(|| Arc::from(group))
                        .clone()
                });
                let kept = Kept {
                    at: u32::try_from(at).unwrap_or(u32::MAX),
                    over_tls: http.url.scheme() == "https",
                    url: (target.url != target.name).then(|| Arc::from(target.url.as_str())),
                    group,
                };
                (id, kept)
            });
        Effective {
            written: self.provenance.0.clone(),
            profile: self.profile,
            targets: Arc::new(targets.collect()),
        }
    }
}

impl Effective {
    /// The URL of a target as people may see it. `None` if there is none of that name.
    #[must_use]
    pub fn url(&self, target: &str) -> Option<Arc<str>> {
        let (id, kept) = self.targets.get_key_value(target)?;
        Some(kept.url.clone().unwrap_or_else(|| id.as_arc().clone()))
    }

    /// All values of one target. `None` if there is none of that name.
    #[must_use]
    pub fn target(&self, target: &str) -> Option<Vec<Shown>> {
        let kept = self.targets.get(target)?;
        let url = self.url(target)?;
        Some(show::target(
            &self.written,
            self.profile,
            &show::Who {
                name: target,
                url: &url,
                group: kept.group.as_deref(),
                over_tls: kept.over_tls,
                at: kept.at as usize,
            },
        ))
    }

    /// All values of the process and of `defaults`.
    #[must_use]
    pub fn process(&self) -> Vec<Shown> {
        show::process(&self.written, self.profile)
    }
}
