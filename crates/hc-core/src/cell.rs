//! What is shared of one target: the published word, when it goes stale, and what was reported of it.

use std::fmt;
use std::sync::{Arc, PoisonError};

use crate::failure::Kind;
use crate::id::{Labels, TargetId};
use crate::inbox::{Doors, Nudge};
use crate::policy::Passive;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::target::{About, Target};
use crate::time::Timestamp;
use crate::word::Word;

/// What an embedder's own traffic saw of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A request was answered well.
    Passed,
    /// A request failed in that way.
    Failed(Kind),
}

/// What waits for the driver about one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// An early check was asked for.
    pub nudged: bool,
    /// Reported failures in a row reached `suspect_after`; the kind of the last one.
    pub accused: Option<Kind>,
}

const NUDGED: u8 = 1;
const ACCUSED: u8 = 2;

// The reports of a target in one word: failures in a row, whether a pass came since the last check, and the
// last failure's kind.
const COUNT: u32 = 0xffff;
const PASSED: u32 = 1 << 16;
const KIND: u32 = 24;

/// What is shared of one target between its driver, its readers and those who report on it.
pub struct Cell {
    id: TargetId,
    about: Mutex<Arc<About>>,
    word: AtomicU64,
    stale_at: AtomicU64,
    reports: AtomicU32,
    /// Zero: reports are ignored.
    suspect_after: AtomicU16,
    pending: AtomicU8,
    /// Whose door its nudges go to.
    worker: AtomicU8,
    tag: AtomicU64,
    doors: Arc<Doors>,
}

impl Cell {
    pub(crate) fn new(
        target: &Target,
        about: Arc<About>,
        word: Word,
        doors: Arc<Doors>,
        worker: u8,
    ) -> Self {
        let cell = Self {
            id: target.id.clone(),
            about: Mutex::new(about),
            word: AtomicU64::new(word.bits()),
            stale_at: AtomicU64::new(u64::MAX),
            reports: AtomicU32::new(0),
            suspect_after: AtomicU16::new(0),
            pending: AtomicU8::new(0),
            worker: AtomicU8::new(worker),
            tag: AtomicU64::new(u64::MAX),
            doors,
        };
        cell.set_passive(target.policy.passive(), target.policy.suspect_after());
        cell
    }

    /// The target's id.
    #[must_use]
    pub fn id(&self) -> &TargetId {
        &self.id
    }

    /// The target's group.
    #[must_use]
    pub fn group(&self) -> Arc<str> {
        self.about().group.clone()
    }

    /// The target's labels.
    #[must_use]
    pub fn labels(&self) -> Labels {
        self.about().labels.clone()
    }

    /// What outputs are told of the target.
    #[must_use]
    pub fn about(&self) -> Arc<About> {
        self.about
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sets what outputs are told of the target. See [`Publisher::set_about`](crate::Publisher::set_about).
    pub(crate) fn set_about(&self, about: Arc<About>) {
        *self.about.lock().unwrap_or_else(PoisonError::into_inner) = about;
    }

    /// The published state.
    #[must_use]
    pub fn word(&self) -> Word {
        Word::from_bits(self.word.load(Ordering::Acquire))
    }

    /// Publishes a state that no event tells of (a streak began): the sequence stays.
    ///
    /// Only the target's one driver may call this.
    pub fn set_word(&self, word: Word) {
        let known = self.word();
        let word = word.with_sequence(known.sequence());
        // Mostly nothing changed, and readers keep the line they have.
        if word != known {
            self.store(word);
        }
    }

    pub(crate) fn store(&self, word: Word) {
        self.word.store(word.bits(), Ordering::Release);
    }

    /// From when on the target counts as stale, by the driver's real monotonic clock.
    #[must_use]
    pub fn stale_at(&self) -> Timestamp {
        Timestamp::from_nanos(self.stale_at.load(Ordering::Relaxed))
    }

    /// Sets from when on it counts as stale; [`Timestamp::NEVER`] while paused.
    pub fn set_stale_at(&self, at: Timestamp) {
        self.stale_at.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// The driver's own key for this target.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.tag.load(Ordering::Acquire)
    }

    /// Sets the driver's own key.
    pub fn set_tag(&self, tag: u64) {
        self.tag.store(tag, Ordering::Release);
    }

    /// The number of the worker whose target this is.
    #[must_use]
    pub fn worker(&self) -> u8 {
        self.worker.load(Ordering::Acquire)
    }

    /// Gives the target to another worker. What waits at the old one's door is passed on by
    /// [`forward`](Self::forward).
    pub fn set_worker(&self, worker: u8) {
        self.worker.store(worker, Ordering::Release);
    }

    /// Puts a target that was taken out of another worker's inbox into that of its own.
    pub fn forward(self: &Arc<Self>) {
        self.doors.of(self.worker()).push(self.clone());
    }

    /// Sets what reports may do.
    pub fn set_passive(&self, passive: Passive, suspect_after: u16) {
        let after = if passive == Passive::Ignore {
            0
        } else {
            suspect_after.max(1)
        };
        self.suspect_after.store(after, Ordering::Relaxed);
    }

    /// Takes what waits for the driver.
    pub fn take_pending(&self) -> Pending {
        let pending = self.pending.swap(0, Ordering::AcqRel);
        let kind = self.reports.load(Ordering::Relaxed) >> KIND;
        Pending {
            nudged: pending & NUDGED != 0,
            accused: (pending & ACCUSED != 0).then(|| {
                Kind::ALL
                    .get(kind as usize)
                    .copied()
                    .unwrap_or(Kind::Unexpected)
            }),
        }
    }

    /// Whether traffic reported a pass since the last call.
    pub fn take_passed(&self) -> bool {
        // Mostly there is nothing to take, and looking is cheaper than writing.
        self.reports.load(Ordering::Relaxed) & PASSED != 0
            && self.reports.fetch_and(!PASSED, Ordering::Relaxed) & PASSED != 0
    }

    /// A handle that asks for an early check of this target.
    #[must_use]
    pub fn to_nudge(self: &Arc<Self>) -> Nudge {
        Nudge::new(self.clone())
    }

    pub(crate) fn nudge(self: &Arc<Self>) {
        self.put(NUDGED);
    }

    fn put(self: &Arc<Self>, what: u8) {
        // The first mark puts the cell in; those that come before the driver takes it only add to it.
        if self.pending.fetch_or(what, Ordering::AcqRel) == 0 {
            self.forward();
        }
    }

    fn report(self: &Arc<Self>, report: Report) {
        let seen = self.reports.load(Ordering::Relaxed);
        match report {
            Report::Passed if seen & (PASSED | COUNT) == PASSED => {}
            Report::Passed => {
                self.reports.fetch_and(!COUNT, Ordering::Relaxed);
                self.reports.fetch_or(PASSED, Ordering::Relaxed);
            }
            Report::Failed(kind) => {
                let after = u32::from(self.suspect_after.load(Ordering::Relaxed));
                if after == 0 {
                    return;
                }
                let mut reached = false;
                let count = |now: u32| {
                    let failures = (now & COUNT) + 1;
                    reached = failures >= after;
                    // Counting starts anew, so that a row that goes on asks again.
                    let kept = if reached { 0 } else { failures };
                    Some(kept | (kind as u32) << KIND)
                };
                // The closure never declines, so there is nothing to learn from the result.
                let _ = self
                    .reports
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
                if reached {
                    self.put(ACCUSED);
                }
            }
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell")
            .field("id", &self.id)
            .field("word", &self.word())
            .finish()
    }
}

/// A handle to one target: reading it is one atomic load. Cheap to clone, and valid after the target is gone.
#[derive(Clone, Debug)]
pub struct TargetHandle(Arc<Cell>);

impl TargetHandle {
    pub(crate) fn new(cell: Arc<Cell>) -> Self {
        Self(cell)
    }

    /// The target's id.
    #[must_use]
    pub fn id(&self) -> &TargetId {
        self.0.id()
    }

    /// The target's group.
    #[must_use]
    pub fn group(&self) -> Arc<str> {
        self.0.group()
    }

    /// The target's labels.
    #[must_use]
    pub fn labels(&self) -> Labels {
        self.0.labels()
    }

    /// What outputs are told of the target: its group, its labels, its probe.
    #[must_use]
    pub fn about(&self) -> Arc<About> {
        self.0.about()
    }

    /// The whole published state.
    #[must_use]
    pub fn word(&self) -> Word {
        self.0.word()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> crate::Status {
        self.word().status()
    }

    /// Whether it should get traffic: healthy, degraded, or unknown under `start: healthy`. Of a removed target: no.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.word().is_healthy()
    }

    /// Whether there was no conclusive check for three effective intervals and a timeout. Never while paused.
    ///
    /// `now` is the monitor's own clock (`Monitor::now`).
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.0.stale_at()
    }

    /// Tells what the caller's own traffic saw. A load or two; no allocation, no lock.
    ///
    /// Reports accuse, only checks acquit: five failures in a row (the policy's `suspect_after`) bring one early
    /// check, and passes never make a target healthy.
    pub fn report(&self, report: Report) {
        self.0.report(report);
    }

    /// Asks for an early check; at most one per `min_interval` comes of it.
    pub fn nudge(&self) {
        self.0.nudge();
    }

    /// A handle that only nudges.
    #[must_use]
    pub fn to_nudge(&self) -> Nudge {
        self.0.to_nudge()
    }
}
