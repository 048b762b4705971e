//! The feed's memory: the last events, numbered, in a ring of fixed size.

use std::collections::VecDeque;

use event_listener::{Event as Signal, EventListener};

use crate::sync::{Mutex, MutexGuard};

/// What a reader at some place finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    Item(T),
    /// So many were overwritten before they were read.
    Missed(u64),
    Nothing,
    Closed,
}

struct Inner<T> {
    items: VecDeque<T>,
    /// The number of the next item; the first is 1, so that 0 means "before everything".
    next: u64,
    closed: bool,
}

pub(crate) struct Ring<T> {
    inner: Mutex<Inner<T>>,
    capacity: usize,
    signal: Signal,
}

impl<T: Clone> Ring<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner {
            items: VecDeque::new(),
            next: 1,
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            capacity: capacity.max(1),
            signal: Signal::new(),
        }
    }

    /// Appends what `make` makes of its number. `make` runs under the ring's lock: a word stored in it is
    /// stored before the item can be read, and in the order of the numbers.
    pub(crate) fn append(&self, make: impl FnOnce(u64) -> T) -> u64 {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        let item = make(number);
        if inner.items.len() == self.capacity {
            inner.items.pop_front();
        }
        inner.items.push_back(item);
        drop(inner);
        self.signal.notify(usize::MAX);
        number
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.lock().next
    }

    /// What stands at that number; the number moves on past what is returned.
    pub(crate) fn read(&self, at: &mut u64) -> Found<T> {
        let inner = self.lock();
        if *at >= inner.next {
            return if inner.closed {
                Found::Closed
            } else {
                Found::Nothing
            };
        }
        let oldest = inner.next - inner.items.len() as u64;
        if *at < oldest {
            let missed = oldest - *at;
            *at = oldest;
            return Found::Missed(missed);
        }
        let item = inner.items[(*at - oldest) as usize].clone();
        *at += 1;
        Found::Item(item)
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.signal.notify(usize::MAX);
    }

    pub(crate) fn listen(&self) -> EventListener {
        self.signal.listen()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing that runs under the lock can leave the ring half written.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(all(test, not(hc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_and_counts_what_was_missed() {
        let ring = Ring::new(3);
        let mut at = ring.next_number();
        for _ in 0..5 {
            ring.append(|number| number);
        }
        assert_eq!(ring.read(&mut at), Found::Missed(2));
        assert_eq!(ring.read(&mut at), Found::Item(3));
        assert_eq!(ring.read(&mut at), Found::Item(4));
        assert_eq!(ring.read(&mut at), Found::Item(5));
        assert_eq!(ring.read(&mut at), Found::Nothing);
        ring.close();
        assert_eq!(ring.read(&mut at), Found::Closed);
    }
}
