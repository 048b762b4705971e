//! What is held to be true now: one word a target, read without a lock, and the feed of its changes.
//!
//! The writer stores a target's word and appends the event under the ring's lock. A subscriber notes the next
//! number, reads all words, and drops what is not newer than the word it read: that is [`Mirror`](crate::Mirror)'s business.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use hashbrown::HashTable;

use crate::cell::{Cell, TargetHandle};
use crate::event::{Event, EventKind};
use crate::hash::stable_hash;
use crate::inbox::{Doors, Inbox};
use crate::ring::{Found, Ring};
use crate::status::Status;
use crate::sync::{Mutex, RwLock};
use crate::target::{About, Target};
use crate::time::Timestamp;
use crate::word::Word;

/// Finding a handle takes one shard's read lock. 64 keep a million targets' additions out of readers' way.
const SHARDS: usize = if cfg!(hc_loom) { 1 } else { 64 };

/// How many events the feed keeps for slow subscribers, unless told otherwise.
pub const FEED_CAPACITY: usize = 4096;

struct Shared {
    shards: [RwLock<HashTable<Arc<Cell>>>; SHARDS],
    ring: Ring<Arc<Event>>,
    doors: Arc<Doors>,
    abouts: Mutex<Vec<Arc<About>>>,
}

impl Shared {
    fn new(feed_capacity: usize, workers: u8) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::new(HashTable::new())),
            ring: Ring::new(feed_capacity),
            doors: Arc::new(Doors::new(workers)),
            abouts: Mutex::default(),
        }
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<Arc<Cell>>> {
        // The table itself uses the low bits and the top seven.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

/// How many different descriptions are remembered, to be shared by targets that carry the same: each place by
/// its hash, so that a million targets with labels of their own cost no more than the place.
const ABOUTS: usize = 256;

fn hash_of(id: &str) -> u64 {
    stable_hash(&[id])
}

/// The readers' side: who is healthy now, and what changes. Cheap to clone.
#[derive(Clone)]
pub struct HealthView(Arc<Shared>);

/// The writer's side: one worker's. Several workers may share one view and one feed; each has an inbox of its own.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
    worker: u8,
}

/// Makes a view whose feed keeps that many events.
#[must_use]
pub fn view(feed_capacity: usize) -> (Publisher, HealthView) {
    let shared = Arc::new(Shared::new(feed_capacity, 1));
    let publisher = Publisher {
        shared: shared.clone(),
        worker: 0,
    };
    (publisher, HealthView(shared))
}

/// Makes a view that several workers write, each through a publisher of its own, in the order of their numbers.
#[must_use]
pub fn view_of_workers(feed_capacity: usize, workers: u8) -> (Vec<Publisher>, HealthView) {
    let shared = Arc::new(Shared::new(feed_capacity, workers));
    let publishers = (0..workers.max(1))
        .map(|worker| Publisher {
            shared: shared.clone(),
            worker,
        })
        .collect();
    (publishers, HealthView(shared))
}

impl Publisher {
    /// The number of the worker whose this is: its targets are those whose cells say that number.
    #[must_use]
    pub fn worker(&self) -> u8 {
        self.worker
    }

    /// Where nudges and reports about this worker's targets wait.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        self.shared.doors.of(self.worker)
    }

    /// Makes a target known. `None` if its id is known already.
    pub fn add(
        &self,
        target: &Target,
        word: Word,
        at: Timestamp,
        wall: SystemTime,
    ) -> Option<Arc<Cell>> {
        let hash = hash_of(target.id.as_str());
        let about = self.about(target);
        let cell = Arc::new(Cell::new(
            target,
            about,
            word,
            self.shared.doors.clone(),
            self.worker,
        ));
        {
            let mut shard = write(self.shared.shard(hash));
            if shard.find(hash, |known| known.id() == &target.id).is_some() {
                return None;
            }
            // In before the event: whoever notes the number after it finds the target.
            shard.insert_unique(hash, cell.clone(), |known| hash_of(known.id().as_str()));
        }
        let (target, group, labels) = (
            target.id.clone(),
            target.group.clone(),
            target.labels.clone(),
        );
        self.publish(&cell, word, at, wall, |word| EventKind::Added {
            target,
            group,
            labels,
            word,
        });
        Some(cell)
    }

    /// What outputs are told of a target, shared with the targets of which the same is told.
    fn about(&self, target: &Target) -> Arc<About> {
        let first_label = target.labels.iter().next().map_or("", |(_, value)| value);
        let place = stable_hash(&[&target.group, first_label]) as usize % ABOUTS;
        let mut abouts = self
            .shared
            .abouts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if abouts.is_empty() {
            abouts.resize(ABOUTS, Arc::default());
        }
        if !abouts[place].fits(target) {
            abouts[place] = Arc::new(About::of(target));
        }
        abouts[place].clone()
    }

    /// Sets what outputs are told of a target. No event tells of it.
    pub fn set_about(&self, cell: &Cell, target: &Target) {
        cell.set_about(self.about(target));
    }

    /// What is shared of a target.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Cell>> {
        let hash = hash_of(id);
        read(self.shared.shard(hash))
            .find(hash, |known| known.id().as_str() == id)
            .cloned()
    }

    /// Makes a target unknown. Its handles say "not healthy" from now on.
    pub fn remove(&self, cell: &Arc<Cell>, at: Timestamp, wall: SystemTime) {
        if cell.word().is_removed() {
            // A second removal would take a target of the same name with it that was added meanwhile.
            return;
        }
        let target = cell.id().clone();
        self.publish(cell, cell.word().removed(), at, wall, |_| {
            EventKind::Removed { target }
        });
        let hash = hash_of(cell.id().as_str());
        if let Ok(found) =
            write(self.shared.shard(hash)).find_entry(hash, |known| Arc::ptr_eq(known, cell))
        {
            found.remove();
        }
    }

    /// Publishes a change of one target: its word, then the event.
    pub fn publish(
        &self,
        cell: &Cell,
        word: Word,
        at: Timestamp,
        wall: SystemTime,
        kind: impl FnOnce(Word) -> EventKind,
    ) {
        self.shared.ring.append(|sequence| {
            let word = word.with_sequence(sequence);
            cell.store(word);
            Arc::new(Event {
                sequence,
                at,
                wall,
                kind: kind(word),
            })
        });
    }

    /// Publishes something about the checker itself.
    pub fn announce(&self, kind: EventKind, at: Timestamp, wall: SystemTime) {
        self.shared.ring.append(|sequence| {
            Arc::new(Event {
                sequence,
                at,
                wall,
                kind,
            })
        });
    }

    /// Ends the feed: subscribers read what is left and then get `None`.
    pub fn close(&self) {
        self.shared.ring.close();
    }
}

impl HealthView {
    /// The handle of a target. Keep it: finding it again costs a lock, reading it does not.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<TargetHandle> {
        let hash = hash_of(id);
        let shard = read(self.0.shard(hash));
        shard
            .find(hash, |known| known.id().as_str() == id)
            .cloned()
            .map(TargetHandle::new)
    }

    /// The handles of all targets, in no order.
    #[must_use]
    pub fn handles(&self) -> Vec<TargetHandle> {
        let mut handles = Vec::new();
        for shard in &self.0.shards {
            handles.extend(read(shard).iter().cloned().map(TargetHandle::new));
        }
        handles
    }

    /// How many targets are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| read(shard).len()).sum()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many targets have each status, in the order of [`Status::ALL`].
    #[must_use]
    pub fn tally(&self) -> [usize; 4] {
        let mut tally = [0; 4];
        for shard in &self.0.shards {
            for cell in read(shard).iter() {
                tally[cell.word().status() as usize] += 1;
            }
        }
        debug_assert_eq!(Status::ALL.len(), tally.len());
        tally
    }

    /// The number of the last event: it grows with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.ring.next_number() - 1
    }

    /// Subscribes to all events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            at: self.0.ring.next_number(),
            shared: self.0.clone(),
        }
    }

    /// Subscribes from just after that event; what is no longer kept is told as missed.
    #[must_use]
    pub fn subscribe_after(&self, sequence: u64) -> Subscription {
        let at = sequence.saturating_add(1).min(self.0.ring.next_number());
        Subscription {
            at,
            shared: self.0.clone(),
        }
    }
}

impl fmt::Debug for HealthView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthView")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

/// What a subscriber gets next.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// The next event.
    Event(Arc<Event>),
    /// The subscriber lagged: so many events are gone. The view has what they led to.
    Missed(u64),
}

/// Reads the feed at its own pace. It holds back nobody: who lags is told how much was missed.
pub struct Subscription {
    shared: Arc<Shared>,
    at: u64,
}

impl Subscription {
    /// The next item, if there is one now.
    pub fn try_next(&mut self) -> Option<FeedItem> {
        match self.shared.ring.read(&mut self.at) {
            Found::Item(event) => Some(FeedItem::Event(event)),
            Found::Missed(missed) => Some(FeedItem::Missed(missed)),
            Found::Nothing | Found::Closed => None,
        }
    }

    /// Waits for the next item; `None` once the feed has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<FeedItem> {
        loop {
            let listener = self.shared.ring.listen();
            match self.shared.ring.read(&mut self.at) {
                Found::Item(event) => return Some(FeedItem::Event(event)),
                Found::Missed(missed) => return Some(FeedItem::Missed(missed)),
                Found::Closed => return None,
                Found::Nothing => listener.await,
            }
        }
    }

    /// The number of the event that is read next.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(not(hc_loom))]
use std::sync::{RwLockReadGuard as ReadGuard, RwLockWriteGuard as WriteGuard};

#[cfg(hc_loom)]
use loom::sync::{RwLockReadGuard as ReadGuard, RwLockWriteGuard as WriteGuard};

// A poisoned shard is whole: insertion and removal are single calls.
fn read<T>(lock: &RwLock<T>) -> ReadGuard<'_, T> {
    lock.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> WriteGuard<'_, T> {
    lock.write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
