//! Reading a ledger: copies, made under one short lock of a shard after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use hc_core::{About, Failure, Overlay, Status, TargetHandle};

use super::record::{LastCheck, Own, Past, Recent, Record};
use super::tally::Counted;
use super::{Histogram, Ledger, SHARDS, find, key, lock};

/// One target, as of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) key: u64,
    pub(crate) handle: TargetHandle,
    pub(crate) about: Arc<About>,
    pub(crate) last: Option<LastCheck>,
    pub(crate) since: SystemTime,
    pub(crate) certificate_expiry: u64,
    pub(crate) transitions: u64,
    pub(crate) failures: u64,
    /// Why, while it is not well.
    pub(crate) why: Option<Arc<Failure>>,
    /// Of [`Ledger::measured`] alone.
    pub(crate) own: Option<Box<Own>>,
}

/// One group, as of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupSeen {
    /// Results by probe.
    pub(crate) results: BTreeMap<&'static str, [u64; 4]>,
    /// The rest, over all probes.
    pub(crate) counted: Counted,
}

impl Record {
    fn seen(&self) -> Seen {
        let word = self.handle.word();
        let is_troubled = matches!(word.status(), Status::Unhealthy | Status::Degraded)
            || word.overlays().has(Overlay::Suspect);
        Seen {
            key: self.key,
            handle: self.handle.clone(),
            about: self.handle.about(),
            last: self.last(),
            since: self.since.wall(),
            certificate_expiry: self.certificate_expiry,
            transitions: u64::from(self.transitions),
            failures: u64::from(self.failures),
            why: self
                .past
                .as_ref()
                .filter(|_| is_troubled)
                .and_then(|past| past.why.clone()),
            own: None,
        }
    }
}

impl Ledger {
    /// All targets, in no order, without histograms of their own: a kilobyte each, which no list shows.
    pub(crate) fn targets(&self) -> Vec<Seen> {
        self.all(Record::seen)
    }

    /// The same with their histograms.
    pub(crate) fn measured(&self) -> Vec<Seen> {
        self.all(|record| Seen {
            own: record.own.clone(),
            ..record.seen()
        })
    }

    fn all(&self, see: impl Fn(&Record) -> Seen) -> Vec<Seen> {
        let mut seen = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let known = shard.records.iter();
            seen.extend(
                known
                    .filter(|record| !record.handle.word().is_removed())
                    .map(|record| see(record)),
            );
        }
        seen
    }

    /// The target of a uid's number: the hash of its name without the lowest four bits.
    pub(crate) fn find_uid(&self, number: u64) -> Option<Seen> {
        let shard = lock(&self.shards[(number >> 28) as usize % SHARDS]);
        let mut candidates = (0..16).map(|low| number << 4 | low);
        candidates.find_map(|key| {
            let found = shard.records.find(key, |known| known.key == key)?;
            (!found.handle.word().is_removed()).then(|| found.seen())
        })
    }

    /// What only details tell: the last results, and the past.
    pub(crate) fn details(&self, name: &str) -> (Recent, Past) {
        let key = key(name);
        let mut shard = self.shard(key);
        let record = find(&mut shard, key, name);
        record.map_or_else(Default::default, |record| {
            (record.recent.clone(), record.past())
        })
    }

    /// All groups that have targets, by name.
    pub(crate) fn groups(&self) -> BTreeMap<Arc<str>, GroupSeen> {
        self.forget_groups();
        let tallies: Vec<_> = lock(&self.tallies).values().cloned().collect();
        let mut groups: BTreeMap<Arc<str>, GroupSeen> = BTreeMap::new();
        for tally in tallies {
            let counted = tally.counted();
            let group = groups.entry(tally.group.clone()).or_default();
            group.results.insert(tally.probe, counted.results);
            group.counted.add(&counted);
        }
        groups
    }

    /// How late checks started, and how long those waited for a permit that had to.
    pub(crate) fn lateness_and_waits(&self) -> (Histogram, Histogram) {
        let (mut lateness, mut waits) = (Histogram::default(), Histogram::default());
        for shard in &self.shards {
            let shard = lock(shard);
            lateness.add(&shard.lateness);
            waits.add(&shard.waits);
        }
        (lateness, waits)
    }
}
