//! The name servers: which is asked, how often and for how long; hickory's client speaks to each.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hc_core::{Blame, Failure, Phase};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};

use super::homes::Homes;
use super::trouble;
use crate::classify;

/// All tries together take no longer, as a check that waits is seldom given more.
const IN_ALL: Duration = Duration::from_secs(4);
/// A single server is asked so often; of several each once.
const TRIES: u32 = 2;
/// Of the servers in resolv.conf the C library uses no more.
const SERVERS: usize = 3;
/// Requests under way to one server; above it hickory says that it is busy.
const UNDER_WAY: usize = 4_096;

/// What a server said of a name.
#[derive(Debug)]
pub(super) enum Reply {
    Found(Vec<IpAddr>, Duration),
    /// The name exists, but has no address of that family.
    NoData(Duration),
    NoName(Duration),
}

/// Why no server said anything of a name.
#[derive(Debug)]
pub(super) enum Trouble {
    /// This machine lacks something, as a file descriptor.
    Here(Failure),
    /// The servers did not answer, or could not be reached.
    Silent(SocketAddr, usize),
    /// The server failed or refused.
    Failed(SocketAddr, ResponseCode),
}

impl Trouble {
    pub(super) fn is_silent(&self) -> bool {
        !matches!(self, Self::Failed(..))
    }

    pub(super) fn into_failure(self, name: &str) -> Failure {
        match self {
            Self::Here(failure) => failure,
            Self::Silent(server, others) => trouble::silent(server, others),
            Self::Failed(server, code) => trouble::failed(server, code, name),
        }
    }
}

/// The servers in the order of resolv.conf. The one that answered last is asked first.
pub(super) struct Servers {
    all: Vec<SocketAddr>,
    options: ResolverOpts,
    /// hickory's clients have tasks in the runtime that they first asked in.
    clients: Homes<Vec<TokioResolver>>,
    first: AtomicUsize,
}

impl Servers {
    /// `edns` as in resolv.conf(5); `patience` at most for each try.
    pub(super) fn new(addresses: &[SocketAddr], edns: bool, patience: Duration) -> Self {
        let addresses = &addresses[..addresses.len().min(SERVERS)];
        let tries = TRIES.max(u32::try_from(addresses.len()).unwrap_or(TRIES));
        Self {
            all: addresses.to_vec(),
            options: options(edns, patience.min(IN_ALL / tries)),
            clients: Homes::default(),
            first: AtomicUsize::new(0),
        }
    }

    fn clients(&self) -> Vec<TokioResolver> {
        let client = |address: &SocketAddr| client(*address, &self.options);
        self.all.iter().filter_map(client).collect()
    }

    /// Asks for one family of a full name: a server that is silent or fails is followed by the next.
    pub(super) async fn ask(&self, name: &Name, family: RecordType) -> Result<Reply, Trouble> {
        let clients = self.clients.here(|| self.clients());
        let first = self.first.load(Ordering::Relaxed);
        let count = clients.len();
        let mut troubled = None;
        for turn in 0..count.max(TRIES as usize) {
            let at = (first + turn) % count.max(1);
            let (Some(address), Some(client)) = (self.all.get(at), clients.get(at)) else {
                break;
            };
            match client.lookup(name.clone(), family).await {
                Ok(found) => {
                    self.first.store(at, Ordering::Relaxed);
                    return Ok(reply(&found));
                }
                Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                    if matches!(
                        none.response_code,
                        ResponseCode::NoError | ResponseCode::NXDomain
                    ) =>
                {
                    self.first.store(at, Ordering::Relaxed);
                    let ttl = Duration::from_secs(none.negative_ttl.unwrap_or(0).into());
                    return Ok(match none.response_code {
                        ResponseCode::NXDomain => Reply::NoName(ttl),
                        _ => Reply::NoData(ttl),
                    });
                }
                Err(error) => {
                    let trouble = self.trouble(*address, &error);
                    if matches!(trouble, Trouble::Here(_)) {
                        return Err(trouble);
                    }
                    // A server's own word says more than silence.
                    let says_more =
                        !trouble.is_silent() && troubled.as_ref().is_none_or(Trouble::is_silent);
                    if troubled.is_none() || says_more {
                        troubled = Some(trouble);
                    }
                }
            }
        }
        Err(troubled.unwrap_or_else(|| Trouble::Here(trouble::no_server())))
    }

    fn trouble(&self, server: SocketAddr, error: &NetError) -> Trouble {
        let code = match error {
            NetError::Io(error) => {
                let here = io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(0));
                let failure = classify::io_error(&here, Phase::Resolve);
                return match failure.blame {
                    Blame::Local => Trouble::Here(failure),
                    _ => Trouble::Silent(server, self.all.len() - 1),
                };
            }
            NetError::Dns(DnsError::ResponseCode(code)) => *code,
            NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
            NetError::Timeout | NetError::Busy | NetError::NoConnections => {
                return Trouble::Silent(server, self.all.len() - 1);
            }
            // What it says cannot be read.
            _ => ResponseCode::FormErr,
        };
        Trouble::Failed(server, code)
    }
}

fn reply(found: &hickory_resolver::lookup::Lookup) -> Reply {
    // An alias lives no longer than what it stands for, nor that longer than it.
    let records = found.answers();
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    let ttl = Duration::from_secs(ttl.into());
    let addresses: Vec<IpAddr> = records
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .collect();
    if addresses.is_empty() {
        return Reply::NoData(ttl);
    }
    Reply::Found(addresses, ttl)
}

fn options(edns: bool, patience: Duration) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    // Tries, order, the file of hosts and what is kept are decided here, not there.
    options.attempts = 0;
    options.timeout = patience;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.num_concurrent_reqs = 1;
    options.max_active_requests = UNDER_WAY;
    options.edns0 = edns;
    options
}

fn client(address: SocketAddr, options: &ResolverOpts) -> Option<TokioResolver> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    let server = NameServerConfig::new(address.ip(), true, connections.into());
    let config = ResolverConfig::from_name_servers(vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options.clone();
    // Fails only for the files of DNSSEC, which is not compiled in.
    builder.build().ok()
}
