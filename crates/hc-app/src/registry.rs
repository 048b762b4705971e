//! Which probe a spec asks for: the one place that knows every protocol.

use std::fmt;

use hc_config::{ProbeSpec, TargetSpec};
use hc_core::{Target, TargetId};
use hc_http::{BuildError, Clients, HttpProbe};

/// Makes targets of specs. Probes that fit share their HTTP clients. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    clients: Clients,
}

/// A target's spec cannot be used; completes "failed to make target api-1: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// The target's name.
    pub target: String,
    /// Why.
    pub source: BuildError,
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to make target {}: {}", self.target, self.source)
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Registry {
    /// A registry without clients yet, for single checks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry for a fleet of that size: shared clients keep a connection for each of its targets.
    #[must_use]
    pub fn for_fleet(targets: usize) -> Self {
        Self {
            clients: Clients::for_fleet(targets),
        }
    }

    /// The target of a spec.
    ///
    /// # Errors
    /// The spec is valid by itself and still cannot be used here: a TLS set-up that the library refuses, say.
    pub fn target(&self, spec: &TargetSpec) -> Result<Target, RegistryError> {
        self.target_as(TargetId::new(&spec.name), spec)
    }

    /// The same under an id that is there already, so that it is not there twice.
    pub(crate) fn target_as(
        &self,
        id: TargetId,
        spec: &TargetSpec,
    ) -> Result<Target, RegistryError> {
        let ProbeSpec::Http(http) = &spec.probe else {
            unreachable!("hc-config knows no other")
        };
        let probe = HttpProbe::try_new((**http).clone(), &self.clients).map_err(|source| {
            RegistryError {
                target: spec.name.clone(),
                source,
            }
        })?;
        Ok(Target::new(id, probe)
            .with_probe_name(spec.probe.name())
            .with_policy(spec.policy.clone())
            .with_host(&spec.host)
            .with_group(spec.group.as_deref().unwrap_or_default())
            // A copy: a shared one would keep the memory around it from going back to the system with the config.
            .with_labels(spec.labels.iter().collect())
            .with_paused(spec.paused))
    }

    /// The targets of all specs.
    ///
    /// # Errors
    /// All specs that cannot be used.
    pub fn targets(&self, specs: &[TargetSpec]) -> Result<Vec<Target>, Vec<RegistryError>> {
        let (mut targets, mut errors) = (Vec::with_capacity(specs.len()), Vec::new());
        for spec in specs {
            match self.target(spec) {
                Ok(target) => targets.push(target),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(targets)
        } else {
            Err(errors)
        }
    }
}
