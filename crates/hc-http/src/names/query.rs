//! One name's query: the file of hosts, the names that RFC 6761 sets aside, the search list, both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Failure, Timestamp};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::order::{has_route_to, in_turns};
use super::servers::{Reply, Servers, Trouble};
use super::system::{Setup, System};
use super::trouble;

/// A name's addresses.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) addresses: Arc<[IpAddr]>,
    /// The resolver was in trouble about one of the families: there may be more addresses.
    pub(super) unsure: Option<Failure>,
    /// How old the answer is where it stands in for one that the resolver does not give.
    pub(super) age: Option<Duration>,
}

impl Known {
    pub(super) fn of(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            unsure: None,
            age: None,
        }
    }
}

/// Addresses or why there are none, and how long that is to be kept. Trouble of the resolver has blame `local`.
pub(super) type Outcome = Result<(Known, Duration), (Failure, Duration)>;

/// What comes from files is looked at again soon: that costs no query.
const OF_FILES: Duration = Duration::ZERO;

/// Asks for both families of a name.
pub(super) async fn ask(system: &System, now: Timestamp, name: &str) -> Outcome {
    let setup = system.setup(now);
    let bare = name.strip_suffix('.').unwrap_or(name);
    if let Some(addresses) = setup.hosts.of(bare) {
        return Ok((Known::of(addresses.iter().copied()), OF_FILES));
    }
    if is_in(bare, "localhost") {
        let both = [
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
        ];
        return Ok((Known::of(both), OF_FILES));
    }
    if is_in(bare, "invalid") {
        return Err((trouble::no_such_name(name), OF_FILES));
    }
    let mut negative = None;
    let mut troubled = None;
    for candidate in candidates(&setup, name) {
        match ask_both(&setup.servers, &candidate).await {
            Answered::Found(known, ttl) => return Ok((known, ttl)),
            Answered::NoData(ttl) => negative = Some((true, ttl)),
            Answered::NoName(ttl) => negative = negative.or(Some((false, ttl))),
            Answered::Troubled(trouble) => {
                let is_silent = trouble.is_silent();
                troubled = troubled.or(Some(trouble));
                // Those after it would wait for the same silence.
                if is_silent {
                    break;
                }
            }
        }
    }
    // Where one candidate is not known, none can be said not to exist.
    if let Some(trouble) = troubled {
        return Err((trouble.into_failure(name), OF_FILES));
    }
    match negative {
        Some((true, ttl)) => Err((trouble::no_data(name), ttl)),
        Some((false, ttl)) => Err((trouble::no_such_name(name), ttl)),
        // No name can be made of it, as of a label over 63 bytes.
        None => Err((trouble::no_such_name(name), OF_FILES)),
    }
}

/// Whether a name is `zone` or below it.
fn is_in(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The full names that a name may stand for, in the order of resolv.conf(5).
fn candidates(setup: &Setup, name: &str) -> Vec<Name> {
    let Ok(asked) = Name::from_str_relaxed(name) else {
        return Vec::new();
    };
    if asked.is_fqdn() {
        return vec![asked];
    }
    let mut absolute = asked.clone();
    absolute.set_fqdn(true);
    let searched = setup.search.iter().filter_map(|domain| {
        let mut name = asked.clone().append_domain(domain).ok()?;
        name.set_fqdn(true);
        Some(name)
    });
    let dots = name.bytes().filter(|byte| *byte == b'.').count();
    let mut all: Vec<Name> = searched.collect();
    if dots >= setup.ndots {
        all.insert(0, absolute);
    } else {
        all.push(absolute);
    }
    all
}

enum Answered {
    Found(Known, Duration),
    NoData(Duration),
    NoName(Duration),
    Troubled(Trouble),
}

async fn ask_both(servers: &Servers, name: &Name) -> Answered {
    let (v6, v4) = tokio::join!(
        servers.ask(name, RecordType::AAAA),
        servers.ask(name, RecordType::A)
    );
    match (v6, v4) {
        (Ok(Reply::Found(v6, ttl6)), Ok(Reply::Found(v4, ttl4))) => {
            let v6_first = has_route_to(&v6);
            let addresses = in_turns(v6, v4, v6_first);
            Answered::Found(Known::of(addresses), ttl6.min(ttl4))
        }
        (Ok(Reply::Found(found, ttl)), other) | (other, Ok(Reply::Found(found, ttl))) => {
            let mut known = Known::of(found);
            known.unsure = other
                .err()
                .map(|trouble| trouble.into_failure(&shown(name)));
            Answered::Found(known, ttl)
        }
        // That a name does not exist holds for all its types.
        (Ok(Reply::NoName(ttl)), _) | (_, Ok(Reply::NoName(ttl))) => Answered::NoName(ttl),
        (Ok(Reply::NoData(one)), Ok(Reply::NoData(other))) => Answered::NoData(one.min(other)),
        (_, Err(trouble)) | (Err(trouble), _) => Answered::Troubled(trouble),
    }
}

fn shown(name: &Name) -> String {
    let mut name = name.clone();
    name.set_fqdn(false);
    name.to_string()
}
