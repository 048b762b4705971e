//! What the server remembers of each target and of each group: hears of every check on the driver's own task, and of
//! transitions from the feed.
//!
//! A check costs one hash of its target's name, one short lock of a shard and some relaxed additions; a usual pass
//! allocates nothing after a target's first. Readers take one shard after the other, copy, and let go. Memory is a
//! function of the number of targets: a target that is gone is forgotten when the feed tells of it, and a group when
//! its last target is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use hashbrown::HashTable;
use hc_core::{Event, EventKind, FeedItem, HealthView, Subscription, TargetHandle, stable_hash};
use hc_scheduler::{Checked, Observer};
use tokio::sync::watch;

mod histogram;
mod recall;
mod record;
mod snapshot;
mod tally;

pub(crate) use histogram::{BOUNDS_US, Histogram};
pub use recall::{PastFailure, PastTransition, Recollection};
pub(crate) use record::{FailedCheck, Past, Recent, evidence, took};
pub(crate) use snapshot::{GroupSeen, Seen};
pub(crate) use tally::{Counted, Tally};

use recall::Recalled;
use record::{Moment, Record};

/// As many as the view has: two workers rarely want the same one.
const SHARDS: usize = 64;

#[derive(Default)]
struct Shard {
    /// Boxed: a table has up to twice the room that it uses.
    records: HashTable<Box<Record>>,
    /// What is remembered of targets that are not known yet, by their keys.
    recalled: HashMap<u64, Recalled>,
    lateness: Histogram,
    waits: Histogram,
}

/// By group and probe.
type Tallies = HashMap<(Arc<str>, &'static str), Arc<Tally>>;

/// Remembers what checks said. Give it to the monitor as its observer, and its feed to [`Ledger::follow`].
pub struct Ledger {
    shards: [Mutex<Shard>; SHARDS],
    tallies: Mutex<Tallies>,
    view: OnceLock<HealthView>,
    /// From the first moment on, so that no transition is missed.
    feed: Mutex<Option<Subscription>>,
    /// Turns true when the feed has ended, and all of it was heard.
    has_heard_all: watch::Sender<bool>,
    /// Whether each target has histograms of its own.
    is_full: AtomicBool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            tallies: Mutex::default(),
            view: OnceLock::new(),
            feed: Mutex::default(),
            has_heard_all: watch::Sender::new(false),
            is_full: AtomicBool::new(false),
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// A name's place in the tables, and the number that its uid spells.
pub(crate) fn key(name: &str) -> u64 {
    stable_hash(&[name])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept under these locks is whole between any two statements that can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// A ledger of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(key >> 32) as usize % SHARDS])
    }

    fn tally(&self, group: &Arc<str>, probe: &'static str) -> Arc<Tally> {
        lock(&self.tallies)
            .entry((group.clone(), probe))
            .or_insert_with(|| Arc::new(Tally::new(group.clone(), probe)))
            .clone()
    }

    /// The record of a target that is known now.
    fn record(&self, key: u64, handle: TargetHandle, since: SystemTime) -> Record {
        let about = handle.about();
        let tally = self.tally(&about.group, about.probe_name);
        Record::new(key, handle, tally, since)
    }

    /// Follows the feed of the monitor that this ledger observes until it ends.
    ///
    /// # Cancel safety
    /// A ledger that is no longer followed forgets no targets any more, and hears of no transitions.
    pub async fn follow(&self) {
        let Some(mut feed) = lock(&self.feed).take() else {
            return;
        };
        let mut has_missed = false;
        while let Some(item) = feed.next().await {
            let event = match &item {
                // What comes after a gap is the oldest event that is left, and says when that was.
                FeedItem::Missed(_) => {
                    has_missed = true;
                    continue;
                }
                FeedItem::Event(event) => event,
            };
            if std::mem::take(&mut has_missed) {
                self.resync(event.wall);
                // In a storm one gap follows the other, and each costs a look at all targets: others of this thread,
                // who answer and write the log, have their turn between.
                tokio::task::yield_now().await;
            }
            self.hear(event);
        }
        self.has_heard_all.send_replace(true);
    }

    /// Resolves when the monitor's feed has ended, and whoever [follows](Self::follow) it has heard all of it.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn heard_all(&self) {
        let mut heard = self.has_heard_all.subscribe();
        // The sender is this ledger's own: it does not go meanwhile.
        let _ = heard.wait_for(|all| *all).await;
    }

    fn hear(&self, event: &Arc<Event>) {
        match &event.kind {
            EventKind::Added { target, .. } => self.added(target.as_str(), event.wall),
            EventKind::Removed { target } => self.removed(target.as_str()),
            EventKind::Transition { target, turn, .. } => {
                let key = key(target.as_str());
                let mut shard = self.shard(key);
                if let Some(record) = find(&mut shard, key, target.as_str()) {
                    record.turned(event, turn.to);
                }
            }
            _ => {}
        }
    }

    fn added(&self, name: &str, since: SystemTime) {
        let Some(handle) = self.view.get().and_then(|view| view.get(name)) else {
            // Gone again.
            return;
        };
        let key = key(name);
        let fresh = self.record(key, handle, since);
        let mut shard = self.shard(key);
        match find(&mut shard, key, name) {
            Some(known) if known.handle.word().is_removed() => *known = fresh,
            Some(known) => known.since = known.since.min(Moment::of(since)),
            None => insert(&mut shard, fresh),
        }
    }

    fn removed(&self, name: &str) {
        let key = key(name);
        let mut shard = self.shard(key);
        shard.recalled.remove(&key);
        let entry = shard.records.find_entry(key, |known| known.is(key, name));
        // Another target of that name may be there by now.
        if let Ok(entry) = entry
            && entry.get().handle.word().is_removed()
        {
            drop(entry.remove());
            drop(shard);
            self.forget_groups();
        }
    }

    /// Some events are gone: the view has what they led to. They were before `until`, which is as near as one comes to
    /// when the targets were added that they told of.
    fn resync(&self, until: SystemTime) {
        let Some(view) = self.view.get() else {
            return;
        };
        for shard in &self.shards {
            lock(shard)
                .records
                .retain(|record| !record.handle.word().is_removed());
        }
        for handle in view.handles() {
            let key = key(handle.id().as_str());
            let now = handle.word();
            let mut shard = self.shard(key);
            let known = find(&mut shard, key, handle.id().as_str());
            match known {
                Some(record) if record.status != now.status() => {
                    record.keep_first();
                    record.transitions = record.transitions.wrapping_add(1);
                    record.status = now.status();
                    record.since = record
                        .last()
                        .map_or(record.since, |last| Moment::of(last.wall));
                }
                Some(_) => {}
                None if now.is_removed() => {}
                None => {
                    drop(shard);
                    let fresh = self.record(key, handle, until);
                    insert(&mut self.shard(key), fresh);
                }
            }
        }
        self.forget_groups();
    }

    /// Groups that no target is in any more.
    fn forget_groups(&self) {
        lock(&self.tallies).retain(|_, tally| Arc::strong_count(tally) > 1);
    }
}

impl Record {
    fn is(&self, key: u64, name: &str) -> bool {
        let own = self.handle.id().as_str();
        // It is the same text most of the time, and far from here.
        self.key == key && (std::ptr::eq(own, name) || own == name)
    }
}

fn find<'a>(shard: &'a mut Shard, key: u64, name: &str) -> Option<&'a mut Record> {
    let found = shard.records.find_mut(key, |known| known.is(key, name));
    found.map(|boxed| &mut **boxed)
}

fn insert(shard: &mut Shard, mut record: Record) {
    if let Some(recalled) = shard.recalled.remove(&record.key) {
        record.recall(recalled);
        if shard.recalled.is_empty() {
            // All have come: the room that the start took is given back.
            shard.recalled = HashMap::new();
        }
    }
    shard
        .records
        .insert_unique(record.key, Box::new(record), |known| known.key);
}

impl Observer for Ledger {
    fn starts(&self, view: &HealthView) {
        *lock(&self.feed) = Some(view.subscribe());
        // A ledger observes one monitor: the first.
        let _ = self.view.set(view.clone());
    }

    fn check_ended(&self, check: &Checked) {
        let name = check.target.as_str();
        let key = key(name);
        let is_full = self.is_full.load(Ordering::Relaxed);
        let mut shard = self.shard(key);
        if !check.shared {
            shard.lateness.record(check.lateness);
            if check.waited > Duration::ZERO {
                shard.waits.record(check.waited);
            }
        }
        let known = find(&mut shard, key, name);
        if let Some(record) = known
            && !record.handle.word().is_removed()
        {
            if !Arc::ptr_eq(&record.tally.group, &check.group) {
                self.regroup(record, check);
            }
            record.tally.count(check, evidence(check));
            return record.check_ended(check, is_full);
        }
        drop(shard);
        self.first_check(key, check, is_full);
    }
}

impl Ledger {
    /// The group may be another one, or the same under another pointer.
    fn regroup(&self, record: &mut Record, check: &Checked) {
        if record.tally.group != check.group || record.tally.probe != check.probe {
            record.tally = self.tally(&check.group, check.probe);
        }
    }

    /// A check that ended before the feed told of its target.
    fn first_check(&self, key: u64, check: &Checked, is_full: bool) {
        let name = check.target.as_str();
        let Some(handle) = self.view.get().and_then(|view| view.get(name)) else {
            // It was removed while it was asked: nobody counts that any more.
            return;
        };
        let fresh = self.record(key, handle, check.wall);
        let mut shard = self.shard(key);
        match find(&mut shard, key, name) {
            // The feed has just told of it.
            Some(known) if !known.handle.word().is_removed() => {}
            Some(known) => *known = fresh,
            None => insert(&mut shard, fresh),
        }
        if let Some(record) = find(&mut shard, key, name) {
            record.tally.count(check, evidence(check));
            record.check_ended(check, is_full);
        }
    }
}

#[cfg(test)]
mod gap;
#[cfg(test)]
mod tests;
