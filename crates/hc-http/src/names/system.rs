//! What this machine says of resolving: /etc/resolv.conf and /etc/hosts, read again when they changed.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hc_core::Timestamp;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::parse_resolv_conf;

use super::hosts::Hosts;
use super::servers::Servers;

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// The files are looked at no more often, and only when a name is asked.
const LOOK: Duration = Duration::from_secs(5);
/// What the C library takes where no server is named.
const NO_SERVER: &[u8] = b"\nnameserver 127.0.0.1\n";
/// A DNS server's port; resolv.conf names no other.
const PORT: u16 = 53;

/// How names are resolved here.
pub(super) struct Setup {
    pub(super) hosts: Hosts,
    pub(super) servers: Servers,
    /// Domains that are tried behind a name.
    pub(super) search: Vec<Name>,
    /// A name with so many dots is tried as it is first.
    pub(super) ndots: usize,
}

impl Setup {
    fn read() -> Self {
        let hosts = fs::read(HOSTS).unwrap_or_default();
        let conf = fs::read(RESOLV_CONF).unwrap_or_default();
        Self::of(&conf, &String::from_utf8_lossy(&hosts))
    }

    /// `conf` as in resolv.conf(5). Its options `attempts` and `rotate` have no meaning here: tries are bounded.
    pub(super) fn of(conf: &[u8], hosts: &str) -> Self {
        let hosts = Hosts::read(hosts);
        let parsed = parse_resolv_conf(conf)
            .or_else(|_| parse_resolv_conf([conf, NO_SERVER].concat()))
            .or_else(|_| parse_resolv_conf(NO_SERVER));
        let Ok((config, options)) = parsed else {
            let servers = Servers::new(&[], false, LOOK);
            return Self {
                hosts,
                servers,
                search: Vec::new(),
                ndots: 1,
            };
        };
        let (domain, mut search, servers) = config.into_parts();
        if search.is_empty() {
            search.extend(domain);
        }
        let addresses: Vec<SocketAddr> = servers
            .iter()
            .map(|server| SocketAddr::new(server.ip, PORT))
            .collect();
        Self {
            hosts,
            servers: Servers::new(&addresses, options.edns0, options.timeout),
            search,
            ndots: options.ndots,
        }
    }
}

/// The setup in use.
#[derive(Default)]
pub(super) struct System(Mutex<State>);

#[derive(Default)]
struct State {
    setup: Option<Arc<Setup>>,
    looked: Timestamp,
    stamps: [Stamp; 2],
    is_fixed: bool,
}

/// When a file was changed last, and its length; nothing if it is not there.
type Stamp = Option<(SystemTime, u64)>;

impl System {
    #[cfg(test)]
    pub(super) fn of_servers(servers: &[SocketAddr]) -> Self {
        Self::fixed(Setup {
            hosts: Hosts::default(),
            // A test of silence waits for two of these.
            servers: Servers::new(servers, false, Duration::from_millis(500)),
            search: Vec::new(),
            ndots: 1,
        })
    }

    #[cfg(test)]
    pub(super) fn fixed(setup: Setup) -> Self {
        Self(Mutex::new(State {
            setup: Some(Arc::new(setup)),
            is_fixed: true,
            ..State::default()
        }))
    }

    /// The setup of now. Reads small files where it stands: a name is asked seldom, and in a task of its own.
    pub(super) fn setup(&self, now: Timestamp) -> Arc<Setup> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setup) = &state.setup
            && (state.is_fixed || now.since(state.looked) < LOOK)
        {
            return setup.clone();
        }
        state.looked = now;
        let stamps = [RESOLV_CONF, HOSTS].map(stamp);
        if let Some(setup) = &state.setup
            && stamps == state.stamps
        {
            return setup.clone();
        }
        state.stamps = stamps;
        let setup = Arc::new(Setup::read());
        state.setup = Some(setup.clone());
        setup
    }
}

fn stamp(path: &str) -> Stamp {
    let about = fs::metadata(Path::new(path)).ok()?;
    Some((about.modified().ok()?, about.len()))
}
