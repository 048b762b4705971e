//! What targets share: one TLS configuration and one pooled client per distinct set of settings, and the addresses
//! of names.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::BuildError;
use crate::dedicated::Line;
use crate::names::Names;
use crate::pooled::{Key as PoolKey, Pair, Shared};
use crate::spec::{HttpSpec, HttpVersion};
use crate::tls::{self, Configs, TlsSettings};

/// Client configurations, shared by all probes that are built with it. Cheap to clone.
///
/// A configuration holds the trusted roots, some hundred kilobytes: one for ten thousand targets, not ten thousand.
#[derive(Clone, Default)]
pub struct Clients {
    configs: Arc<Mutex<HashMap<Key, Configs>>>,
    pools: Arc<Mutex<HashMap<PoolKey, Shared>>>,
    interned: Arc<Mutex<Vec<Interned>>>,
    idle_per_host: Option<usize>,
    pub(crate) names: Names,
}

/// Settings that some probe uses, without URL and `connect`, and what its dedicated connections share.
struct Interned {
    settings: Weak<HttpSpec>,
    line: Weak<Line>,
}

/// A fleet has few different settings; beyond so many they are no longer shared.
const MANY_SETTINGS: usize = 64;

#[derive(PartialEq, Eq, Hash)]
struct Key(TlsSettings, HttpVersion);

impl Clients {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, for a fleet of so many targets: a pool keeps no more idle connections to one host and port than
    /// there are targets, and no more than [`IDLE_PER_HOST`](Self::IDLE_PER_HOST).
    #[must_use]
    pub fn for_fleet(targets: usize) -> Self {
        Self {
            idle_per_host: Some(targets.clamp(1, Self::IDLE_PER_HOST)),
            // A target may have another name to connect to, or a proxy.
            names: Names::with_room(targets.saturating_mul(2)),
            ..Self::default()
        }
    }

    /// So many checks of one host and port seldom run at once; a connection above it is closed after its use.
    pub const IDLE_PER_HOST: usize = 32;

    /// How many distinct client configurations the pooled transport holds.
    #[must_use]
    pub fn pools(&self) -> usize {
        self.pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The clients that fit a spec. Those that no probe uses any more are dropped on the way.
    pub(crate) fn pair(&self, spec: &HttpSpec) -> Result<Shared, BuildError> {
        let key = PoolKey::of(spec, self.idle_per_host.unwrap_or(Self::IDLE_PER_HOST));
        let mut all = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = all.get(&key) {
            return Ok(pair.clone());
        }
        all.retain(|_, pair| Arc::strong_count(pair) > 1);
        let pair = Shared::new(Pair::try_new(&key, self)?);
        all.insert(key, pair.clone());
        Ok(pair)
    }

    /// The settings of a spec, shared by all that are equal but for the URL and `connect`.
    pub(crate) fn settings(&self, spec: &HttpSpec) -> Arc<HttpSpec> {
        let mut all = self.interned();
        let known = |interned: &Interned| {
            let settings = interned.settings.upgrade()?;
            spec.is_like(&settings).then_some(settings)
        };
        // The last one first: targets of a group come one after the other.
        if let Some(settings) = all.iter().rev().find_map(known) {
            return settings;
        }
        let settings = Arc::new(spec.to_settings());
        all.retain(|interned| interned.settings.strong_count() > 0);
        if all.len() < MANY_SETTINGS {
            all.push(Interned {
                settings: Arc::downgrade(&settings),
                line: Weak::new(),
            });
        }
        settings
    }

    /// What the dedicated connections of all probes with these settings share.
    pub(crate) fn line(&self, settings: &Arc<HttpSpec>) -> Result<Arc<Line>, BuildError> {
        let mut all = self.interned();
        let place = all
            .iter_mut()
            .find(|interned| std::ptr::eq(interned.settings.as_ptr(), Arc::as_ptr(settings)));
        if let Some(line) = place.as_ref().and_then(|place| place.line.upgrade()) {
            return Ok(line);
        }
        let line = Arc::new(Line::try_new(settings, self)?);
        if let Some(place) = place {
            place.line = Arc::downgrade(&line);
        }
        Ok(line)
    }

    fn interned(&self) -> MutexGuard<'_, Vec<Interned>> {
        self.interned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many distinct TLS configurations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.configs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The configuration for these settings. Configurations that no probe uses any more are dropped on the way.
    pub(crate) fn tls(
        &self,
        settings: &TlsSettings,
        version: HttpVersion,
    ) -> Result<Configs, BuildError> {
        // The server's name is no part of a configuration: it is given at each handshake.
        let key = Key(
            TlsSettings {
                server_name: None,
                ..settings.clone()
            },
            version,
        );
        let mut all = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = all.get(&key) {
            return Ok(config.clone());
        }
        all.retain(|_, config| Arc::strong_count(&config.resuming) > 1);
        let config = tls::client_configs(settings, version)?;
        all.insert(key, config.clone());
        Ok(config)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({})", self.len())
    }
}
