//! A signal's way to its collector: whether it is in trouble, told once when that begins and once when it ends, and
//! whether the end is near. What is lost on the way is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hc_core::Timestamp;

use super::send::{Sender, Taken};
use super::{Said, Shared, Signal};
use crate::shown::SinkGauge;

/// What metrics show of the export, and both ends count.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Records that ever waited, and those that do no more.
    pub(super) queued: AtomicU64,
    pub(super) taken: AtomicU64,
    dropped: AtomicU64,
}

impl Gauge {
    pub(super) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

impl SinkGauge for Gauge {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn queue_length(&self) -> u64 {
        let taken = self.taken.load(Ordering::Relaxed);
        self.queued.load(Ordering::Relaxed).saturating_sub(taken)
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// One signal's way to its collector, and whether it is in trouble.
pub(super) struct Way {
    signal: Signal,
    pub(super) sender: Sender,
    pub(super) shared: Arc<Shared>,
    /// Since when, and what had been dropped by then.
    failing: Mutex<Option<(Timestamp, u64)>>,
}

impl Way {
    pub(super) fn new(signal: Signal, sender: Sender, shared: Arc<Shared>) -> Self {
        Self {
            signal,
            sender,
            shared,
            failing: Mutex::default(),
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.shared.stopping.borrow()
    }

    /// Resolves when the end is near.
    pub(super) async fn stopping(&self) {
        // Whoever held the other end is gone, which is an end too.
        let _ = self.shared.stopping.clone().wait_for(|stop| *stop).await;
    }

    pub(super) fn failing(&self, why: String) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.is_none() {
            let dropped = self.shared.gauge.dropped();
            *failing = Some((self.shared.state.monitor.now(), dropped));
            drop(failing);
            let signal = self.signal;
            (self.shared.tell)(Said::Failing { signal, why });
        }
    }

    /// It was taken, perhaps but for some of it.
    pub(super) fn taken(&self, taken: &Taken) {
        self.shared.gauge.lose(taken.rejected);
        if taken.rejected > 0 {
            let why = format!("the collector rejected {}: {}", taken.rejected, taken.why);
            return self.failing(why);
        }
        let failing = self
            .failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((since, dropped)) = failing {
            (self.shared.tell)(Said::Recovered {
                signal: self.signal,
                lasted: self.shared.state.monitor.now().since(since),
                dropped: self.shared.gauge.dropped().saturating_sub(dropped),
            });
        }
    }
}
