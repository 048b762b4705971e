//! What is remembered of targets beyond the process, and restored to those that are added with it.

use std::fmt;
use std::time::SystemTime;

use hc_core::{Memory, Status, TargetId, Timestamp};

use super::{Entry, Key, Moment, Plan};

/// A target, and what is to be remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remembered {
    /// Its id.
    pub id: TargetId,
    /// Its health, its streaks, and since when.
    pub memory: Memory,
}

/// What overlays a memory has the beginning of.
const BEGINNINGS: [Moment; 3] = [Moment::Flapping, Moment::Unsteady, Moment::Paused];

impl Plan {
    /// What is to be remembered of a target.
    #[must_use]
    pub fn remember(&self, key: Key) -> Option<Remembered> {
        let entry = self.slab.get(key).filter(|entry| !entry.removed)?;
        let (now, wall) = (self.clock.real(), self.wall);
        let mut memory = Memory::of(&entry.health, now, wall);
        memory.failed_in = entry.failed_in;
        let began = |moment| Some(now.wall_of(entry.at(moment)?, wall));
        let [flapping, unsteady, paused] = BEGINNINGS.map(began);
        memory.flapping_since = flapping;
        memory.unsteady_since = unsteady;
        memory.paused_since = paused;
        let id = entry.id().clone();
        Some(Remembered { id, memory })
    }
}

impl Entry {
    /// Takes in the rest of what is remembered of it, beside its health.
    pub(super) fn recall(&mut self, memory: &Memory, now: Timestamp, wall: SystemTime) {
        // Who was never judged has nothing that could be restored.
        self.is_restored = self.health.status() != Status::Unknown;
        self.failed_in = memory.failed_in;
        let holds = [
            self.health.is_flapping(),
            self.health.is_unsteady(),
            self.paused,
        ];
        let since = [
            memory.flapping_since,
            memory.unsteady_since,
            memory.paused_since,
        ];
        for ((moment, holds), since) in BEGINNINGS.into_iter().zip(holds).zip(since) {
            if holds {
                let since = since.map_or(now, |since| now.at_wall(since, wall));
                self.set(moment, Some(since));
            }
        }
    }
}

/// What is left of a monitor that was shut down: nobody is asked any more, and what was known last is known.
pub struct Remains(Vec<Plan>);

impl Remains {
    pub(crate) fn of(plans: Vec<Plan>) -> Self {
        Self(plans)
    }

    pub(crate) fn into_plans(self) -> Vec<Plan> {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be remembered of a target.
    #[must_use]
    pub fn remember(&self, id: &str) -> Option<Remembered> {
        let cell = self.0.first()?.publisher.find(id)?;
        let plan = self.0.get(usize::from(cell.worker()))?;
        plan.remember(Key::from_bits(cell.tag()))
    }
}

impl fmt::Debug for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: usize = self.0.iter().map(Plan::len).sum();
        f.debug_struct("Remains")
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}
