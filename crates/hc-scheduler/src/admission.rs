//! Admission: at most so many checks in flight, in all and of one host, in fair order.
//!
//! A target that falls due takes a permit of its host or waits in that host's queue; with it, it stands in the
//! one ready queue until a global permit is free. A host's permit goes to its next waiter, who then queues with it.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use hashbrown::HashTable;
use hc_core::stable_hash;

use crate::list::List;
use crate::plan::Entry;
use crate::slab::Slab;

/// A host's number.
pub(crate) type HostIndex = u32;

#[derive(Default)]
struct Host {
    name: Arc<str>,
    targets: u32,
    taken: u32,
    waiting: List,
    /// The silence in which a silent target of this host was last counted.
    silence: u32,
}

/// Hosts in a chunk. By default each target has a host of its own, and a list that grows by copying would stall.
const CHUNK: usize = 1024;

/// Hosts by number, in chunks that do not move.
#[derive(Default)]
struct Hosts(Vec<Vec<Host>>);

impl Hosts {
    fn push(&mut self, host: Host) -> HostIndex {
        if self.0.last().is_none_or(|last| last.len() == CHUNK) {
            let capacity = if self.0.is_empty() { 0 } else { CHUNK };
            self.0.push(Vec::with_capacity(capacity));
        }
        let chunks = self.0.len();
        let last = self.0.last_mut().expect("there is one now");
        last.push(host);
        HostIndex::try_from((chunks - 1) * CHUNK + last.len() - 1)
            .expect("fewer than four billion hosts")
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.0.iter_mut().flatten()
    }
}

impl Index<HostIndex> for Hosts {
    type Output = Host;

    fn index(&self, index: HostIndex) -> &Host {
        &self.0[index as usize / CHUNK][index as usize % CHUNK]
    }
}

impl IndexMut<HostIndex> for Hosts {
    fn index_mut(&mut self, index: HostIndex) -> &mut Host {
        &mut self.0[index as usize / CHUNK][index as usize % CHUNK]
    }
}

/// Where a target that falls due, or a permit that is given back, leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the queue of those with their host's permit.
    Ready,
    /// In its host's queue.
    Waiting,
}

pub(crate) struct Admission {
    in_flight_limit: usize,
    per_host_limit: u32,
    in_flight: usize,
    ready: List,
    hosts: Hosts,
    free: Vec<HostIndex>,
    /// Numbers, found by the name that the host itself holds.
    by_name: HashTable<HostIndex>,
    waiting: usize,
}

impl Admission {
    pub(crate) fn new(in_flight_limit: usize, per_host_limit: usize) -> Self {
        Self {
            in_flight_limit: in_flight_limit.max(1),
            per_host_limit: u32::try_from(per_host_limit.max(1)).unwrap_or(u32::MAX),
            in_flight: 0,
            ready: List::default(),
            hosts: Hosts::default(),
            free: Vec::new(),
            by_name: HashTable::new(),
            waiting: 0,
        }
    }

    pub(crate) fn set_limits(&mut self, in_flight: usize, per_host: usize) {
        self.in_flight_limit = in_flight.max(1);
        self.per_host_limit = u32::try_from(per_host.max(1)).unwrap_or(u32::MAX);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Targets that are due and wait for a permit.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A target of that host is known from now on.
    pub(crate) fn enlist(&mut self, name: &Arc<str>) -> HostIndex {
        let hash = stable_hash(&[name]);
        let known = |index: &HostIndex| {
            let known = &self.hosts[*index].name;
            Arc::ptr_eq(known, name) || known == name
        };
        if let Some(index) = self.by_name.find(hash, known).copied() {
            self.hosts[index].targets += 1;
            return index;
        }
        let host = Host {
            name: name.clone(),
            targets: 1,
            ..Host::default()
        };
        let index = if let Some(index) = self.free.pop() {
            self.hosts[index] = host;
            index
        } else {
            self.hosts.push(host)
        };
        let hosts = &self.hosts;
        self.by_name
            .insert_unique(hash, index, |index| stable_hash(&[&hosts[*index].name]));
        index
    }

    /// Whether that is the host's name.
    pub(crate) fn is_called(&self, index: HostIndex, name: &Arc<str>) -> bool {
        let known = &self.hosts[index].name;
        Arc::ptr_eq(known, name) || known == name
    }

    /// A target of that host is known no more. All its permits must be given back.
    pub(crate) fn dismiss(&mut self, index: HostIndex) {
        let host = &mut self.hosts[index];
        host.targets -= 1;
        if host.targets == 0 {
            debug_assert!(host.taken == 0 && host.waiting.is_empty());
            let hash = stable_hash(&[&std::mem::take(&mut host.name)]);
            if let Ok(found) = self.by_name.find_entry(hash, |known| *known == index) {
                found.remove();
            }
            self.free.push(index);
        }
    }

    /// Marks a host as counted in a silence; whether it was not yet.
    pub(crate) fn mark_silent(&mut self, index: HostIndex, silence: u32) -> bool {
        std::mem::replace(&mut self.hosts[index].silence, silence) != silence
    }

    /// Whether a host was counted in a silence.
    pub(crate) fn is_silent(&self, index: HostIndex, silence: u32) -> bool {
        self.hosts[index].silence == silence
    }

    /// A target falls due.
    pub(crate) fn request(&mut self, slab: &mut Slab<Entry>, index: u32, host: HostIndex) -> Place {
        self.waiting += 1;
        let host = &mut self.hosts[host];
        if host.taken < self.per_host_limit && host.waiting.is_empty() {
            host.taken += 1;
            self.ready.push(slab, index);
            Place::Ready
        } else {
            host.waiting.push(slab, index);
            Place::Waiting
        }
    }

    /// A target of that host falls due, and starts now if it need not wait at all, nor any before it.
    pub(crate) fn admit_at_once(&mut self, host: HostIndex) -> bool {
        if self.in_flight >= self.in_flight_limit || !self.ready.is_empty() {
            return false;
        }
        let host = &mut self.hosts[host];
        let is_free = host.taken < self.per_host_limit && host.waiting.is_empty();
        if is_free {
            host.taken += 1;
            self.in_flight += 1;
        }
        is_free
    }

    /// The next target that may start, if a global permit is free.
    pub(crate) fn admit(&mut self, slab: &mut Slab<Entry>) -> Option<u32> {
        if self.in_flight >= self.in_flight_limit {
            return None;
        }
        let index = self.ready.pop(slab)?;
        self.waiting -= 1;
        self.in_flight += 1;
        Some(index)
    }

    /// A check has ended: its permits go on. Returns the target that is ready now, if its host had a waiter.
    pub(crate) fn release(&mut self, slab: &mut Slab<Entry>, host: HostIndex) -> Option<u32> {
        self.in_flight -= 1;
        self.pass_on(slab, host)
    }

    /// A target leaves its queue without having started.
    pub(crate) fn withdraw(
        &mut self,
        slab: &mut Slab<Entry>,
        index: u32,
        host: HostIndex,
        place: Place,
    ) -> Option<u32> {
        self.waiting -= 1;
        match place {
            Place::Waiting => {
                self.hosts[host].waiting.remove(slab, index);
                None
            }
            Place::Ready => {
                self.ready.remove(slab, index);
                self.pass_on(slab, host)
            }
        }
    }

    fn pass_on(&mut self, slab: &mut Slab<Entry>, index: HostIndex) -> Option<u32> {
        let host = &mut self.hosts[index];
        host.taken -= 1;
        if host.taken >= self.per_host_limit {
            return None;
        }
        let next = host.waiting.pop(slab)?;
        host.taken += 1;
        self.ready.push(slab, next);
        Some(next)
    }

    /// After the limits grew: waiters that may be ready now.
    pub(crate) fn refill(&mut self, slab: &mut Slab<Entry>) -> Vec<u32> {
        let mut ready = Vec::new();
        for host in self.hosts.iter_mut() {
            while host.taken < self.per_host_limit {
                let Some(next) = host.waiting.pop(slab) else {
                    break;
                };
                host.taken += 1;
                self.ready.push(slab, next);
                ready.push(next);
            }
        }
        ready
    }
}
