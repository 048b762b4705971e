//! What the workers of one process know together of its own trouble: one silence, one doubt, one overload.
//!
//! Each worker asks its own share of the fleet, but the network and the processor are the process's: a sign of life
//! that any of them sees ends the silence of all, and isolation is one event. The rules are [`Isolation`]'s; this is
//! the place that they share, and the way there costs a check that shows life one load. Time here is the running
//! time of the worker that lost least, so that it moves on while any of them runs.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hc_core::{Publisher, TargetId, Timestamp};

use crate::isolation::{Belief, Fleet, HELPERS, Isolation, IsolationRules};

/// How exact the time of the last sign of life is where several workers note it: they would pass its cache line
/// back and forth with every check.
const GRAIN: Duration = Duration::from_millis(1);

/// What one worker tells of its share of the fleet.
#[derive(Debug, Default)]
struct Share {
    /// Targets that are known and not paused.
    asked: AtomicUsize,
    /// Of these, neither suspect nor Unhealthy.
    clear: AtomicUsize,
    /// References that are not paused; of these, those that live and are not being asked; and the silent ones.
    references: AtomicUsize,
    alive: AtomicUsize,
    silent: AtomicUsize,
    /// How many others it is to ask early at the present call for help.
    helpers: AtomicUsize,
}

/// References among the targets of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// Those that are not paused.
    pub(crate) asked: usize,
    /// Of these, those that showed life in their last check and are not being asked.
    pub(crate) alive: usize,
    /// Of these, those that were silent in their last check.
    pub(crate) silent: usize,
}

#[derive(Debug, Default)]
struct Overload {
    workers: usize,
    since: Timestamp,
}

/// What the workers of one process know together.
pub(crate) struct Signs {
    publishers: Vec<Publisher>,
    shares: Box<[Share]>,
    isolation: Mutex<Isolation>,
    /// Nothing was silent since the last sign of life: another one changes nothing but its time.
    calm: AtomicBool,
    belief: AtomicU8,
    last_sign: AtomicU64,
    /// The real time at which the last isolation ended, and one nanosecond; 0: there was none.
    last_end: AtomicU64,
    /// The running time of the worker that lost least.
    now: AtomicU64,
    /// How often help was called.
    calls: AtomicU64,
    overload: Mutex<Overload>,
}

impl Signs {
    pub(crate) fn new(
        rules: Option<IsolationRules>,
        publishers: Vec<Publisher>,
        now: Timestamp,
    ) -> Arc<Self> {
        Arc::new(Self {
            shares: publishers.iter().map(|_| Share::default()).collect(),
            publishers,
            isolation: Mutex::new(Isolation::new(rules, now)),
            calm: AtomicBool::new(true),
            belief: AtomicU8::new(Belief::Believed as u8),
            last_sign: AtomicU64::new(now.as_nanos()),
            last_end: AtomicU64::new(0),
            now: AtomicU64::new(now.as_nanos()),
            calls: AtomicU64::new(0),
            overload: Mutex::default(),
        })
    }

    /// Whether there are several workers.
    pub(crate) fn is_shared(&self) -> bool {
        self.shares.len() > 1
    }

    /// How much failures are believed.
    pub(crate) fn belief(&self) -> Belief {
        match self.belief.load(Ordering::Acquire) {
            0 => Belief::Believed,
            1 => Belief::Doubted,
            _ => Belief::Isolated,
        }
    }

    /// Whether a silent failure of a check that began at that real time is not to be believed, though hc is isolated
    /// no more.
    pub(crate) fn predates_end(&self, began: Timestamp) -> bool {
        began.as_nanos() + 1 < self.last_end.load(Ordering::Acquire)
    }

    /// Whether nothing was silent since the last sign of life: another one is no news.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Acquire)
    }

    /// Something showed life. Calls `ended` with what to tell if that ends an isolation.
    pub(crate) fn life(&self, now: Timestamp, real: Timestamp, ended: impl FnOnce(Ended)) {
        if self.calm.load(Ordering::Acquire) {
            let grain = if self.is_shared() {
                GRAIN
            } else {
                Duration::ZERO
            };
            let last = Timestamp::from_nanos(self.last_sign.load(Ordering::Relaxed));
            if now > last + grain {
                self.last_sign.store(now.as_nanos(), Ordering::Relaxed);
            }
            return;
        }
        let mut doubt = self.doubt(now);
        let (targets, hosts, silent) = doubt.extent(doubt.now);
        let now = doubt.now;
        self.last_sign.store(now.as_nanos(), Ordering::Relaxed);
        if let Some(lasted) = doubt.life(now) {
            self.last_end
                .store(real.as_nanos().saturating_add(1), Ordering::Release);
            // Under the lock: no other worker's event about the next isolation comes before this one's.
            ended(Ended {
                targets,
                hosts,
                silent,
                lasted,
            });
        }
    }

    /// Takes the lock under which silence is judged.
    pub(crate) fn doubt(&self, now: Timestamp) -> Doubt<'_> {
        // Before the lock: a sign of life from now on waits for what is found here.
        let mut isolation = self
            .isolation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.calm.store(false, Ordering::Release);
        let nanos = now.as_nanos();
        let now = Timestamp::from_nanos(self.now.fetch_max(nanos, Ordering::AcqRel).max(nanos));
        let last_sign = self.last_sign.load(Ordering::Relaxed);
        isolation.heard_of(Timestamp::from_nanos(last_sign));
        Doubt {
            signs: self,
            isolation,
            now,
        }
    }

    /// Whether that target is a reference.
    pub(crate) fn is_reference(&self, id: &TargetId) -> bool {
        let isolation = self
            .isolation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        isolation
            .rules()
            .is_some_and(|rules| rules.references.contains(id))
    }

    /// A worker tells of its share.
    pub(crate) fn tell(&self, worker: usize, asked: usize, clear: usize) {
        let share = &self.shares[worker];
        share.asked.store(asked, Ordering::Relaxed);
        share.clear.store(clear, Ordering::Relaxed);
    }

    /// A worker tells of the references in its share.
    pub(crate) fn tell_references(&self, worker: usize, references: References) {
        let share = &self.shares[worker];
        share.references.store(references.asked, Ordering::Release);
        share.alive.store(references.alive, Ordering::Release);
        share.silent.store(references.silent, Ordering::Release);
    }

    /// The whole fleet.
    pub(crate) fn fleet(&self) -> Fleet {
        let sum = |of: fn(&Share) -> &AtomicUsize| {
            let shares = self.shares.iter();
            shares.map(|share| of(share).load(Ordering::Acquire)).sum()
        };
        let (references, silent): (usize, usize) = (sum(|s| &s.references), sum(|s| &s.silent));
        Fleet {
            targets: sum(|share| &share.asked),
            clear: sum(|share| &share.clear),
            references_alive: sum(|share| &share.alive),
            references_silent: references > 0 && silent >= references,
        }
    }

    /// Asks for an early check of the references that are not this worker's.
    pub(crate) fn nudge_references(&self, worker: usize, references: &[TargetId]) {
        for cell in references
            .iter()
            .filter_map(|id| self.publishers[worker].find(id.as_str()))
        {
            if usize::from(cell.worker()) != worker {
                cell.to_nudge().nudge();
            }
        }
    }

    /// Shares out whom to ask early, by how many well targets each worker has; returns this worker's part.
    pub(crate) fn call_for_help(&self, worker: usize) -> usize {
        if !self.is_shared() {
            return HELPERS;
        }
        let all: usize = self.fleet().clear.max(1);
        let mut own = HELPERS;
        for (other, share) in self.shares.iter().enumerate() {
            if other != worker {
                let part = HELPERS * share.clear.load(Ordering::Relaxed) / all;
                let part = part.min(own);
                share.helpers.store(part, Ordering::Relaxed);
                own -= part;
            }
        }
        self.shares[worker].helpers.store(0, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Release);
        for (_, publisher) in (0..)
            .zip(&self.publishers)
            .filter(|(other, _)| *other != worker)
        {
            publisher.inbox().wake();
        }
        own
    }

    /// How often help was called.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// How many others this worker is to ask early; once a call.
    pub(crate) fn take_help(&self, worker: usize) -> usize {
        self.shares[worker].helpers.swap(0, Ordering::Relaxed)
    }

    /// A worker lacks processor time; calls `first` if none did.
    pub(crate) fn overload_begins(&self, real: Timestamp, first: impl FnOnce()) {
        let mut overload = self.overload.lock().unwrap_or_else(PoisonError::into_inner);
        overload.workers += 1;
        if overload.workers == 1 {
            overload.since = real;
            first();
        }
    }

    /// A worker lacks processor time no more; calls `last` with since when any did, if none does now.
    pub(crate) fn overload_ends(&self, last: impl FnOnce(Timestamp)) {
        let mut overload = self.overload.lock().unwrap_or_else(PoisonError::into_inner);
        overload.workers = overload.workers.saturating_sub(1);
        if overload.workers == 0 {
            last(overload.since);
        }
    }
}

/// What to tell of an isolation that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) targets: usize,
    pub(crate) hosts: usize,
    pub(crate) silent: Duration,
    pub(crate) lasted: Duration,
}

/// The lock under which silence is judged. What it came to is known to all when it is dropped.
pub(crate) struct Doubt<'a> {
    signs: &'a Signs,
    isolation: MutexGuard<'a, Isolation>,
    /// The time that isolation goes by.
    pub(crate) now: Timestamp,
}

impl Deref for Doubt<'_> {
    type Target = Isolation;

    fn deref(&self) -> &Isolation {
        &self.isolation
    }
}

impl DerefMut for Doubt<'_> {
    fn deref_mut(&mut self) -> &mut Isolation {
        &mut self.isolation
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let belief = self.isolation.belief() as u8;
        self.signs.belief.store(belief, Ordering::Release);
        self.signs
            .calm
            .store(self.isolation.is_calm(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isolation::Silent;

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn signs(workers: u8) -> Arc<Signs> {
        let (publishers, _) = hc_core::view_of_workers(8, workers);
        Signs::new(Some(IsolationRules::default()), publishers, ms(0))
    }

    fn silent() -> Silent {
        Silent {
            counts: true,
            host_counts: true,
            beside_references: true,
            timeout: Duration::from_secs(1),
            min_interval: Duration::from_millis(500),
        }
    }

    #[test]
    fn silence_seen_by_all_is_one_doubt_and_any_life_ends_it_for_all() {
        let signs = signs(2);
        signs.tell(0, 10, 10);
        signs.tell(1, 10, 10);
        assert_eq!(signs.fleet().clear, 20);
        for n in 1..=5 {
            assert_eq!(signs.belief(), Belief::Believed);
            let fleet = signs.fleet();
            let _ = signs.doubt(ms(n)).silent(ms(n), silent(), fleet);
        }
        assert_eq!(signs.belief(), Belief::Doubted);
        let fleet = signs.fleet();
        let mut doubt = signs.doubt(ms(2_000));
        assert!(doubt.silent(ms(2_000), silent(), fleet).isolated);
        drop(doubt);
        let mut told = 0;
        signs.life(ms(3_000), ms(3_010), |ended| {
            assert_eq!((ended.targets, ended.hosts), (6, 6));
            assert_eq!(ended.lasted, Duration::from_secs(1));
            told += 1;
        });
        signs.life(ms(3_001), ms(3_011), |_| told += 1);
        assert_eq!((told, signs.belief()), (1, Belief::Believed));
        assert!(signs.predates_end(ms(3_009)));
        assert!(!signs.predates_end(ms(3_010)));
    }

    #[test]
    fn time_follows_the_worker_that_lost_least() {
        let signs = signs(2);
        assert_eq!(signs.doubt(ms(100)).now, ms(100));
        assert_eq!(signs.doubt(ms(40)).now, ms(100));
        signs.life(ms(120), ms(120), |_| {});
        let doubt = signs.doubt(ms(150));
        assert_eq!(doubt.extent(doubt.now).2, Duration::from_millis(30));
    }

    #[test]
    fn help_is_shared_out_by_the_well_targets_and_references_count_over_all() {
        let signs = signs(2);
        signs.tell(0, 300, 300);
        signs.tell(1, 100, 100);
        assert_eq!(signs.call_for_help(0), 15);
        assert_eq!(signs.take_help(1), 5);
        assert_eq!(signs.take_help(1), 0);
        let silent = |asked, silent| References {
            asked,
            alive: 0,
            silent,
        };
        signs.tell_references(0, silent(1, 1));
        signs.tell_references(1, silent(1, 0));
        assert!(!signs.fleet().references_silent);
        signs.tell_references(1, silent(1, 1));
        assert!(signs.fleet().references_silent);
    }

    #[test]
    fn overload_is_one_however_many_workers_have_it() {
        let signs = signs(2);
        let told = std::cell::Cell::new(0);
        signs.overload_begins(ms(1), || told.set(told.get() + 1));
        signs.overload_begins(ms(2), || told.set(told.get() + 1));
        signs.overload_ends(|_| told.set(told.get() + 10));
        signs.overload_ends(|since| {
            assert_eq!(since, ms(1));
            told.set(told.get() + 100);
        });
        assert_eq!(told.get(), 101);
    }
}
