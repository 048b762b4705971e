//! The door by which nudges and reports reach a driver: a lock-free list that holds each target at most once.

use std::fmt;
use std::sync::Arc;

use crossbeam_queue::SegQueue;
use event_listener::{Event as Signal, EventListener};

use crate::cell::Cell;

/// What waits for the driver: targets that were nudged or accused. At most one entry a target.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: SegQueue<Arc<Cell>>,
    signal: Signal,
}

/// The inboxes of all workers that share a view, by their number.
#[derive(Debug)]
pub(crate) struct Doors(Box<[Inbox]>);

impl Doors {
    pub(crate) fn new(workers: u8) -> Self {
        Self((0..workers.max(1)).map(|_| Inbox::default()).collect())
    }

    /// A worker's inbox; that of the first for a number that there is none of.
    pub(crate) fn of(&self, worker: u8) -> &Inbox {
        self.0.get(usize::from(worker)).unwrap_or(&self.0[0])
    }
}

impl Inbox {
    /// Puts a target in and wakes the driver. The cell's own pending mark keeps it from entering twice.
    pub(crate) fn push(&self, cell: Arc<Cell>) {
        self.waiting.push(cell);
        self.signal.notify(1);
    }

    /// Takes one waiting target.
    pub fn pop(&self) -> Option<Arc<Cell>> {
        self.waiting.pop()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Resolves when something is put in after this call. Look again after making one, then wait.
    pub fn listen(&self) -> EventListener {
        self.signal.listen()
    }

    /// Wakes the driver without an entry.
    pub fn wake(&self) {
        self.signal.notify(1);
    }
}

/// Asks for an early check of one target. Cheap to clone; harmless once the target is gone.
#[derive(Clone)]
pub struct Nudge(Option<Arc<Cell>>);

impl Nudge {
    pub(crate) fn new(cell: Arc<Cell>) -> Self {
        Self(Some(cell))
    }

    /// A handle that reaches nobody.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self(None)
    }

    /// Asks. At most one nudged check per `min_interval` of the target comes of it, however often this is called.
    pub fn nudge(&self) {
        if let Some(cell) = &self.0 {
            cell.nudge();
        }
    }
}

impl fmt::Debug for Nudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nudge")
            .field(&self.0.as_ref().map(|cell| cell.id()))
            .finish()
    }
}
