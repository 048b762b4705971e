//! What targets share: one TLS configuration per distinct set of settings, and the addresses of names.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;

use crate::BuildError;
use crate::names::Names;
use crate::spec::HttpVersion;
use crate::tls::{self, TlsSettings};

/// Client configurations, shared by all probes that are built with it. Cheap to clone.
///
/// A configuration holds the trusted roots, some hundred kilobytes: one for ten thousand targets, not ten thousand.
#[derive(Clone, Default)]
pub struct Clients {
    configs: Arc<Mutex<HashMap<Key, Arc<ClientConfig>>>>,
    pub(crate) names: Names,
}

#[derive(PartialEq, Eq, Hash)]
struct Key(TlsSettings, HttpVersion);

impl Clients {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many distinct configurations there are.
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
    ) -> Result<Arc<ClientConfig>, BuildError> {
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
        all.retain(|_, config| Arc::strong_count(config) > 1);
        let config = tls::client_config(settings, version)?;
        all.insert(key, config.clone());
        Ok(config)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({})", self.len())
    }
}
