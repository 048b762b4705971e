//! First sweeps: who waits until each target that was known at that moment has ended one check.

/// Those who wait, each with how many targets are still to come.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    waiting: Vec<Sweep>,
    added: u64,
    /// Targets that have not ended a check yet, were not paused, and are still known.
    unasked: usize,
}

#[derive(Debug)]
struct Sweep {
    waiter: u64,
    /// Targets with lower numbers were known when it began.
    below: u64,
    left: usize,
}

impl Sweeps {
    /// The number of a newly added target.
    pub(crate) fn enlist(&mut self) -> u64 {
        self.added += 1;
        self.unasked += 1;
        self.added - 1
    }

    /// Begins to wait; true if there is nothing to wait for.
    pub(crate) fn begin(&mut self, waiter: u64) -> bool {
        if self.unasked == 0 {
            return true;
        }
        self.waiting.push(Sweep {
            waiter,
            below: self.added,
            left: self.unasked,
        });
        false
    }

    /// A target ended its first check, was paused before it, or was removed before it. Calls `done` with each
    /// waiter that it was the last for.
    pub(crate) fn dismiss(&mut self, number: u64, mut done: impl FnMut(u64)) {
        self.unasked -= 1;
        for sweep in &mut self.waiting {
            if number < sweep.below {
                sweep.left -= 1;
            }
        }
        self.waiting.retain(|sweep| {
            if sweep.left == 0 {
                done(sweep.waiter);
            }
            sweep.left > 0
        });
    }
}
